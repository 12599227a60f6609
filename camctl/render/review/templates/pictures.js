/* The pictures of the page, and how one is painted with a map. */

const $ = (id) => document.getElementById(id);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const data = JSON.parse($("data").textContent);
const palettes = Object.fromEntries(Object.entries(data.palettes).map(([name, text]) => [name, fromBase64(text)]));
data.pictures.forEach((picture, place) => (picture.place = place));

/** An element with properties and children; texts are never read as markup. */
function make(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key in element && key !== "list") element[key] = value;
    else element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

const DASH = "–";
const percent = (value) => (value === null || value === undefined ? DASH : `${(100 * value).toFixed(1)}%`);
const number = (value) => (value === null || value === undefined ? DASH : Math.abs(value) < 1e4 ? value.toFixed(3) : value.toPrecision(4));
const short = (name) => name.split(/[\\/]/).pop() || name;

/** The map that a picture is judged by: the first one of a method; null if there is none. */
const mapOf = (picture, method) => picture.maps.find((map) => map.method === method) || null;

/** A map's signed values on its grid, and what is painted: their positive part from 0 to 1. */
function gridOf(map) {
  if (!map.levels) return null;
  if (map.grown) return map.grown;
  const step = (map.high - map.low) / 255;
  const raw = Float32Array.from(fromBase64(map.levels), (level) => map.low + step * level);
  const heat = raw.map((value) => Math.max(value, 0));
  const low = Math.min(...heat), span = Math.max(...heat) - low || 1;
  map.grown = { rows: map.grid[0], columns: map.grid[1], raw, peak: Math.max(...raw), values: heat.map((value) => (value - low) / span) };
  return map.grown;
}

/** The thumbnail of a picture, decoded; grey of its shape if there is none. */
const sources = new Map();
function sourceOf(picture) {
  if (!sources.has(picture.place)) {
    sources.set(picture.place, picture.thumb ? decoded(picture.thumb) : Promise.resolve(null));
    if (sources.size > 400) sources.delete(sources.keys().next().value);
  }
  return sources.get(picture.place);
}

async function decoded(source) {
  const image = new Image();
  image.src = source;
  await image.decode();
  return image;
}

/** Width and height of a picture's canvas. */
function shape(picture, image) {
  if (image) return [image.naturalWidth, image.naturalHeight];
  const [width, height] = picture.size[0] ? picture.size : [1, 1];
  const scale = 160 / Math.max(width, height);
  return [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
}

function table(look) {
  const key = `${look.colormap} ${look.opacity}`;
  if (table.key !== key) Object.assign(table, { key, colours: lookUp(palettes[look.colormap], look.opacity, data.fullAt) });
  return table.colours;
}

/** Paint a picture on a canvas, with a map on it or (null) without. */
async function paint(canvas, picture, map, look) {
  const turn = (canvas.turn = (canvas.turn || 0) + 1);
  const image = await sourceOf(picture).catch(() => null);
  if (canvas.turn !== turn) return;
  const [width, height] = shape(picture, image);
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#8a8a8a";
  context.fillRect(0, 0, width, height);
  if (image) context.drawImage(image, 0, 0, width, height);
  canvas.dataset.painted = map ? map.method : "picture";
  if (!map || !map.box) return;
  if (look.opacity > 0) paintMap(context, picture, map, look);
  if (map.mark) context.drawImage(outlined([map.mark], [0, 0, ...picture.size], map.box, context), 0, 0);
}

function paintMap(context, picture, map, look) {
  const { width, height } = context.canvas;
  const plain = context.getImageData(0, 0, width, height), out = new ImageData(width, height);
  const grid = gridOf(map), size = picture.size;
  const xs = taps(width, grid ? grid.columns : 1, 0, size[0], map.box[0], map.box[2]);
  const ys = taps(height, grid ? grid.rows : 1, 0, size[1], map.box[1], map.box[3]);
  if (grid) paintHeat(out.data, width, height, fade(plain.data, look.opacity, data.luma), plain.data, grid, xs, ys, table(look), 0, 1);
  else paintWorthless(out.data, width, height, plain.data, xs, ys, data.luma);
  context.putImageData(out, 0, 0);
}

/** The cell of a map under a position (shares of the picture): its row, column and signed value; null outside. */
function cellAt(picture, map, across, down) {
  const grid = map && map.box ? gridOf(map) : null;
  if (!grid) return null;
  const x = (across * picture.size[0] - map.box[0]) / (map.box[2] - map.box[0]);
  const y = (down * picture.size[1] - map.box[1]) / (map.box[3] - map.box[1]);
  if (!(x >= 0 && x < 1 && y >= 0 && y < 1)) return null;
  const column = Math.floor(x * grid.columns), row = Math.floor(y * grid.rows);
  const value = grid.raw[row * grid.columns + column];
  return { row, column, value, share: grid.peak > 0 ? value / grid.peak : 0 };
}
