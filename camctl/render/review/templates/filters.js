/* What is shown and in which order: the state of the page, which stands in its address. */

const first = (picture) => picture.top[0] || [null, null];
const methods = data.methods;
const START = { outcome: "", q: "", sort: "", reverse: "", page: "1", picture: "", method: methods[0] || "", colormap: data.start.colormap, opacity: String(data.start.opacity) };
const state = {};

const OUTCOMES = { differs: "differs from the label", right: "is the label", unknown: "not known" };
const outcome = (picture) => (picture.right === null ? "unknown" : picture.right ? "right" : "differs");

/** What pictures can be filtered by: key, title, value of a picture (a text, number or null). */
const facets = [
  { key: "outcome", title: "Prediction", of: outcome, plain: true, words: OUTCOMES },
  { key: "label", title: "Label", of: (picture) => picture.label },
  { key: "predicted", title: "Predicted class", of: (picture) => first(picture)[0] },
  { key: "verdict", title: "Verdict of any map", of: (picture) => (picture.maps.length ? [...new Set(picture.maps.map((map) => map.verdict))] : null), not: "ok" },
  { key: "error", title: "Error", of: (picture) => (picture.error === null ? null : picture.error.replace(/'[^']*'/g, "'…'")), not: "" },
  ...data.better.map(([name], place) => ({ key: `figure.${name}`, title: name, of: (picture) => mapOf(picture, state.method)?.figures[place] ?? null, range: true })),
  ...data.extra.map((name, place) => ({ key: `column.${name}`, title: name, of: (picture) => picture.extra[place] })),
];

const MOST_CHOICES = 100;

/** Decide for each facet how it is asked for: choices, a range, or a text; or not at all if all pictures are the same. */
for (const facet of facets) {
  const counts = new Map();
  state.method = methods[0] || "";
  for (const picture of data.pictures) {
    for (const value of [facet.of(picture)].flat()) counts.set(value, (counts.get(value) || 0) + 1);
  }
  const values = [...counts.keys()].filter((value) => value !== null);
  const numeric = values.length > 0 && values.every((value) => typeof value === "number");
  facet.kind = facet.range || (numeric && values.length > 12) ? "range" : counts.size > MOST_CHOICES ? "text" : "choice";
  facet.counts = [...counts].sort(([one], [other]) => (one === null) - (other === null) || (numeric ? one - other : String(one).localeCompare(String(other))));
  facet.offered = facet.kind === "range" ? values.length > 1 : counts.size > 1 || facet.key === "verdict";
}

/** `!` and a text: not this one; `=` and a text: this one; `~` and a text: contains it; `-`: none. Of several values one will do. */
function passes(facet, value, wanted) {
  if (Array.isArray(value)) return value.some((one) => passes(facet, one, wanted));
  if (facet.plain) return value === wanted;
  if (facet.kind === "range") {
    const [low, high] = wanted.split("..");
    return value !== null && (low === "" || value >= Number(low)) && (high === "" || value <= Number(high));
  }
  if (wanted === "-") return value === null;
  if (wanted[0] === "!") return value !== null && String(value) !== wanted.slice(1);
  if (wanted[0] === "=") return value !== null && String(value) === wanted.slice(1);
  return value !== null && String(value).toLowerCase().includes(wanted.slice(1).toLowerCase());
}

const sorts = [
  { key: "", title: "as in the data set", of: (picture) => picture.place, up: true },
  { key: "surest", title: "surest prediction first", of: (picture) => first(picture)[1], up: false },
  { key: "unsure", title: "least sure prediction first", of: (picture) => first(picture)[1], up: true },
  { key: "score", title: "lowest score of the explained class first", of: (picture) => mapOf(picture, state.method)?.score, up: true },
  { key: "unlike", title: "map least like its class's mean first", of: (picture) => mapOf(picture, state.method)?.alike, up: true, digits: (value) => `like its class ${value.toFixed(2)}` },
  ...data.better.map(([name, better], place) => ({ key: `figure.${name}`, title: `${better === "neither" ? "lowest" : "worst"} ${name} first`, of: (picture) => mapOf(picture, state.method)?.figures[place], up: better !== "lower", digits: (value) => `${name} ${number(value)}` })),
  ...facets.filter((facet) => facet.key.startsWith("column.") && facet.kind === "range").map((facet) => ({ key: facet.key, title: `lowest ${facet.title} first`, of: facet.of, up: true, digits: (value) => `${facet.title} ${value}` })),
];

function wantedPictures() {
  const asked = facets.filter((facet) => state[facet.key]);
  const words = (state.q || "").toLowerCase();
  const matches = data.pictures.filter(
    (picture) =>
      asked.every((facet) => passes(facet, facet.of(picture), state[facet.key])) &&
      (!words || picture.id.toLowerCase().includes(words) || (picture.path || "").toLowerCase().includes(words)),
  );
  const sort = sorts.find((one) => one.key === state.sort) || sorts[0];
  const sign = (sort.up ? 1 : -1) * (state.reverse ? -1 : 1);
  const value = (picture) => sort.of(picture) ?? null;
  return matches.sort((one, other) => {
    const [a, b] = [value(one), value(other)];
    if (a === null || b === null) return (a === null) - (b === null) || one.place - other.place;
    return sign * (a - b) || one.place - other.place;
  });
}

// ------------------------------------------------------------------------------------------ address

/** Where the page opens: the surest mistakes, if it knows of any. */
const OPENING = data.pictures.some((picture) => picture.right === false) ? { outcome: "differs", sort: "surest" } : {};
const KEYS = [...new Set([...Object.keys(START), ...facets.map((facet) => facet.key)])];

function readAddress() {
  const text = location.hash.slice(1);
  const given = text.includes("=") ? Object.fromEntries(new URLSearchParams(text)) : OPENING;
  for (const key of KEYS) state[key] = given[key] ?? START[key] ?? "";
  if (!methods.includes(state.method)) state.method = START.method;
  if (!(state.colormap in palettes)) state.colormap = START.colormap;
  const opacity = Number(state.opacity);
  if (!(opacity >= 0 && opacity <= 1)) state.opacity = START.opacity;
  if (!sorts.some((sort) => sort.key === state.sort)) state.sort = "";
}

/** Write the state into the address; `all=` stands for a state without anything, which is not where the page opens. */
function writeAddress() {
  const changed = KEYS.filter((key) => (state[key] ?? "") !== (START[key] ?? ""));
  const text = new URLSearchParams(changed.map((key) => [key, state[key]])).toString() || "all=1";
  history.replaceState(null, "", `#${text}`);
}

const look = () => ({ colormap: state.colormap, opacity: Number(state.opacity) });
