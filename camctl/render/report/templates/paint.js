/* From small arrays to colours: a map is stretched over its picture and coloured, pixel by pixel. */

const fromBase64 = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

/** A map's values on its grid, as numbers. */
function decode(map) {
  const levels = fromBase64(map.levels);
  const step = (map.ceiling - map.floor) / 255;
  return { rows: map.grid[0], columns: map.grid[1], values: Float32Array.from(levels, (level) => map.floor + step * level) };
}

/** The two `cells` on either side of a position (0..1), and the distance from the first; pixel centres aligned. */
function between(place, cells) {
  const at = Math.min(Math.max(place * cells - 0.5, 0), cells - 1);
  const first = Math.floor(at);
  return [first, Math.min(first + 1, cells - 1), at - first];
}

/** The value of a decoded map at (x, y), as shares of its width and height; null outside. */
function valueAt(grid, x, y) {
  if (!(x >= 0 && x <= 1 && y >= 0 && y <= 1)) return null;
  const [left, right, across] = between(x, grid.columns);
  const [upper, lower, down] = between(y, grid.rows);
  const along = (row) => {
    const one = grid.values[row * grid.columns + left];
    return one + (grid.values[row * grid.columns + right] - one) * across;
  };
  const value = along(upper) + (along(lower) - along(upper)) * down;
  return Math.min(Math.max(value, 0), 1);
}

/** For every pixel along one side of a scene: its cells on a map's grid; -1 beyond the map. */
function taps(pixels, cells, sceneStart, sceneEnd, start, end) {
  const first = new Int32Array(pixels), second = new Int32Array(pixels), part = new Float32Array(pixels);
  for (let i = 0; i < pixels; i++) {
    const place = (sceneStart + ((i + 0.5) / pixels) * (sceneEnd - sceneStart) - start) / (end - start);
    if (place < 0 || place > 1) first[i] = -1;
    else [first[i], second[i], part[i]] = between(place, cells);
  }
  return { first, second, part };
}

/** For each of 256 levels: its colour times its opacity, and the share of the picture that remains; all of it in the middle of `signed` ones. */
function lookUp(palette, opacity, fullAt, signed) {
  const table = new Float32Array(256 * 4);
  for (let level = 0; level < 256; level++) {
    const step = Math.min((signed ? Math.abs((2 * level) / 255 - 1) : level / 255) / fullAt, 1);
    const cover = opacity * step * step * (3 - 2 * step);
    for (let channel = 0; channel < 3; channel++) table[4 * level + channel] = palette[3 * level + channel] * cover;
    table[4 * level + 3] = 1 - cover;
  }
  return table;
}

/** Pixels (RGBA) moved towards their own grey: 0 leaves them, 1 makes them grey. */
function fade(pixels, amount, luma) {
  const faded = new Uint8ClampedArray(pixels.length);
  for (let i = 0; i < pixels.length; i += 4) {
    const grey = luma[0] * pixels[i] + luma[1] * pixels[i + 1] + luma[2] * pixels[i + 2];
    for (let channel = 0; channel < 3; channel++) faded[i + channel] = pixels[i + channel] + (grey - pixels[i + channel]) * amount;
    faded[i + 3] = 255;
  }
  return faded;
}

/**
 * Lay a map over a scene's pixels. `base` is the faded picture (RGBA); `plain` the unfaded one, drawn beyond the map;
 * a value v is drawn as `offset + slope * v`.
 */
function paintHeat(out, width, height, base, plain, grid, xs, ys, table, offset, slope) {
  const line = new Float32Array(grid.columns);
  for (let y = 0; y < height; y++) {
    const upper = ys.first[y];
    if (upper >= 0) {
      const one = upper * grid.columns, other = ys.second[y] * grid.columns, down = ys.part[y];
      for (let c = 0; c < grid.columns; c++) line[c] = grid.values[one + c] + (grid.values[other + c] - grid.values[one + c]) * down;
    }
    for (let x = 0, i = 4 * y * width; x < width; x++, i += 4) {
      const left = xs.first[x];
      out[i + 3] = 255;
      if (upper < 0 || left < 0) {
        out[i] = plain[i];
        out[i + 1] = plain[i + 1];
        out[i + 2] = plain[i + 2];
        continue;
      }
      let value = line[left] + (line[xs.second[x]] - line[left]) * xs.part[x];
      value = offset + slope * (value < 0 ? 0 : value > 1 ? 1 : value);
      const entry = 4 * (value <= 0 ? 0 : value >= 1 ? 255 : (value * 255 + 0.5) | 0);
      const stays = table[entry + 3];
      out[i] = base[i] * stays + table[entry];
      out[i + 1] = base[i + 1] * stays + table[entry + 1];
      out[i + 2] = base[i + 2] * stays + table[entry + 2];
    }
  }
}

/** A grey, pale and hatched picture, which nobody takes for a map without heat. */
function paintWorthless(out, width, height, plain, xs, ys, luma) {
  const pitch = Math.max(8, Math.floor(Math.min(width, height) / 14));
  const stroke = Math.max(1, Math.floor(pitch / 12));
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i += 4) {
      const inside = xs.first[x] >= 0 && ys.first[y] >= 0;
      let pale = luma[0] * plain[i] + luma[1] * plain[i + 1] + luma[2] * plain[i + 2];
      pale = (pale * 0.4 + 110) * ((x + y) % pitch < stroke ? 0.6 : 1);
      for (let channel = 0; channel < 3; channel++) out[i + channel] = inside ? pale : plain[i + channel];
      out[i + 3] = 255;
    }
  }
}
