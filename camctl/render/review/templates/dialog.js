/* One picture enlarged, with the maps of all its methods side by side, and their values. */

let enlarged = null;
let frames = [];

function figureOf(picture, map, order) {
  const canvas = make("canvas", { width: 160, height: 160, role: "img" });
  canvas.setAttribute("aria-label", map ? `Map of ${map.method} for ${map.target}` : "The picture, without a map");
  const frame = make("div", { className: "frame" }, canvas);
  const mark = make("span", { className: "mark", hidden: true }), chip = make("span", { className: "chip number", hidden: true });
  frame.append(mark, chip);
  if (map) {
    frame.tabIndex = 0;
    frame.setAttribute("role", "group");
    frame.setAttribute("aria-label", `${map.method}: arrow keys read its cells`);
    frame.addEventListener("keydown", (event) => readKey(event, order));
  }
  frame.addEventListener("pointermove", (event) => readPointer(event, order));
  frame.addEventListener("pointerdown", (event) => readPointer(event, order));
  frame.addEventListener("pointerleave", (event) => event.pointerType !== "touch" && stopReading());
  frames.push({ frame, canvas, mark, chip, map });
  paint(canvas, picture, map, look());
  if (!map) return make("figure", {}, frame, make("figcaption", {}, make("span", { className: "name" }, "The picture")));
  const tags = make("div", { className: "tags" }, make("span", { className: `verdict ${map.verdict === "ok" ? "good" : "bad"}` }, map.verdict ?? DASH));
  const figures = data.better.map(([name], place) => [name, map.figures[place]]).filter(([, value]) => value !== null);
  if (map.alike !== null) figures.push(["like its class", map.alike]);
  const rows = figures.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", { className: "number" }, number(value))));
  const heading = make("div", { className: "target" }, make("span", { className: "name" }, map.method), make("span", { className: "number soft" }, `${map.target ?? ""} ${percent(map.score)}`));
  return make("figure", {}, frame, make("figcaption", {}, heading, tags, map.reason ? make("p", { className: "why" }, map.reason) : null, rows.length ? make("dl", { className: "figures" }, ...rows) : null));
}

function factsOf(picture) {
  const rows = [["path", picture.path], ["size", picture.size[0] ? `${picture.size[0]} × ${picture.size[1]}` : null], ["error", picture.error]];
  data.extra.forEach((name, place) => rows.push([name, picture.extra[place]]));
  const list = make("dl", {}, ...rows.filter(([, value]) => value !== null && value !== undefined).map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, String(value)))));
  const parts = [list];
  if (picture.top.length) {
    const body = picture.top.map(([name, score]) => {
      const bar = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      const filled = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      for (const [key, value] of [["width", "100%"], ["height", "6"], ["aria-hidden", "true"]]) bar.setAttribute(key, value);
      filled.setAttribute("width", `${Math.max(0, Math.min(100, 100 * (score ?? 0)))}%`);
      filled.setAttribute("height", "6");
      bar.append(filled);
      return make("tr", { className: name === picture.label ? "asked" : "" }, make("th", { scope: "row" }, name), make("td", { className: "share" }, bar), make("td", { className: "number" }, percent(score)));
    });
    parts.unshift(make("table", { className: "predictions" }, make("caption", {}, "Predictions"), make("tbody", {}, ...body)));
  }
  return parts;
}

function fill(place) {
  const picture = data.pictures[place], [predicted, score] = first(picture), at = wanted.indexOf(picture);
  enlarged = place;
  frames = [];
  $("large-title").textContent = picture.id;
  $("place").textContent = at < 0 ? "" : `${at + 1} of ${wanted.length}`;
  const line = $("large-verdict");
  line.className = `verdictline${picture.right === false ? " bad" : ""}`;
  const words = predicted === null ? ["No prediction."] : ["Predicted ", make("b", {}, predicted), ` ${percent(score)}`];
  if (picture.label !== null) words.push(predicted === null ? " Label " : picture.right === false ? ", but the label is " : ", label ", make("b", {}, picture.label));
  line.replaceChildren(...words);
  const maps = [...picture.maps].sort((one, other) => methods.indexOf(one.method) - methods.indexOf(other.method));
  $("large-maps").replaceChildren(...[null, ...maps].map((map, order) => figureOf(picture, map, order)));
  $("large-maps").classList.toggle("many", maps.length > 3);
  $("large-facts").replaceChildren(...factsOf(picture));
  $("large-readout").textContent = REST;
  $("before").disabled = at <= 0;
  $("after").disabled = at < 0 || at === wanted.length - 1;
  state.picture = picture.id;
  writeAddress();
}

function enlarge(place) {
  if (!$("large").open) $("large").showModal();
  fill(place);
  $("close").focus();
}

function step(by) {
  const next = wanted[wanted.indexOf(data.pictures[enlarged]) + by];
  if (!next) return;
  fill(next.place);
  // A disabled button would lose the keyboard focus.
  if (document.activeElement === document.body || document.activeElement.disabled || !document.activeElement.isConnected) $("close").focus();
}

// ------------------------------------------------------------------------------------------ reading

const REST = "Point at a map to read its cells.";
let reading = null;

function read(order, across, down) {
  const picture = data.pictures[enlarged];
  reading = { order, across, down };
  for (const { mark, chip, map } of frames) {
    mark.hidden = false;
    mark.style.left = `${100 * across}%`;
    mark.style.top = `${100 * down}%`;
    const cell = map ? cellAt(picture, map, across, down) : null;
    chip.hidden = !cell;
    if (cell) chip.textContent = cell.share.toFixed(2);
  }
  const { map } = frames[order];
  const at = `x ${Math.floor(across * picture.size[0])}, y ${Math.floor(down * picture.size[1])}`;
  const cell = map ? cellAt(picture, map, across, down) : null;
  if (!map) $("large-readout").textContent = `Picture at ${at}`;
  else if (!cell) $("large-readout").textContent = `${map.method} at ${at}: ${map.levels ? "not seen by the model" : `no value (${map.verdict})`}`;
  else $("large-readout").textContent = `${map.method} at ${at}: ${cell.share.toFixed(2)} of its peak, raw value ${cell.value.toPrecision(3)}, row ${cell.row + 1}, column ${cell.column + 1}`;
}

function stopReading() {
  reading = null;
  for (const { mark, chip } of frames) mark.hidden = chip.hidden = true;
  $("large-readout").textContent = REST;
}

function readPointer(event, order) {
  const bounds = frames[order].canvas.getBoundingClientRect();
  const share = (value, start, length) => Math.min(Math.max((value - start) / length, 0), 0.9999);
  read(order, share(event.clientX, bounds.left, bounds.width), share(event.clientY, bounds.top, bounds.height));
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Move by one cell of the map that has the focus. */
function readKey(event, order) {
  const arrow = ARROWS[event.key], { map } = frames[order], grid = map && gridOf(map);
  if (!arrow || !grid) return;
  event.preventDefault();
  event.stopPropagation();
  const size = data.pictures[enlarged].size;
  const [left, top, right, bottom] = [map.box[0] / size[0], map.box[1] / size[1], map.box[2] / size[0], map.box[3] / size[1]];
  let [x, y] = reading && reading.order === order ? [(reading.across - left) / (right - left), (reading.down - top) / (bottom - top)] : [0.5, 0.5];
  const within = (value, cells) => (Math.min(Math.max(Math.floor(value * cells), 0), cells - 1) + 0.5) / cells;
  x = within(x + arrow[0] / grid.columns, grid.columns);
  y = within(y + arrow[1] / grid.rows, grid.rows);
  read(order, left + x * (right - left), top + y * (bottom - top));
}
