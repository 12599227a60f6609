/* The maps of the page: a canvas is painted when it comes near the window, at the size it has there, and emptied after. */

const $ = (id) => document.getElementById(id);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const data = JSON.parse($("data").textContent);
const palettes = Object.fromEntries(Object.entries(data.palettes).map(([name, text]) => [name, fromBase64(text)]));
const state = {};

/** What was made last, so that it is not made again for the next map; the oldest of it is forgotten. */
const memory = new Map();
const MOST_KEPT = 64;
function remember(key, make) {
  const kept = memory.get(key) ?? make();
  memory.delete(key);
  memory.set(key, kept);
  if (memory.size > MOST_KEPT) memory.delete(memory.keys().next().value);
  return kept;
}

const grids = [];
function gridOf(place) {
  const map = data.cells[place].map;
  if (grids[place] === undefined) grids[place] = map && map.levels ? decode(map) : null;
  return grids[place];
}

/** The picture of a scene; null until it is decoded, and then maps that wait for it are painted. */
const pictures = [];
let printing = false;
function pictureOf(scene) {
  const kept = (pictures[scene] ??= { image: Object.assign(new Image(), { src: data.scenes[scene].source }) });
  kept.decoding ??= kept.image.decode().then(() => {
    kept.ready = true;
    schedule();
  });
  return kept.ready || (printing && kept.image.complete) ? kept.image : null;
}

/** Pixels of a picture at a size, and the same faded for the current opacity. */
function pixelsOf(scene, width, height) {
  return remember(`${scene} ${width} ${height}`, () => {
    const canvas = document.createElement("canvas");
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.imageSmoothingQuality = "high";
    context.drawImage(pictureOf(scene), 0, 0, width, height);
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
    table.found = lookUp(palettes[state.colormap], state.opacity, data.fullAt, data.signed);
  }
  return table.found;
}

/** [offset, slope] from a map's values to the values drawn; those of signed maps grow from the middle. */
function stretch(map, gain = state.gain) {
  if (data.signed) {
    const slope = state.scale === "shared" ? gain * map.high : gain;
    return [(1 - slope) / 2, slope];
  }
  return state.scale === "shared" ? [gain * map.low, gain * (map.high - map.low)] : [0, gain];
}

/** Lay the outlines of a map over it, if it has some and they are wanted. */
function paintOutlines(context, { place, scene, width, height }) {
  const map = place === null ? null : data.cells[place].map;
  if (!map?.marks || !state.outlines) return;
  const marks = map.marks.map((number) => data.outlines[number]), box = data.scenes[scene].box;
  context.drawImage(remember(`lines ${place} ${width} ${height}`, () => outlined(marks, box, map.box, context)), 0, 0);
}

/** Whether a tile could be painted: its picture may not be decoded yet. */
function paint(tile) {
  const { canvas, scene, place, width, height } = tile;
  if (!pictureOf(scene)) return false;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const kept = pixelsOf(scene, width, height);
  const context = canvas.getContext("2d");
  if (place === null || state.bare) {
    context.putImageData(kept.plain, 0, 0);
    paintOutlines(context, tile);
    return true;
  }
  const map = data.cells[place].map, box = data.scenes[scene].box, grid = gridOf(place);
  const xs = taps(width, grid ? grid.columns : 1, box[0], box[2], map.box[0], map.box[2]);
  const ys = taps(height, grid ? grid.rows : 1, box[1], box[3], map.box[1], map.box[3]);
  const out = remember(`out ${width} ${height}`, () => new ImageData(width, height));
  if (grid) paintHeat(out.data, width, height, fadedOf(kept), kept.plain.data, grid, xs, ys, table(), ...stretch(map));
  else paintWorthless(out.data, width, height, kept.plain.data, xs, ys, data.luma);
  context.putImageData(out, 0, 0);
  paintOutlines(context, tile);
  return true;
}

/** All canvases, each with its frame, scene, and index of its cell (null for a bare picture). */
const tiles = [];
const tileOf = new Map();
const near = new Set();
const stale = new Set();
let asked = 0;

const schedule = () => (asked ||= requestAnimationFrame(paintStale));

function repaint(which = tiles) {
  which.forEach((tile) => stale.add(tile));
  schedule();
}

const FRAME = 8;
/* Milliseconds of a frame that painting may take; what is left waits for the next, so that scrolling stays smooth. */

function paintStale() {
  asked = 0;
  const end = performance.now() + FRAME;
  for (const tile of near) {
    if (!stale.has(tile) || !paint(tile)) continue;
    stale.delete(tile);
    if (performance.now() > end) return void schedule();
  }
}

/** Tiles are painted with as many pixels as the screen shows, in steps, and never with more than their picture has. */
function measure(tile, shown = tile.frame.clientWidth) {
  const [most, tall] = tile.most;
  const width = tile.fixed || !shown ? most : Math.min(most, 16 * Math.ceil((shown * devicePixelRatio) / 16));
  if (tile.width === width) return;
  Object.assign(tile, { width, height: Math.max(1, Math.round((tall * width) / most)) });
  stale.add(tile);
}

const watcher = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting, boundingClientRect } of entries) {
      const tile = tileOf.get(target);
      if (isIntersecting) {
        measure(tile, boundingClientRect.width);
        near.add(tile);
      } else if (near.delete(tile)) {
        // Hundreds of painted canvases would fill the memory.
        tile.canvas.width = tile.canvas.height = 0;
        stale.add(tile);
      }
    }
    if (reading) markAll();
    schedule();
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
  const tile = { canvas, frame, mark, chip, scene, place, most: [canvas.width, canvas.height], width: 0 };
  canvas.style.aspectRatio = `${canvas.width} / ${canvas.height}`; // an emptied canvas keeps its place
  measure(tile, canvas.width);
  tiles.push(tile);
  tileOf.set(canvas, tile);
  stale.add(tile);
  watcher.observe(canvas);
  return tile;
}

/** On paper there is every map, seen or not. */
addEventListener("beforeprint", () => {
  printing = true;
  for (const tile of stale) if (paint(tile)) stale.delete(tile);
  printing = false;
});

function paintRamp() {
  const ramp = $("ramp").getContext("2d"), strip = ramp.createImageData(256, 1), palette = palettes[state.colormap];
  for (let i = 0; i < 256; i++) {
    const zero = data.signed ? 127.5 : 0;
    const level = clamp(Math.round(zero + (i - zero) * state.gain), 0, 255);
    strip.data.set([...palette.subarray(3 * level, 3 * level + 3), 255], 4 * i);
  }
  ramp.putImageData(strip, 0, 0);
  $("unit").textContent = data.units[state.scale];
}
