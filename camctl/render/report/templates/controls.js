/* Which maps are shown, in which order and how. All text is in the page already, or is set by textContent. */

const figures = all("figure.cell").map((figure) => ({ figure, place: Number(figure.dataset.cell), home: figure.parentElement }));
const haystacks = data.cells.map((cell) => [cell.name, cell.verdict, ...cell.facts].join(" ").toLowerCase());
const arrow = (better) => ({ higher: " ↑", lower: " ↓" })[better] ?? "";

/** Of each cell, whether it passes the filters. */
let passed = [];

function passes(cell, place) {
  const values = { ...cell.at, verdict: cell.verdict };
  if (Object.entries(state.hidden).some(([axis, hidden]) => hidden.has(String(values[axis])))) return false;
  return state.words.every((word) => haystacks[place].includes(word));
}

/** Of the figures of a row of maps, the indices of the best; none where there is nothing to choose from. */
function bestOf(values, better) {
  const known = values.filter((value) => typeof value === "number");
  if (known.length < 2 || better === "neither") return new Set();
  const best = Math[better === "lower" ? "min" : "max"](...known);
  return new Set(values.flatMap((value, i) => (value === best ? [i] : [])));
}

function arrangeGrid() {
  const columns = data.columns.map(() => false), rows = data.rows.map(() => false);
  for (const { figure, place, home } of figures) {
    figure.hidden = !passed[place];
    if (!passed[place]) continue;
    columns[home.dataset.column] = true;
    rows[home.parentElement.dataset.row] = true;
  }
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

const metric = () => data.metrics.find(({ name }) => name === state.figure);
const valueOf = (place) => (state.figure ? data.cells[place].figures[state.figure] : data.cells[place].score) ?? null;

function rank() {
  const sign = metric()?.better === "lower" ? 1 : -1;
  const order = [...figures].sort((one, other) => {
    const [a, b] = [valueOf(one.place), valueOf(other.place)];
    if (a === null || b === null) return (a === null) - (b === null) || one.place - other.place;
    return sign * (a - b) || one.place - other.place;
  });
  $("ranked").replaceChildren(...order.map(({ figure, place }) => make("li", { hidden: !passed[place] }, figure)));
}

/** The chosen figure under each map; in bold the best of a row, whose maps explain the same class of the same picture. */
function writeFigures() {
  const chosen = metric(), alike = data.columns.every((at) => !("class" in at || "image" in at)), rows = new Map();
  for (const one of figures) {
    const row = one.home.parentElement;
    if (passed[one.place]) rows.set(row, [...(rows.get(row) ?? []), one]);
  }
  $("under").textContent = chosen ? `Under each map: ${chosen.title}${arrow(chosen.better)}` : ""; // for paper, which has no controls
  for (const row of rows.values()) {
    const values = row.map(({ place }) => data.cells[place].figures[state.figure]), best = bestOf(values, alike && chosen ? chosen.better : "neither");
    row.forEach(({ figure }, i) => {
      const line = figure.querySelector(".figure");
      line.classList.toggle("best", best.has(i));
      line.title = best.has(i) ? "best of its row" : "";
      line.replaceChildren(...(chosen && values[i] !== undefined ? [make("span", { className: "unseen" }, `${chosen.title} `), number(values[i])] : []));
    });
  }
}

function arrange() {
  const focused = document.activeElement;
  passed = data.cells.map(passes);
  if (state.ranked) rank();
  else for (const { figure, home } of figures) if (figure.parentElement !== home) home.append(figure);
  if (!state.ranked) $("ranked").replaceChildren();
  $("ranked").hidden = !state.ranked;
  $("scroll").hidden = state.ranked;
  arrangeGrid();
  writeFigures();
  if (focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
  const shown = passed.filter(Boolean).length, chosen = metric();
  const order = state.ranked ? `, ${chosen?.better === "neither" ? "highest" : "best"} first by ${chosen?.title ?? "class score"}` : "";
  const empty = shown ? "" : " Reset shows all of them.";
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
  const percent = Math.round(100 * state.opacity);
  $("colormap").value = state.colormap;
  $("opacity").value = $("large-opacity").value = percent;
  $("opacity-value").textContent = `${percent}%`;
  $("gain").value = Math.log2(state.gain);
  $("gain-value").textContent = `×${state.gain.toFixed(1)}`;
  $("gain").setAttribute("aria-valuetext", `times ${state.gain.toFixed(1)}`);
  for (const radio of all("[name=scale]")) radio.checked = radio.value === state.scale;
  if ($("figure")) $("figure").value = state.figure;
  $("rank")?.setAttribute("aria-pressed", String(state.ranked));
  $("original").setAttribute("aria-pressed", String(state.bare));
  for (const button of all("#outlines, #large-outlines")) button.setAttribute("aria-pressed", String(state.outlines));
  for (const box of all("#filters input")) box.checked = !state.hidden[axisOf(box)]?.has(box.value);
  for (const button of all("#filters button")) button.textContent = all("input", button.closest("fieldset")).some((box) => box.checked) ? "none" : "all";
  const hidden = Object.values(state.hidden).reduce((sum, values) => sum + values.size, 0);
  if ($("filter")) $("filter").textContent = hidden ? `Filter (${hidden} off)` : "Filter";
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

const sift = (changes) => change(changes, { moved: true });
const hide = (axis, values) => sift({ hidden: { ...state.hidden, [axis]: values } });

$("colormap").addEventListener("change", (event) => change({ colormap: event.target.value }));
for (const id of ["opacity", "large-opacity"]) $(id).addEventListener("input", (event) => change({ opacity: event.target.value / 100 }));
$("gain").addEventListener("input", (event) => change({ gain: 2 ** event.target.value }));
for (const radio of all("[name=scale]")) radio.addEventListener("change", () => change({ scale: radio.value }));
$("figure")?.addEventListener("change", (event) => sift({ figure: event.target.value }));
$("rank")?.addEventListener("click", () => sift({ ranked: !state.ranked }));
$("original").addEventListener("click", () => change({ bare: !state.bare }));
for (const button of all("#outlines, #large-outlines")) button.addEventListener("click", () => change({ outlines: !state.outlines }));
$("q")?.addEventListener("input", (event) => sift({ words: event.target.value.toLowerCase().split(/\s+/).filter(Boolean) }));
for (const box of all("#filters input")) {
  box.addEventListener("change", () => {
    const hidden = new Set(state.hidden[axisOf(box)]);
    hidden[box.checked ? "delete" : "add"](box.value);
    hide(axisOf(box), hidden);
  });
}
for (const button of all("#filters button")) {
  button.addEventListener("click", () => {
    const boxes = all("input", button.closest("fieldset"));
    hide(axisOf(button), new Set(boxes.some((box) => box.checked) ? boxes.map((box) => box.value) : []));
  });
}
$("reset").addEventListener("click", () => {
  if ($("q")) $("q").value = "";
  sift({ ...data.start, hidden: {}, words: [], ranked: false, bare: false, outlines: true });
  repaint();
});
for (const [id, of, name] of [["tools", "bar", "open"], ["adjust", "bar", "all"]]) {
  $(id).addEventListener("click", () => $(id).setAttribute("aria-expanded", String($(of).classList.toggle(name))));
}
$("filter")?.addEventListener("click", () => {
  $("filters").hidden = !$("filters").hidden;
  $("filter").setAttribute("aria-expanded", String(!$("filters").hidden));
});

const THEMES = { auto: "light", light: "dark", dark: "auto" };
$("theme").addEventListener("click", () => {
  const theme = THEMES[document.documentElement.dataset.theme];
  document.documentElement.dataset.theme = theme;
  $("theme").textContent = `Theme: ${theme}`;
});
