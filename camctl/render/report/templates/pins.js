/* Two maps pinned to be compared, and the command that draws a map again. */

const pinned = (place) => state.pins.includes(place);

function showPins() {
  for (const { figure, place } of figures) {
    figure.classList.toggle("pinned", pinned(place));
    const button = figure.querySelector(".pin");
    if (button) button.setAttribute("aria-pressed", String(pinned(place)));
  }
  $("pins").hidden = !state.pins.length;
  $("pinned").textContent = `Pinned: ${state.pins.map((place) => data.cells[place].name).join(" | ")}${state.pins.length === 1 ? ". Pin another to compare them." : ""}`;
  $("compare").hidden = state.pins.length < 2;
  $("pin").setAttribute("aria-pressed", String(pinned(enlarged[0])));
}

/** Pin a map, or unpin it; of three the oldest goes. The second opens the comparison. */
function pin(place) {
  const there = pinned(place);
  state.pins = there ? state.pins.filter((one) => one !== place) : [...state.pins, place].slice(-2);
  showPins();
  tell(`${there ? "Unpinned" : "Pinned"}: ${data.cells[place].name}.${!there && state.pins.length === 1 ? " Pin another to compare them." : ""}`);
  if (!there && state.pins.length === 2) open(...state.pins);
}

/** The command of a map, with the colours that are shown. */
function commandOf(place) {
  const { command } = data.cells[place], { colormap, opacity } = data.usual;
  if (!command) return "";
  const colours = state.colormap === colormap ? "" : ` --colormap ${state.colormap}`;
  return command + colours + (state.opacity === opacity ? "" : ` --opacity ${Number(state.opacity.toFixed(2))}`);
}

async function copyCommand(place) {
  const text = commandOf(place);
  if (!text) return tell("No command is known for this map.");
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // A page in a frame may not have the clipboard: the command is selected in the dialog.
    if (!enlarged.includes(place) || !$("large").open) open(place);
    getSelection().selectAllChildren($(`command-${place}`));
    if (!document.execCommand("copy")) return tell("The command is selected: copy it with Ctrl and C.");
  }
  tell(`Copied: ${text}`);
}

/** The figure under a map, and its buttons; they are not in the order of the Tab key, as P and C do what they do. */
function addFoot({ figure, place }) {
  const foot = make("div", { className: "foot" }, make("span", { className: "figure number" }));
  const tools = [["pin", "Pin", "Pin to compare (P)", pin]];
  if (data.cells[place].command) tools.push(["copy", "Copy", "Copy the command that draws this map (C)", copyCommand]);
  if (!data.cells[place].map) tools.length = 0;
  for (const [className, text, title, action] of tools) {
    const button = make("button", { type: "button", className: `act ${className}`, tabIndex: -1, title }, text);
    button.setAttribute("aria-label", `${title.split(" (")[0]}: ${data.cells[place].name}`);
    button.addEventListener("click", () => action(place));
    foot.append(button);
  }
  figure.querySelector("figcaption").append(foot);
}

$("pin").addEventListener("click", () => pin(enlarged[0]));
$("compare").addEventListener("click", () => open(...state.pins));
$("unpin").addEventListener("click", () => {
  state.pins = [];
  showPins();
  $("opacity").focus();
});
