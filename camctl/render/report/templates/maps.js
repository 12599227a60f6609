/* The maps of the page; a canvas is painted when it comes near the window. */

const $ = (id) => document.getElementById(id);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const data = JSON.parse($("data").textContent);
const palettes = Object.fromEntries(Object.entries(data.palettes).map(([name, text]) => [name, fromBase64(text)]));
const grids = data.cells.map((cell) => (cell.map && cell.map.levels ? decode(cell.map) : null));
const state = {};

/** Pixels of each picture by size, and the same faded for the current opacity. */
const pictures = [];
const memory = new Map();
const remember = (key, make) => {
  if (!memory.has(key)) memory.set(key, make());
  return memory.get(key);
};

function pixelsOf(scene, width, height) {
  return remember(`${scene} ${width} ${height}`, () => {
    const canvas = document.createElement("canvas");
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.imageSmoothingQuality = "high";
    context.drawImage(pictures[scene], 0, 0, width, height);
    return { plain: context.getImageData(0, 0, width, height), faded: null, amount: -1 };
  });
}

function fadedOf(kept) {
  if (kept.amount !== state.opacity) {
    kept.faded = fade(kept.plain.data, state.opacity, data.luma);
    kept.amount = state.opacity;
  }
  return kept.faded;
}

function table() {
  const key = `${state.colormap} ${state.opacity}`;
  if (table.key !== key) {
    table.key = key;
    table.found = lookUp(palettes[state.colormap], state.opacity, data.fullAt);
  }
  return table.found;
}

/** [offset, slope] from a map's values to the values drawn. */
function stretch(map, gain = state.gain) {
  return state.scale === "shared" ? [gain * map.low, gain * (map.high - map.low)] : [0, gain];
}

function paint(tile) {
  const { canvas, scene, place } = tile;
  const { width, height } = canvas;
  const kept = pixelsOf(scene, width, height);
  const context = canvas.getContext("2d");
  if (place === null) {
    context.putImageData(kept.plain, 0, 0);
    return;
  }
  const map = data.cells[place].map, box = data.scenes[scene].box, grid = grids[place];
  const xs = taps(width, grid ? grid.columns : 1, box[0], box[2], map.box[0], map.box[2]);
  const ys = taps(height, grid ? grid.rows : 1, box[1], box[3], map.box[1], map.box[3]);
  const out = remember(`out ${width} ${height}`, () => new ImageData(width, height));
  if (grid) paintHeat(out.data, width, height, fadedOf(kept), kept.plain.data, grid, xs, ys, table(), ...stretch(map));
  else paintWorthless(out.data, width, height, kept.plain.data, xs, ys, data.luma);
  context.putImageData(out, 0, 0);
}

/** All canvases, each with its frame, scene, and index of its cell (null for a bare picture). */
const tiles = [];
const near = new Set();
const stale = new Set();
let asked = 0;

function repaint(which = tiles) {
  which.forEach((tile) => stale.add(tile));
  asked ||= requestAnimationFrame(paintStale);
}

function paintStale(everything = false) {
  asked = 0;
  for (const tile of stale) {
    if (everything !== true && !near.has(tile)) continue;
    paint(tile);
    stale.delete(tile);
  }
}

const watcher = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      const tile = tiles.find((one) => one.canvas === entry.target);
      if (entry.isIntersecting) near.add(tile);
      else near.delete(tile);
    }
    if (stale.size) asked ||= requestAnimationFrame(paintStale);
  },
  { rootMargin: "400px" },
);

function addTile(canvas, scene, place) {
  const frame = canvas.closest(".frame");
  const mark = document.createElement("span"), chip = document.createElement("span");
  mark.className = "mark";
  chip.className = "chip number";
  mark.hidden = chip.hidden = true;
  mark.setAttribute("aria-hidden", "true");
  chip.setAttribute("aria-hidden", "true");
  frame.append(mark, chip);
  const tile = { canvas, frame, mark, chip, scene, place };
  tiles.push(tile);
  watcher.observe(canvas);
  return tile;
}

function paintRamp() {
  const ramp = $("ramp").getContext("2d"), strip = ramp.createImageData(256, 1), palette = palettes[state.colormap];
  for (let i = 0; i < 256; i++) {
    const level = Math.min(Math.round(i * state.gain), 255);
    strip.data.set([...palette.subarray(3 * level, 3 * level + 3), 255], 4 * i);
  }
  ramp.putImageData(strip, 0, 0);
  $("unit").textContent = data.units[state.scale];
}
