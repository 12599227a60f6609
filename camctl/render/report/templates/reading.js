/* Values under the pointer, a finger or the arrow keys; and one map enlarged next to its picture. */

// ------------------------------------------------------------------------------------------- reading

/** The tile being read, and the position in pixels of the picture; null if none is. */
let reading = null;
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

function valueThere(place, x, y) {
  const map = data.cells[place].map;
  if (!grids[place]) return null;
  return valueAt(grids[place], (x - map.box[0]) / (map.box[2] - map.box[0]), (y - map.box[1]) / (map.box[3] - map.box[1]));
}

function said(tile, x, y) {
  const scene = data.scenes[tile.scene];
  const [width, height] = scene.size;
  const outside = x < 0 || y < 0 || x >= width || y >= height;
  const at = outside ? "outside the picture" : `at x ${Math.floor(x)}, y ${Math.floor(y)}`;
  if (tile.place === null) return `Picture ${at}`;
  const cell = data.cells[tile.place], map = cell.map;
  if (map.worthless) return `No value (${map.worthless}) ${at} · ${cell.name}`;
  const value = valueThere(tile.place, x, y);
  if (value === null) return `Not seen by the model ${at} · ${cell.name}`;
  const [offset, slope] = stretch(map, 1);
  const shared = state.scale === "shared" ? ` (${(offset + slope * value).toFixed(2)} shared)` : "";
  return `${value.toFixed(2)}${shared} ${at} · ${cell.name}`;
}

function read(tile, x, y) {
  reading = { tile, x, y };
  const enlarged = tile.frame.closest("dialog");
  $(enlarged ? "large-readout" : "readout").textContent = said(tile, x, y);
  for (const one of tiles) {
    const scene = data.scenes[one.scene];
    const alike = scene.image === data.scenes[tile.scene].image && one.frame.closest("dialog") === enlarged;
    const across = (x - scene.box[0]) / (scene.box[2] - scene.box[0]);
    const down = (y - scene.box[1]) / (scene.box[3] - scene.box[1]);
    const inside = alike && across >= 0 && across <= 1 && down >= 0 && down <= 1;
    one.mark.hidden = !inside;
    const value = inside && one.place !== null ? valueThere(one.place, x, y) : null;
    one.chip.hidden = value === null;
    if (value !== null) one.chip.textContent = value.toFixed(2);
    if (!inside) continue;
    one.mark.style.left = `${100 * across}%`;
    one.mark.style.top = `${100 * down}%`;
  }
}

const REST = "Point at a map to read it.";

function stopReading() {
  reading = null;
  $("readout").textContent = REST;
  $("large-readout").textContent = "";
  for (const one of tiles) one.mark.hidden = one.chip.hidden = true;
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

// ----------------------------------------------------------------------------------------- enlarging

let enlarged = null;
const large = { map: null, picture: null };

const inOrder = () => {
  const root = state.sort ? $("ranked") : $("grid");
  return all("figure.cell", root).map((figure) => Number(figure.dataset.cell)).filter((place) => data.cells[place].map && isShown(data.cells[place].at));
};

function fill(place) {
  const { figure } = figures.find((one) => one.place === place);
  const small = tiles.find((tile) => tile.place === place && tile !== large.map);
  const picture = pictures[small.scene];
  stopReading();
  for (const [tile, of] of [[large.map, place], [large.picture, null]]) {
    Object.assign(tile, { scene: small.scene, place: of });
    tile.canvas.width = picture.naturalWidth;
    tile.canvas.height = picture.naturalHeight;
  }
  large.map.canvas.setAttribute("aria-label", small.canvas.getAttribute("aria-label"));
  $("large-title").textContent = data.cells[place].name;
  const caption = figure.querySelector("figcaption").cloneNode(true);
  for (const hidden of all(".details", caption)) hidden.hidden = false;
  $("large-caption").replaceChildren(...caption.childNodes);
  const order = inOrder();
  $("before").disabled = order.indexOf(place) <= 0;
  $("after").disabled = order.indexOf(place) === order.length - 1;
  enlarged = place;
  paint(large.map);
  paint(large.picture);
}

function enlarge(place) {
  $("large").showModal();
  fill(place);
  large.map.frame.focus();
}

function step(by) {
  const order = inOrder(), next = order[order.indexOf(enlarged) + by];
  if (next === undefined) return;
  fill(next);
  // A disabled button would lose the keyboard focus.
  if (document.activeElement === document.body || document.activeElement.disabled) large.map.frame.focus();
}

$("before").addEventListener("click", () => step(-1));
$("after").addEventListener("click", () => step(1));
$("close").addEventListener("click", () => $("large").close());
$("large").addEventListener("keydown", (event) => {
  if (event.key === "PageUp" || event.key === "PageDown") {
    event.preventDefault();
    step(event.key === "PageUp" ? -1 : 1);
  }
});
$("large").addEventListener("click", (event) => event.target === $("large") && $("large").close());
$("large").addEventListener("close", () => {
  stopReading();
  const { figure } = figures.find((one) => one.place === enlarged);
  figure.querySelector("button.frame").focus();
});
