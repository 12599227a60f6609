/* Outlines of boxes and masks, on the same pixels on which camctl's figures have them. */

/** A mask out of its run lengths: of outside and inside in turn, column by column. */
function unpack({ size, counts }) {
  const [rows, columns] = size, cells = new Uint8Array(rows * columns);
  let at = 0;
  counts.forEach((count, turn) => {
    for (let end = at + count; at < end; at++) if (turn % 2) cells[(at % rows) * columns + Math.floor(at / rows)] = 1;
  });
  return { rows, columns, cells };
}

/** Which pixels of a scene have their centre on an outlined region; `box` is the part of the picture that a mask covers. */
function covered(mark, scene, box, width, height) {
  const inside = new Uint8Array(width * height), mask = mark.counts && (mark.mask ??= unpack(mark));
  const across = (i, cells) => scene[0] + ((i + 0.5) * (scene[2] - scene[0])) / cells;
  const down = (i, cells) => scene[1] + ((i + 0.5) * (scene[3] - scene[1])) / cells;
  for (let y = 0; y < height; y++) {
    const py = down(y, height), row = mask && Math.floor(((py - box[1]) / (box[3] - box[1])) * mask.rows);
    for (let x = 0; x < width; x++) {
      const px = across(x, width);
      if (!mask) inside[y * width + x] = px >= mark.box[0] && px <= mark.box[2] && py >= mark.box[1] && py <= mark.box[3];
      else {
        const column = Math.floor(((px - box[0]) / (box[2] - box[0])) * mask.columns);
        inside[y * width + x] = row >= 0 && row < mask.rows && column >= 0 && column < mask.columns ? mask.cells[row * mask.columns + column] : 0;
      }
    }
  }
  return inside;
}

/** A region without the pixels within a distance of its outside; all beyond the scene is outside. */
function shrunk(inside, by, width, height) {
  const along = (from, length, lines, step, turn) => {
    const to = new Uint8Array(from.length);
    for (let line = 0; line < lines; line++) {
      for (let i = by; i < length - by; i++) {
        let all = 1;
        for (let d = -by; all && d <= by; d++) all = from[line * turn + (i + d) * step];
        to[line * turn + i * step] = all;
      }
    }
    return to;
  };
  return along(along(inside, width, height, 1, width), height, width, width, 1);
}

/** The colour of a single line: one that differs from the pixels (RGBA) under it. */
function ink(inside, inner, under) {
  let sum = 0, count = 0;
  for (let i = 0; i < inside.length; i++) {
    if (!inside[i] || inner[i]) continue;
    sum += under[4 * i] + under[4 * i + 1] + under[4 * i + 2];
    count += 3;
  }
  return count && sum / count > MIDDLE ? DARK : LIGHT;
}

const FINEST = 120;
/* Pixels of a scene's shorter side for each pixel of the line's width. */

const SMALL = 64, MIDDLE = 160;
/* Shorter side in pixels below which there is room for one line, and the level under it from which it is dark. */

const LIGHT = 0xffffffff, DARK = 0xff141414;

/** A canvas with nothing but the outlines of some marks on what is drawn: a light line, and a dark one inside of it. */
function outlined(marks, scene, box, drawn) {
  const { width, height } = drawn.canvas;
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const image = new ImageData(width, height), pixels = new Uint32Array(image.data.buffer);
  const line = Math.max(1, Math.round(Math.min(width, height) / FINEST));
  for (const mark of marks) {
    const inside = covered(mark, scene, box, width, height);
    const inner = shrunk(inside, line, width, height), rest = shrunk(inner, Math.max(1, Math.floor(line / 2)), width, height);
    const small = Math.min(width, height) < SMALL, edge = small ? ink(inside, inner, drawn.getImageData(0, 0, width, height).data) : LIGHT;
    for (let i = 0; i < pixels.length; i++) {
      if (inside[i] && !inner[i]) pixels[i] = edge;
      else if (!small && inner[i] && !rest[i]) pixels[i] = DARK;
    }
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}
