/* One map next to its picture, or two pinned maps next to each other, or one in place of the other. */

/** The cells in the dialog: one, or two; and its two tiles. */
let enlarged = [];
const large = {};

const make = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};

/** What happened, for eyes and screen readers; a dialog hides the rest of the page from both. */
function tell(text) {
  const where = $("large").open ? $("large-readout") : $("told");
  where.textContent = text;
  clearTimeout(tell.timer);
  tell.timer = setTimeout(() => where.textContent === text && (where.textContent = ""), 5000);
}

const inOrder = () => all("figure.cell", state.ranked ? $("ranked") : $("grid")).map((figure) => Number(figure.dataset.cell)).filter((place) => data.cells[place].map && passed[place]);

function aim(side, scene, place, name, spoken) {
  const tile = large[side], [width, height] = data.scenes[scene].pixels;
  Object.assign(tile, { scene, place, most: [width, height], width: 0, fixed: true });
  tile.canvas.style.aspectRatio = `${width} / ${height}`;
  $(`${side}-name`).textContent = name;
  tile.canvas.setAttribute("aria-label", spoken);
  measure(tile);
  near.add(tile);
}

/** What tells two cells apart, of each. */
function namesOf(cells) {
  const axes = Object.keys(data.labels).filter((axis) => new Set(cells.map((cell) => cell.at[axis])).size > 1);
  return cells.map((cell) => axes.map((axis) => data.labels[axis][cell.at[axis]] || "–").join(", "));
}

const spokenOf = (place) => $(`cell-${place}`).querySelector("canvas").getAttribute("aria-label");

function fill(...places) {
  const order = inOrder(), cells = places.map((place) => data.cells[place]), at = order.indexOf(places[0]);
  const [first, second] = cells, names = second ? namesOf(cells) : ["The picture", "The map"];
  stopReading();
  enlarged = places;
  if (second) aim("left", first.map.scene, places[0], names[0], spokenOf(places[0]));
  else aim("left", first.map.scene, null, names[0], "The picture, without a map");
  aim("right", (second ?? first).map.scene, places.at(-1), names[1], spokenOf(places.at(-1)));
  $("pair").classList.toggle("two", Boolean(second));
  $("large-title").textContent = second ? `${names[0]} and ${names[1]}` : first.name;
  for (const [id, off] of [["before", at <= 0], ["after", at === order.length - 1]]) Object.assign($(id), { hidden: Boolean(second), disabled: off });
  $("pin").hidden = Boolean(second);
  showPins();
  $("large-facts").replaceChildren(...factsOf(places));
  schedule();
}

const number = (value) => (typeof value !== "number" ? "–" : Math.abs(value) < 1e4 ? value.toFixed(3) : value.toPrecision(4));

/** A row per figure and fact; what two maps have in common is written once. */
function factsOf(places) {
  const cells = places.map((place) => data.cells[place]);
  const rows = data.metrics.map(({ name, title, better }) => {
    const values = cells.map((cell) => cell.figures[name]);
    return [title + arrow(better), values.some((value) => value !== undefined) ? values.map(number) : [], bestOf(values, better)];
  });
  data.facts.forEach((name, i) => rows.push([name, cells.map((cell) => cell.facts[i])]));
  const body = rows.filter(([, texts]) => texts.some(Boolean)).map(([name, texts, best]) => {
    const once = texts.length > 1 && texts[0] === texts[1];
    const values = (once ? [texts[0]] : texts).map((text, i) => make("td", { colSpan: once ? 2 : 1, className: best?.has(i) && !once ? "best" : "" }, text || "–"));
    return make("tr", {}, make("th", { scope: "row" }, name), ...values);
  });
  if (cells.some((cell) => cell.command)) body.push(make("tr", {}, make("th", { scope: "row" }, "command"), ...places.map(commandCell)));
  const heads = namesOf(cells).map((name) => make("th", { scope: "col" }, name));
  return cells.length > 1 ? [make("thead", {}, make("tr", {}, make("td"), ...heads)), make("tbody", {}, ...body)] : [make("tbody", {}, ...body)];
}

function commandCell(place) {
  const button = make("button", { type: "button", className: "quiet", title: "Copy it (C)" }, "Copy command");
  button.addEventListener("click", () => copyCommand(place));
  return make("td", {}, make("code", { id: `command-${place}` }, commandOf(place)), " ", button);
}

function open(...places) {
  if (!$("large").open) $("large").showModal();
  beside();
  fill(...places);
  large.right.frame.focus();
}

const enlarge = (place) => open(place);

function step(by) {
  const order = inOrder(), next = order[order.indexOf(enlarged[0]) + by];
  if (enlarged.length > 1 || next === undefined) return;
  fill(next);
  // A disabled button would lose the keyboard focus.
  if (document.activeElement === document.body || document.activeElement.disabled) large.right.frame.focus();
}

/** The two frames take turns in one place, each time this is called. */
function blink() {
  const turn = $("pair").dataset.blink === "right" ? "left" : "right";
  $("pair").dataset.blink = turn;
  $("beside").hidden = false;
  tell($(`${turn}-name`).textContent);
}

function beside() {
  delete $("pair").dataset.blink;
  $("beside").hidden = true;
}

for (const side of ["left", "right"]) {
  large[side] = addTile($(`large-${side}`).querySelector("canvas"), 0, null);
  makeReadable(large[side]);
}
$("before").addEventListener("click", () => step(-1));
$("after").addEventListener("click", () => step(1));
$("blink").addEventListener("click", blink);
$("beside").addEventListener("click", () => {
  beside();
  $("blink").focus();
});
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
  $(`cell-${enlarged.at(-1)}`).querySelector("button.frame").focus();
});
