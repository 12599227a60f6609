/* Keys and the wheel, and how the page starts. */

const fadeBy = (percent) => change({ opacity: clamp(Math.round(100 * state.opacity) + percent, 0, 100) / 100 });

function turn(event) {
  event.preventDefault();
  if (event.deltaY) fadeBy(event.deltaY < 0 ? 5 : -5);
}

for (const id of ["opacity", "large-opacity"]) $(id).closest(".control").addEventListener("wheel", turn, { passive: false });

/** Over maps the wheel needs Alt, so that the page scrolls; a listener that is always there would slow all scrolling. */
let turning = false;
function listenToWheel(wanted) {
  if (wanted === turning) return;
  turning = wanted;
  for (const id of ["maps", "large"]) $(id)[wanted ? "addEventListener" : "removeEventListener"]("wheel", turn, { passive: false });
}
addEventListener("keyup", (event) => event.key === "Alt" && listenToWheel(false));
addEventListener("blur", () => listenToWheel(false));

/** The map that a key is meant for: in the dialog, focused, or under the pointer. */
function meant(target) {
  if ($("large").open) return (tiles.find((tile) => tile.frame === target)?.place ?? enlarged.at(-1));
  const figure = target.closest("figure.cell") ?? document.querySelector("figure.cell:hover");
  return figure && data.cells[figure.dataset.cell].map ? Number(figure.dataset.cell) : null;
}

const KEYS = {
  p: (place) => place !== null && !($("large").open && enlarged.length > 1) && pin(place),
  c: (place) => place !== null && copyCommand(place),
  b: () => ($("large").open ? blink() : change({ bare: !state.bare })),
  o: () => $("outlines") && change({ outlines: !state.outlines }),
};

addEventListener("keydown", (event) => {
  const target = event.target, dialog = $("large").open;
  if (event.key === "Alt") return listenToWheel(true);
  // Letters act where the maps are, and nowhere that takes letters itself.
  const here = dialog || target === document.body || target.closest("#maps");
  if (!here || event.ctrlKey || event.metaKey || target.closest("select, input:not([type=range], [type=checkbox], [type=radio])")) return;
  const by = event.altKey ? { ArrowUp: 5, ArrowDown: -5 }[event.key] : 0;
  const act = event.altKey ? by && (() => fadeBy(by)) : KEYS[event.key.toLowerCase()];
  if (event.key === "/" && !dialog) $("q")?.focus();
  else if (act) act(meant(target));
  else return;
  event.preventDefault();
});

Object.assign(state, data.start, { hidden: {}, words: [], ranked: false, bare: false, outlines: true, pins: [] });
for (const canvas of all("canvas[data-scene]")) makeReadable(addTile(canvas, Number(canvas.dataset.scene), null));
for (const canvas of all("canvas[data-map]")) {
  const place = Number(canvas.dataset.map);
  makeReadable(addTile(canvas, data.cells[place].map.scene, place));
}
figures.forEach(addFoot);
new ResizeObserver(() => {
  const bar = $("bar"), head = $("grid").tHead;
  document.documentElement.style.setProperty("--bar", `${bar.offsetHeight}px`);
  document.documentElement.style.setProperty("--head", `${head ? head.rows[head.rows.length - 1].offsetHeight : 0}px`);
  fit();
  for (const tile of near) measure(tile);
  schedule();
}).observe(document.body);
// On a phone the controls cover part of the page: they are shown only while maps are in sight.
new IntersectionObserver(([entry]) => $("bar").classList.toggle("away", !entry.isIntersecting)).observe($("maps"));
showState();
arrange();
paintRamp();
schedule();
document.documentElement.dataset.ready = "true";
// Paper does not wait: pictures that are not in sight are decoded while nothing else is to be done.
for (let scene = 0; scene < data.scenes.length; scene++) {
  await new Promise((done) => ("requestIdleCallback" in window ? requestIdleCallback(done) : setTimeout(done, 50)));
  pictureOf(scene);
}
