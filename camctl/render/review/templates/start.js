/* What every control does, and where the page opens. */

let typing = 0;
$("filters").addEventListener("submit", (event) => event.preventDefault());
$("q").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => change({ q: $("q").value }), 120);
});
$("sort").addEventListener("change", () => change({ sort: $("sort").value, reverse: "" }));
$("reverse").addEventListener("click", () => change({ reverse: state.reverse ? "" : "1" }));
$("clear").addEventListener("click", () => take(""));
$("more").addEventListener("click", () => {
  $("facets").hidden = !$("facets").hidden;
  $("more").setAttribute("aria-expanded", String(!$("facets").hidden));
});
$("method").addEventListener("change", () => change({ method: $("method").value }));
$("colormap").addEventListener("change", () => redraw({ colormap: $("colormap").value }));
$("opacity").addEventListener("input", () => redraw({ opacity: String($("opacity").value / 100) }));
$("page").addEventListener("change", () => change({ page: $("page").value }, { keepPage: true }));
$("previous-page").addEventListener("click", () => turnPage(-1));
$("next-page").addEventListener("click", () => turnPage(1));

function redraw(changes) {
  Object.assign(state, changes);
  showState();
  repaint();
  writeAddress();
}

for (const button of all("[data-state]")) {
  button.addEventListener("click", () => {
    take(button.dataset.state);
    if (button.closest("#pictures")) return;
    $("pictures").scrollIntoView();
    $("pictures").focus({ preventScroll: true });
  });
}

const THEMES = { auto: "light", light: "dark", dark: "auto" };
$("theme").addEventListener("click", () => {
  const theme = THEMES[document.documentElement.dataset.theme];
  document.documentElement.dataset.theme = theme;
  $("theme").textContent = `Theme: ${theme}`;
});

// ---------------------------------------------------------------------------------------- keyboard

function focusTile(place) {
  const tiles = all("#gallery .frame");
  if (!tiles[place]) return;
  for (const tile of tiles) tile.tabIndex = -1;
  tiles[place].tabIndex = 0;
  tiles[place].focus();
}

$("gallery").addEventListener("keydown", (event) => {
  const tiles = all("#gallery .frame"), at = tiles.indexOf(document.activeElement);
  if (at < 0) return;
  const top = tiles[0].offsetTop, across = Math.max(1, tiles.filter((tile) => tile.getBoundingClientRect().top === tiles[0].getBoundingClientRect().top).length);
  const moves = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across, ArrowDown: across, Home: -at, End: tiles.length - 1 - at };
  if (!(event.key in moves) || top === undefined) return;
  event.preventDefault();
  focusTile(at + moves[event.key]);
});

addEventListener("keydown", (event) => {
  const typingText = event.target.closest?.("input, select, textarea");
  if (event.key === "/" && !typingText && !$("large").open && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    $("q").focus();
    $("q").select();
  } else if (event.key === "Escape" && event.target === $("q") && $("q").value === "") $("q").blur();
});

$("large").addEventListener("keydown", (event) => {
  const by = { ArrowLeft: -1, PageUp: -1, ArrowRight: 1, PageDown: 1 }[event.key];
  if (!by) return;
  event.preventDefault();
  step(by);
});
$("before").addEventListener("click", () => step(-1));
$("after").addEventListener("click", () => step(1));
$("close").addEventListener("click", () => $("large").close());
$("large").addEventListener("click", (event) => event.target === $("large") && $("large").close());
$("large").addEventListener("close", () => {
  const picture = data.pictures[enlarged], at = wanted.indexOf(picture), page = String(Math.floor(at / PER_PAGE) + 1);
  if (at >= 0 && page !== state.page) change({ page }, { keepPage: true });
  state.picture = "";
  writeAddress();
  const tile = all("#gallery .frame").findIndex((frame) => Number(frame.dataset.place) === enlarged);
  if (tile >= 0) focusTile(tile);
});

// ------------------------------------------------------------------------------------------- start

function open() {
  readAddress();
  arrange();
  const picture = state.picture && data.pictures.find((one) => one.id === state.picture);
  if (picture) enlarge(picture.place);
  else if ($("large").open) $("large").close();
}

addEventListener("hashchange", () => location.hash.includes("=") && open());
open();
document.documentElement.dataset.ready = "true";
