/* The pages of pictures, and the controls above them. */

const PER_PAGE = 60;
let wanted = [];

/** A line of a picture's caption. */
const said = (kind, name, value, more = "") => make("div", { className: kind }, make("span", {}, `${name} `, make("b", {}, value)), make("span", { className: "number" }, more));

function captionOf(picture, sort) {
  const map = mapOf(picture, state.method), [predicted, score] = first(picture);
  const lines = [];
  if (predicted !== null) lines.push(said("said", "predicted", predicted, percent(score)));
  if (picture.label !== null) lines.push(said(`labelled${picture.right === false ? " bad" : ""}`, "label", picture.label));
  const facing = make("div", { className: "facing" }, make("span", { title: picture.id }, short(picture.id)));
  const value = sort.digits ? sort.of(picture) : null;
  if (value !== null && value !== undefined) facing.append(make("span", { className: "number" }, sort.digits(value)));
  lines.push(facing);
  const faulty = picture.maps.filter((one) => one.verdict && one.verdict !== "ok");
  const texts = new Set(faulty.map((one) => (one === map ? one.verdict : `${one.method} ${one.verdict}`)));
  const tags = [...texts].map((text) => make("span", { className: "verdict bad" }, text));
  if (tags.length) lines.push(make("div", { className: "tags" }, ...tags));
  return make("figcaption", {}, ...lines);
}

function inWords(picture) {
  const [predicted, score] = first(picture);
  const parts = [short(picture.id), predicted === null ? "no prediction" : `predicted ${predicted} ${percent(score)}`];
  if (picture.label !== null) parts.push(`label ${picture.label}`);
  if (picture.right === false) parts.push("differs from the label");
  if (picture.error !== null) parts.push(`error: ${picture.error}`);
  return parts.join(", ");
}

function tileOf(picture, sort) {
  const frame = make("button", { type: "button", className: `frame${picture.right === false ? " differs" : ""}`, tabIndex: -1 });
  frame.setAttribute("aria-label", inWords(picture));
  frame.dataset.place = picture.place;
  if (picture.error !== null && !picture.thumb) frame.append(make("span", { className: "note" }, picture.error));
  else frame.append(make("canvas", { width: 160, height: 160 }));
  frame.addEventListener("click", () => enlarge(picture.place));
  return make("li", {}, make("figure", {}, frame, captionOf(picture, sort)));
}

const watcher = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) if (entry.isIntersecting) paintTile(entry.target);
  },
  { rootMargin: "500px" },
);

function paintTile(canvas) {
  watcher.unobserve(canvas);
  const picture = data.pictures[canvas.parentElement.dataset.place];
  paint(canvas, picture, mapOf(picture, state.method), look());
}

function repaint() {
  for (const canvas of all("#gallery canvas")) {
    watcher.unobserve(canvas);
    watcher.observe(canvas);
  }
}

/** Draw the page of pictures that the state asks for. */
function arrange() {
  wanted = wantedPictures();
  const pages = Math.max(1, Math.ceil(wanted.length / PER_PAGE));
  state.page = String(Math.min(Math.max(1, Math.floor(Number(state.page)) || 1), pages));
  const from = (Number(state.page) - 1) * PER_PAGE, shown = wanted.slice(from, from + PER_PAGE);
  const sort = sorts.find((one) => one.key === state.sort);
  watcher.disconnect();
  const tiles = shown.map((picture) => tileOf(picture, sort));
  if (!tiles.length) tiles.push(make("li", { className: "nothing" }, "No picture passes these filters. Clear shows all of them."));
  $("gallery").replaceChildren(...tiles);
  const frames = all("#gallery .frame");
  if (frames.length) frames[0].tabIndex = 0;
  repaint();
  $("pages").hidden = pages === 1;
  $("page").replaceChildren(...Array.from({ length: pages }, (_, number) => make("option", { value: String(number + 1) }, String(number + 1))));
  $("of-pages").textContent = `of ${pages}`;
  const count = wanted.length === data.pictures.length ? `${wanted.length.toLocaleString("en")}` : `${wanted.length.toLocaleString("en")} of ${data.pictures.length.toLocaleString("en")}`;
  const range = pages > 1 ? ` (${from + 1}${DASH}${from + shown.length} on this page)` : "";
  const order = state.sort ? `, ${sort.title}${state.reverse ? ", reversed" : ""}` : "";
  $("shown").textContent = `${count} ${data.pictures.length === 1 ? "picture" : "pictures"}${range}${order}.`;
  showState();
}

function change(changes, { keepPage = false } = {}) {
  Object.assign(state, keepPage ? {} : { page: "1" }, changes);
  arrange();
  writeAddress();
}

