/* The page's controls, reading and enlarging. All text comes from the page itself or goes through textContent. */

(async () => {
  const $ = (id) => document.getElementById(id);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const data = JSON.parse($("data").textContent);
  const palettes = Object.fromEntries(Object.entries(data.palettes).map(([name, text]) => [name, fromBase64(text)]));
  const grids = data.cells.map((cell) => (cell.map && cell.map.levels ? decode(cell.map) : null));
  const state = {};

  // ------------------------------------------------------------------------------------- painting

  /** Pixels of each picture, by size; and the same faded, for the opacity of the moment. */
  const pictures = [];
  const memory = new Map();
  const remember = (key, make) => {
    if (!memory.has(key)) memory.set(key, make());
    return memory.get(key);
  };

  function pixelsOf(scene, width, height) {
    return remember(`${scene} ${width} ${height}`, () => {
      const canvas = document.createElement("canvas");
      canvas.width = width;
      canvas.height = height;
      const context = canvas.getContext("2d", { willReadFrequently: true });
      context.imageSmoothingQuality = "high";
      context.drawImage(pictures[scene], 0, 0, width, height);
      return { plain: context.getImageData(0, 0, width, height), faded: null, amount: -1 };
    });
  }

  function fadedOf(kept) {
    if (kept.amount !== state.opacity) {
      kept.faded = fade(kept.plain.data, state.opacity, data.luma);
      kept.amount = state.opacity;
    }
    return kept.faded;
  }

  function table() {
    const key = `${state.colormap} ${state.opacity}`;
    if (table.key !== key) {
      table.key = key;
      table.found = lookUp(palettes[state.colormap], state.opacity, data.fullAt);
    }
    return table.found;
  }

  /** How a map's values become what is drawn: [offset, slope]. */
  function stretch(map, gain = state.gain) {
    return state.scale === "shared" ? [gain * map.low, gain * (map.high - map.low)] : [0, gain];
  }

  function paint(tile) {
    const { canvas, scene, place } = tile;
    const { width, height } = canvas;
    const kept = pixelsOf(scene, width, height);
    const context = canvas.getContext("2d");
    if (place === null) {
      context.putImageData(kept.plain, 0, 0);
      return;
    }
    const map = data.cells[place].map, box = data.scenes[scene].box, grid = grids[place];
    const xs = taps(width, grid ? grid.columns : 1, box[0], box[2], map.box[0], map.box[2]);
    const ys = taps(height, grid ? grid.rows : 1, box[1], box[3], map.box[1], map.box[3]);
    const out = remember(`out ${width} ${height}`, () => new ImageData(width, height));
    if (grid) paintHeat(out.data, width, height, fadedOf(kept), kept.plain.data, grid, xs, ys, table(), ...stretch(map));
    else paintWorthless(out.data, width, height, kept.plain.data, xs, ys, data.luma);
    context.putImageData(out, 0, 0);
  }

  /** Everything with a canvas: a frame in the page, a scene, and the place of a cell (null for the bare picture). */
  const tiles = [];
  const near = new Set();
  const stale = new Set();
  let asked = 0;

  function repaint(which = tiles) {
    which.forEach((tile) => stale.add(tile));
    asked ||= requestAnimationFrame(paintStale);
  }

  function paintStale(everything = false) {
    asked = 0;
    for (const tile of stale) {
      if (everything !== true && !near.has(tile)) continue;
      paint(tile);
      stale.delete(tile);
    }
  }

  const watcher = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        const tile = tiles.find((one) => one.canvas === entry.target);
        if (entry.isIntersecting) near.add(tile);
        else near.delete(tile);
      }
      if (stale.size) asked ||= requestAnimationFrame(paintStale);
    },
    { rootMargin: "400px" },
  );

  function addTile(canvas, scene, place) {
    const frame = canvas.closest(".frame");
    const mark = document.createElement("span"), chip = document.createElement("span");
    mark.className = "mark";
    chip.className = "chip number";
    mark.hidden = chip.hidden = true;
    mark.setAttribute("aria-hidden", "true");
    chip.setAttribute("aria-hidden", "true");
    frame.append(mark, chip);
    const tile = { canvas, frame, mark, chip, scene, place };
    tiles.push(tile);
    watcher.observe(canvas);
    return tile;
  }

  function paintRamp() {
    const ramp = $("ramp").getContext("2d"), strip = ramp.createImageData(256, 1), palette = palettes[state.colormap];
    for (let i = 0; i < 256; i++) {
      const level = Math.min(Math.round(i * state.gain), 255);
      strip.data.set([...palette.subarray(3 * level, 3 * level + 3), 255], 4 * i);
    }
    ramp.putImageData(strip, 0, 0);
    $("unit").textContent = state.scale === "shared" ? "the largest of its method" : "its own peak";
  }

  // -------------------------------------------------------------------------------------- reading

  /** What is being read: a tile and a place in pixels of the picture; null where nothing is. */
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

  // ------------------------------------------------------------------------- what is shown, and how

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
    const order = state.sort ? `, ${$("sort").selectedOptions[0].textContent}, best first` : "";
    const empty = shown ? "" : " Tick a box in each row above to see some.";
    $("shown").textContent = `${shown} of ${figures.length} ${figures.length === 1 ? "map" : "maps"}${order}.${empty}`;
    fit();
  }

  /** A grid that fits needs no scrolling of its own, and its headings can stay in sight. */
  function fit() {
    const scroll = $("scroll");
    scroll.classList.remove("fits");
    scroll.classList.toggle("fits", scroll.scrollWidth <= scroll.clientWidth);
    if (scroll.classList.contains("fits")) scroll.removeAttribute("tabindex");
    else scroll.tabIndex = 0;
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

  // ------------------------------------------------------------------------------------ enlarging

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
    // A button that is switched off would lose the keyboard.
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

  // --------------------------------------------------------------------------------------- set out

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
})();
