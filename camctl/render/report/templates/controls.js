/* Which maps are shown, in which order and how. All text is in the page already, or is set by textContent. */

const figures = all("figure.cell").map((figure) => ({ figure, place: Number(figure.dataset.cell), home: figure.parentElement }));
const scores = {
  score: (cell) => cell.score,
  figure: (cell, name) => cell.figures[name] ?? null,
};

const isShown = (at) => Object.entries(at).every(([axis, value]) => !state.hidden[axis]?.has(value));

function arrangeGrid() {
  const columns = data.columns.map(isShown), rows = data.rows.map(isShown);
  for (const cell of all("[data-column]", $("grid"))) cell.hidden = !columns[cell.dataset.column];
  for (const head of all("[data-first]", $("grid"))) {
    const first = Number(head.dataset.first);
    const span = columns.slice(first, first + Number(head.dataset.span)).filter(Boolean).length;
    head.hidden = !span;
    head.colSpan = span || 1;
  }
  for (const row of all("[data-row]", $("grid"))) row.hidden = !rows[row.dataset.row];
  for (const body of all("tbody", $("grid"))) body.hidden = all("[data-row]", body).every((row) => row.hidden);
  const across = columns.filter(Boolean).length;
  for (const block of all("tr.block th, tr.line th", $("grid"))) block.colSpan = across + 1;
  document.documentElement.style.setProperty("--across", across + 1);
}

function rank() {
  const [kind, ...name] = state.sort.split(":"), key = scores[kind];
  const option = $("sort").selectedOptions[0];
  const sign = option.dataset.better === "lower" ? 1 : -1;
  const of = ({ place }) => key(data.cells[place], name.join(":"));
  const order = [...figures].sort((one, other) => {
    const [a, b] = [of(one), of(other)];
    if (a === null || b === null) return (a === null) - (b === null) || one.place - other.place;
    return sign * (a - b) || one.place - other.place;
  });
  const items = order.map(({ figure, place }) => {
    const item = document.createElement("li");
    item.hidden = !isShown(data.cells[place].at);
    item.append(figure);
    return item;
  });
  $("ranked").replaceChildren(...items);
}

function arrange() {
  const focused = document.activeElement;
  if (state.sort) rank();
  else for (const { figure, home } of figures) home.append(figure);
  if (!state.sort) $("ranked").replaceChildren();
  $("ranked").hidden = !state.sort;
  $("scroll").hidden = Boolean(state.sort);
  arrangeGrid();
  if (focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
  const shown = figures.filter(({ place }) => isShown(data.cells[place].at)).length;
  const option = $("sort").selectedOptions[0];
  const order = state.sort ? `, ${option.textContent}, ${option.dataset.better === "neither" ? "highest" : "best"} first` : "";
  const empty = shown ? "" : " Tick a box in each row above to see some.";
  $("shown").textContent = `${shown} of ${figures.length} ${figures.length === 1 ? "map" : "maps"}${order}.${empty}`;
  fit();
}

/** Tables that fit do not scroll, so that their headings can stay in sight. */
function fit() {
  for (const scroll of all(".scroll")) {
    scroll.classList.remove("fits");
    const fits = scroll.scrollWidth <= scroll.clientWidth;
    scroll.classList.toggle("fits", fits);
    if (fits) scroll.removeAttribute("tabindex");
    else scroll.tabIndex = 0;
  }
  $("sideways").hidden = $("scroll").classList.contains("fits");
}

function showState() {
  $("colormap").value = state.colormap;
  $("opacity").value = Math.round(100 * state.opacity);
  $("opacity-value").textContent = `${Math.round(100 * state.opacity)}%`;
  $("gain").value = Math.log2(state.gain);
  $("gain-value").textContent = `×${state.gain.toFixed(1)}`;
  $("gain").setAttribute("aria-valuetext", `times ${state.gain.toFixed(1)}`);
  for (const radio of all("[name=scale]")) radio.checked = radio.value === state.scale;
  $("sort").value = state.sort;
  for (const box of all("#filters input")) box.checked = !state.hidden[axisOf(box)]?.has(Number(box.value));
}

const axisOf = (box) => box.closest("fieldset").dataset.axis;

function change(changes, { moved = false } = {}) {
  Object.assign(state, changes);
  showState();
  if (moved) arrange();
  else repaint();
  paintRamp();
  if (reading) read(reading.tile, reading.x, reading.y);
}

$("colormap").addEventListener("change", (event) => change({ colormap: event.target.value }));
$("opacity").addEventListener("input", (event) => change({ opacity: event.target.value / 100 }));
$("gain").addEventListener("input", (event) => change({ gain: 2 ** event.target.value }));
$("sort").addEventListener("change", (event) => change({ sort: event.target.value }, { moved: true }));
for (const radio of all("[name=scale]")) radio.addEventListener("change", () => change({ scale: radio.value }));
for (const box of all("#filters input")) {
  box.addEventListener("change", () => {
    const hidden = { ...state.hidden, [axisOf(box)]: new Set(state.hidden[axisOf(box)]) };
    hidden[axisOf(box)][box.checked ? "delete" : "add"](Number(box.value));
    change({ hidden }, { moved: true });
  });
}
$("reset").addEventListener("click", () => {
  change({ ...data.start, hidden: {} }, { moved: true });
  repaint();
});
$("adjust").addEventListener("click", () => {
  const open = $("bar").classList.toggle("open");
  $("adjust").setAttribute("aria-expanded", String(open));
});

const THEMES = { auto: "light", light: "dark", dark: "auto" };
$("theme").addEventListener("click", () => {
  const theme = THEMES[document.documentElement.dataset.theme];
  document.documentElement.dataset.theme = theme;
  $("theme").textContent = `Theme: ${theme}`;
});

// ------------------------------------------------------------------------------------------- start

for (const { source } of data.scenes) {
  const picture = new Image();
  picture.src = source;
  pictures.push(picture);
}
for (const canvas of all("canvas[data-scene]")) makeReadable(addTile(canvas, Number(canvas.dataset.scene), null));
for (const canvas of all("canvas[data-map]")) {
  const place = Number(canvas.dataset.map);
  makeReadable(addTile(canvas, data.cells[place].map.scene, place));
}
new ResizeObserver(() => {
  document.documentElement.style.setProperty("--bar", `${$("bar").offsetHeight}px`);
  fit();
}).observe(document.body);
// On a phone the controls cover part of the page: they are shown only while maps are in sight.
new IntersectionObserver(([entry]) => $("bar").classList.toggle("away", !entry.isIntersecting)).observe($("maps"));
Object.assign(state, data.start, { hidden: {} });
showState();
arrange();
paintRamp();
await Promise.all(pictures.map((picture) => picture.decode()));
repaint();
for (const kind of ["map", "picture"]) {
  const canvas = $(`large-${kind}`).querySelector("canvas");
  if (!pictures.length) break;
  large[kind] = addTile(canvas, 0, null);
  makeReadable(large[kind]);
}
addEventListener("beforeprint", () => paintStale(true));
document.documentElement.dataset.ready = "true";