/** Forget all filters and the order, and take those of `text`, written as in the address. */
function take(text) {
  const given = Object.fromEntries(new URLSearchParams(text));
  const kept = new Set(["method", "colormap", "opacity"]);
  change(Object.fromEntries(KEYS.filter((key) => !kept.has(key)).map((key) => [key, given[key] ?? START[key] ?? ""])));
}

// ----------------------------------------------------------------------------------------- controls

function choice(facet) {
  const select = make("select", {}, make("option", { value: "" }, "any"));
  if (facet.not !== undefined) select.append(make("option", { value: `!${facet.not}` }, facet.not ? `not ${facet.not}` : "any error"));
  for (const [value, count] of facet.counts) {
    if (facet.plain) select.append(make("option", { value }, `${facet.words[value]} (${count})`));
    else if (value === null) select.append(make("option", { value: "-" }, `none (${count})`));
    else select.append(make("option", { value: `=${value}` }, `${value} (${count})`));
  }
  select.addEventListener("change", () => change({ [facet.key]: select.value }));
  facet.show = () => (select.value = state[facet.key] || "");
  return make("label", { className: "facet" }, make("span", {}, facet.title), select);
}

function range(facet) {
  const [low, high] = ["from", "to"].map((word) => make("input", { type: "number", step: "any", placeholder: word, ariaLabel: `${facet.title} ${word}` }));
  const tell = () => change({ [facet.key]: low.value || high.value ? `${low.value}..${high.value}` : "" });
  for (const input of [low, high]) input.addEventListener("change", tell);
  facet.show = () => ([low.value, high.value] = (state[facet.key] || "..").split(".."));
  return make("fieldset", { className: "facet" }, make("legend", {}, facet.title), make("div", { className: "range" }, low, make("span", { className: "soft" }, DASH), high));
}

function text(facet) {
  const input = make("input", { type: "text", placeholder: "contains" });
  input.addEventListener("input", () => change({ [facet.key]: input.value ? `~${input.value}` : "" }));
  facet.show = () => {
    if (document.activeElement !== input) input.value = (state[facet.key] || "").slice(1);
  };
  return make("label", { className: "facet" }, make("span", {}, facet.title), input);
}

const KINDS = { choice, range, text };
for (const facet of facets.filter((one) => one.offered)) {
  facet.element = KINDS[facet.kind](facet);
  $("facets").append(facet.element);
}
for (const sort of sorts) $("sort").append(make("option", { value: sort.key }, sort.title));
for (const name of methods) $("method").append(make("option", { value: name }, name));

function showState() {
  for (const facet of facets.filter((one) => one.offered)) {
    facet.show();
    facet.element.classList.toggle("active", Boolean(state[facet.key]));
  }
  if (document.activeElement !== $("q")) $("q").value = state.q;
  for (const id of ["sort", "method", "colormap", "page"]) $(id).value = state[id];
  $("opacity").value = Math.round(100 * state.opacity);
  $("opacity-value").textContent = `${Math.round(100 * state.opacity)}%`;
  $("reverse").setAttribute("aria-pressed", String(Boolean(state.reverse)));
  $("previous-page").disabled = state.page === "1";
  $("next-page").disabled = Number(state.page) >= $("page").options.length;
  const active = facets.filter((facet) => state[facet.key]).length;
  $("more").textContent = active ? `Filters (${active})` : "Filters";
  $("clear").disabled = !active && !state.q && !state.sort && !state.reverse;
  for (const lead of all(".lead")) {
    const asked = Object.fromEntries(new URLSearchParams(lead.dataset.state));
    const filters = [...facets.map((facet) => facet.key), "q", "sort", "reverse"];
    lead.setAttribute("aria-pressed", String(filters.every((key) => (asked[key] || "") === (state[key] || ""))));
  }
  paintRamp();
}

function paintRamp() {
  const ramp = $("ramp").getContext("2d"), strip = ramp.createImageData(256, 1), palette = palettes[state.colormap];
  for (let i = 0; i < 256; i++) strip.data.set([...palette.subarray(3 * i, 3 * i + 3), 255], 4 * i);
  ramp.putImageData(strip, 0, 0);
  for (const canvas of all("canvas[data-mean]")) paintMean(canvas, palette);
}

/** The mean map of a class: colours from 0 to its peak, stretched smoothly. */
function paintMean(canvas, palette) {
  const mean = data.means[canvas.dataset.mean], [rows, columns] = mean.grid;
  const small = make("canvas", { width: columns, height: rows }), image = new ImageData(columns, rows);
  fromBase64(mean.levels).forEach((level, cell) => image.data.set([...palette.subarray(3 * level, 3 * level + 3), 255], 4 * cell));
  small.getContext("2d").putImageData(image, 0, 0);
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(small, 0, 0, canvas.width, canvas.height);
}

function turnPage(by) {
  change({ page: String(Number(state.page) + by) }, { keepPage: true });
  $("pictures").scrollIntoView();
  $("pictures").focus({ preventScroll: true });
}
