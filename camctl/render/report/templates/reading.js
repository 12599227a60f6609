/* Values under the pointer, a finger or the arrow keys, at the same place in all maps of a picture. */

/** The tile being read, and the position in pixels of the picture; null if none is. */
let reading = null;
const marked = new Set();

function valueThere(place, x, y) {
  const map = data.cells[place].map, grid = gridOf(place);
  return grid && valueAt(grid, (x - map.box[0]) / (map.box[2] - map.box[0]), (y - map.box[1]) / (map.box[3] - map.box[1]));
}

/** A value as it is called: signed maps are kept as 0 to 1. */
const called = (value) => (data.signed ? 2 * value - 1 : value).toFixed(2).replace("-", "\u2212");

function said(tile, x, y) {
  const [width, height] = data.scenes[tile.scene].size;
  const outside = x < 0 || y < 0 || x >= width || y >= height;
  const at = outside ? "outside the picture" : `at x ${Math.floor(x)}, y ${Math.floor(y)}`;
  if (tile.place === null) return `Picture ${at}`;
  const cell = data.cells[tile.place], map = cell.map;
  if (map.worthless) return `No value (${map.worthless}) ${at} · ${cell.name}`;
  const value = valueThere(tile.place, x, y);
  if (value === null) return `Not seen by the model ${at} · ${cell.name}`;
  const [offset, slope] = stretch(map, 1);
  const shared = state.scale === "shared" ? ` (${called(offset + slope * value)} shared)` : "";
  return `${called(value)}${shared} ${at} · ${cell.name}`;
}

function read(tile, x, y) {
  reading = { tile, x, y };
  $(tile.frame.closest("dialog") ? "large-readout" : "readout").textContent = said(tile, x, y);
  markAll();
}

/** Marks the place that is read in all maps of its picture that are in sight. */
function markAll() {
  const { tile, x, y } = reading, enlarged = tile.frame.closest("dialog");
  for (const one of new Set([...near, ...marked])) {
    const scene = data.scenes[one.scene];
    const alike = near.has(one) && scene.image === data.scenes[tile.scene].image && one.frame.closest("dialog") === enlarged;
    const across = (x - scene.box[0]) / (scene.box[2] - scene.box[0]);
    const down = (y - scene.box[1]) / (scene.box[3] - scene.box[1]);
    const inside = alike && across >= 0 && across <= 1 && down >= 0 && down <= 1;
    const value = inside && one.place !== null ? valueThere(one.place, x, y) : null;
    one.mark.hidden = !inside;
    one.chip.hidden = value === null;
    if (value !== null) one.chip.textContent = called(value);
    marked[inside ? "add" : "delete"](one);
    if (!inside) continue;
    one.mark.style.left = `${100 * across}%`;
    one.mark.style.top = `${100 * down}%`;
  }
}

const REST = $("readout").textContent;

function stopReading() {
  reading = null;
  $("readout").textContent = REST;
  $("large-readout").textContent = "";
  for (const one of marked) one.mark.hidden = one.chip.hidden = true;
  marked.clear();
}

function readPointer(tile, event) {
  const bounds = tile.canvas.getBoundingClientRect(), box = data.scenes[tile.scene].box;
  const across = clamp((event.clientX - bounds.left) / bounds.width, 0, 0.9999);
  const down = clamp((event.clientY - bounds.top) / bounds.height, 0, 0.9999);
  read(tile, box[0] + across * (box[2] - box[0]), box[1] + down * (box[3] - box[1]));
}

function peakOf(tile) {
  const box = data.scenes[tile.scene].box;
  const map = tile.place === null ? null : data.cells[tile.place].map;
  if (!map || map.worthless) return [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];
  return [map.box[0] + map.peak[0] * (map.box[2] - map.box[0]), map.box[1] + map.peak[1] * (map.box[3] - map.box[1])];
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function readKey(tile, event) {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.key === "Escape" && reading && !tile.frame.closest("dialog")) {
    stopReading();
    return;
  }
  const arrow = ARROWS[event.key];
  if (!arrow && event.key !== "Home") return;
  event.preventDefault();
  const fresh = !reading || reading.tile !== tile;
  let [x, y] = fresh || event.key === "Home" ? peakOf(tile) : [reading.x, reading.y];
  if (arrow && !fresh) {
    const box = data.scenes[tile.scene].box, step = event.shiftKey ? 1 / 8 : 1 / 40;
    x = clamp(x + arrow[0] * step * (box[2] - box[0]), box[0], box[2] - 1e-3);
    y = clamp(y + arrow[1] * step * (box[3] - box[1]), box[1], box[3] - 1e-3);
  }
  read(tile, x, y);
}

function makeReadable(tile) {
  let last = null;
  tile.frame.addEventListener("pointermove", (event) => {
    if (event.pointerType !== "touch") readPointer(tile, event);
  });
  tile.frame.addEventListener("pointerleave", (event) => {
    if (event.pointerType !== "touch") stopReading();
  });
  tile.frame.addEventListener("pointerdown", (event) => (last = event.pointerType));
  tile.frame.addEventListener("keydown", (event) => readKey(tile, event));
  tile.frame.addEventListener("blur", () => reading && reading.tile === tile && stopReading());
  tile.frame.addEventListener("click", (event) => {
    // A finger cannot hover: its first tap reads, the second enlarges.
    const touched = event.detail > 0 && (event.pointerType || last) === "touch";
    const first = touched && !(reading && reading.tile === tile);
    if (touched) readPointer(tile, event);
    if (first && !tile.frame.closest("dialog")) $("readout").textContent += " · tap again to enlarge";
    else if (tile.frame.matches("button")) enlarge(tile.place);
  });
}
