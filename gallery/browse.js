// Pairs to browse: filtered, searched and sorted; of thousands, those near the window are on the page.

const at = Object.fromEntries(data.columns.map((name, place) => [name, place]));
const rows = data.rows;
const CHUNK = 8;
const VIEWS = [["pair", "Pair", "p"], ["mask", "Mask", "m"], ["difference", "Difference", "d"], ["blink", "Blink", "b"], ["heat", "Heat", "h"]];
const pictured = rows.some((row) => row[at.edited] !== null);
const heated = rows.some((row) => row[at.heat] !== null);
const views = VIEWS.filter(([name]) => name === "pair" || (pictured && name !== "heat") || (name === "heat" && heated));
const CLEAR = { verdict: "accepted", operation: "", reason: "", method: "", picture: "", truth: "", score: "0", low: "", high: "", words: "", sort: "mixed" };
const state = { ...CLEAR, view: "pair" };
if (!rows.some((row) => row[at.accepted])) state.verdict = CLEAR.verdict = "all";

const searched = new Map();
function words(place) {
  if (!searched.has(place)) {
    const row = rows[place];
    searched.set(place, [row[at.right].join(""), row[at.wrong].join(""), row[at.key] ?? "", row[at.id]].join("\n").toLowerCase());
  }
  return searched.get(place);
}

const TESTS = {
  verdict: (row, value) => value === "all" || row[at.accepted] === (value === "accepted"),
  operation: (row, value) => data.operations[row[at.operation]] === value,
  reason: (row, value) => [...row[at.reasons], ...row[at.pictureReasons]].some((each) => data.reasons[each][0] === value),
  method: (row, value) => data.methods[row[at.method]] === value,
  picture: (row, value) => (value === "none" ? row[at.edited] === null : value === "any" ? row[at.edited] !== null : data.editors[row[at.editor]] === value && row[at.edited] !== null),
  truth: (row, value) => row[at.truth] === (value === "wrong"),
  words: (row, value, place) => value.split(/\s+/).every((word) => words(place).includes(word)),
  low: (row, value) => row[at.scores][state.score] !== null && row[at.scores][state.score] >= Number(value),
  high: (row, value) => row[at.scores][state.score] !== null && row[at.scores][state.score] <= Number(value),
};
const ORDERS = {
  mixed: null,
  operation: (a, b) => a[at.operation] - b[at.operation],
  picture: (a, b) => (a[at.key] ?? "").localeCompare(b[at.key] ?? "") || a[at.picture] - b[at.picture],
  ...Object.fromEntries(data.scores.flatMap(([name], place) => [
    [`${name} ↓`, (a, b) => (b[at.scores][place] ?? -Infinity) - (a[at.scores][place] ?? -Infinity)],
    [`${name} ↑`, (a, b) => (a[at.scores][place] ?? Infinity) - (b[at.scores][place] ?? Infinity)]])),
};

// All tests but one: what choosing another value there would find.
function found(but = "") {
  const active = Object.entries(TESTS).filter(([name]) => name !== but && state[name] !== "" && !(name === "verdict" && state.verdict === "all"));
  const kept = [];
  rows.forEach((row, place) => { if (active.every(([name, test]) => test(row, state[name], place))) kept.push(place); });
  return kept;
}

let shown = [];
let selected = -1;
const list = el("main", { class: "list", id: "list" });
const count = el("span", { class: "quiet small", id: "count", role: "status" });

// ---- one pair

function frame(row, which) {
  const number = which === "edited" ? row[at.edited] : row[at.picture];
  if (number === null) return el("div", { class: "frame" }, el("span", { class: "absent" }, "This picture cannot be shown."));
  const plate = el("div", { class: `plate ${which}-plate` }, image(number, which === "edited" ? "edited picture" : "original picture"));
  if (which === "edited" && row[at.picture] !== null) {
    const over = image(row[at.picture], "");
    over.className = "over";
    plate.append(over);
  }
  return el("div", { class: "frame" }, plate);
}

function matrixOf(role, cells, whole) {
  if (!cells) return null;
  const known = cells.filter((cell) => cell !== null), low = Math.min(...known), high = Math.max(...known);
  const cell = (place, mine) => {
    const made = el("td", { class: `${mine ? "mine" : ""}${cells[place] === null ? " none" : ""}` }, cells[place] === null ? "–" : cells[place].toFixed(3));
    if (cells[place] !== null) made.style.setProperty("--heat", high > low ? (cells[place] - low) / (high - low) : 0);
    return made;
  };
  const [s00, s01, s10, s11] = cells;
  const marks = s11 === null ? [["caption", s00 > s01]] : [["text", s00 > s01 && s11 > s10], ...(whole ? [["image", s00 > s10 && s11 > s01]] : [])];
  return el("div", {}, el("div", { class: "role", title: data.models[role] ?? "" }, el("b", {}, role), ` ${data.models[role] ?? ""}`), el("table", { class: "model", title: "rows: pictures, columns: captions; framed: what belongs together" },
    el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "right"), el("th", { scope: "col" }, "wrong"))),
    el("tbody", {}, el("tr", {}, cell(0, true), cell(1, false)), s11 === null ? null : el("tr", {}, cell(2, false), cell(3, true)))),
  el("div", { class: "marks" }, marks.map(([name, good], place) => [place ? " · " : "", el("span", { class: good ? "yes" : "no" }, `${name} ${good ? "✓" : "✗"}`)])));
}

function chip(kind, text, title, chosen) {
  return el("button", { class: `chip ${kind}`, type: "button", title, onclick: (event) => { event.stopPropagation(); change(chosen); } }, text);
}

function facts(row) {
  const reasons = row[at.reasons].map((each) => data.reasons[each]);
  const lost = row[at.pictureReasons].map((each) => data.reasons[each]);
  const numbers = data.scores.flatMap(([name, meaning], place) => (row[at.scores][place] === null ? [] : [el("dt", { title: meaning }, name.replaceAll("_", " ")), el("dd", {}, row[at.scores][place].toFixed(3))]));
  return el("aside", { class: "facts" },
    el("div", {}, el("div", { class: "chips" },
      chip("", data.operations[row[at.operation]], "only this operation", { operation: data.operations[row[at.operation]] }),
      row[at.accepted] ? el("span", { class: "chip good" }, "accepted") : reasons.map(([name, hint]) => chip("bad", name, hint, { reason: name, verdict: "all" })),
      row[at.truth] === null ? null : el("span", { class: `chip ${row[at.truth] ? "good" : "bad"}`, title: "by the truth, computed or labelled" }, row[at.truth] ? "really wrong" : "not wrong"),
      row[at.pictureTruth] === null || row[at.edited] === null ? null : el("span", { class: `chip ${row[at.pictureTruth] ? "good" : "bad"}`, title: "by the truth, computed or labelled" }, row[at.pictureTruth] ? "picture right" : "picture wrong")),
    reasons.filter(([, hint]) => hint).slice(0, 1).map(([, hint]) => el("p", { class: "hint" }, hint)),
    lost.length ? el("p", { class: "hint" }, el("b", {}, row[at.edited] === null ? "no picture: " : "picture dropped: ", lost.map(([name, hint], place) => [place ? ", " : "", el("span", { title: hint }, name)])), lost[0][1] ? ` – ${lost[0][1]}` : null) : null),
    el("div", { class: "models" }, matrixOf("judge", row[at.judge], !row[at.stillTrue]), matrixOf("target", row[at.target], !row[at.stillTrue])),
    el("dl", { class: "numbers" }, numbers));
}

// Only addresses of the web become links; whatever else a source calls one is text.
function link(url) {
  return /^https?:\/\//i.test(url) ? el("a", { href: url, rel: "noopener noreferrer nofollow", target: "_blank" }, url.replace(/^https?:\/\//i, "").slice(0, 60)) : el("span", {}, url.slice(0, 60));
}

function card(place) {
  const row = rows[place];
  const sides = row[at.edited] === null
    ? [el("figure", { class: "side" }, frame(row, "picture")), el("div", { class: "side words" }, caption(row[at.right], "right", "right"), caption(row[at.wrong], "wrong", "wrong"))]
    : [el("figure", { class: "side" }, frame(row, "picture"), el("figcaption", {}, caption(row[at.right], "right", "right"))),
      el("figure", { class: "side" }, frame(row, "edited"), el("figcaption", {}, caption(row[at.wrong], "wrong", row[at.editor] === null ? "wrong" : `wrong · ${data.editors[row[at.editor]]}`)))];
  const made = el("article", { class: "pair", "data-place": place, "data-view": "pair", onclick: () => select(shown.indexOf(place), false) }, sides, facts(row),
    el("footer", { class: "foot" }, row[at.key] ? el("span", {}, row[at.key]) : null, row[at.source] === null ? null : el("span", {}, data.sources[row[at.source]]),
      row[at.license] ? el("span", {}, row[at.license]) : null, row[at.url] ? link(row[at.url]) : null, row[at.instruction] ? el("span", {}, `“${row[at.instruction]}”`) : null,
      el("span", {}, data.methods[row[at.method]]), el("span", { class: "mono" }, row[at.id])));
  if (shown[selected] === place) made.classList.add("selected");
  look(made, state.view);
  return made;
}

// ---- ways to look at both pictures

async function look(element, view) {
  const row = rows[Number(element.dataset.place)];
  element.dataset.view = view;
  element.querySelectorAll("canvas").forEach((canvas) => canvas.remove());
  const [first, second] = ["picture", "edited"].map((which) => element.querySelector(`.${which}-plate`));
  if (view === "heat" && row[at.heat]) {
    [first, second].forEach((plate, side) => { if (plate && row[at.heat][side]) plate.append(heat(row[at.heat][side])); });
  }
  if (!second || row[at.picture] === null) return;
  if (view === "mask" && row[at.mask] !== null) {
    const mask = await pixels(row[at.mask]);
    if (element.dataset.view === view) [first, second].forEach((plate) => plate.append(masked(mask)));
  }
  if (view === "difference") {
    const pair = await Promise.all([pixels(row[at.picture]), pixels(row[at.edited])]);
    if (element.dataset.view === view && !second.querySelector("canvas")) second.append(differing(...pair));
  }
}
function drawn(width, height, paintAt) {
  const canvas = el("canvas", { width, height, class: "exact" }), context = canvas.getContext("2d"), made = context.createImageData(width, height);
  for (let place = 0; place < made.data.length; place += 4) paintAt(made.data, place);
  context.putImageData(made, 0, 0);
  return canvas;
}
// What an edit may not touch lies in shade.
function masked(mask) {
  return drawn(mask.width, mask.height, (out, place) => { out[place] = 20; out[place + 1] = 18; out[place + 2] = 16; out[place + 3] = mask.data[place] > 127 ? 0 : 190; });
}
// Bright where the two differ, four times as much as they do, over a shadow of the first.
function differing(one, other) {
  if (one.width !== other.width || one.height !== other.height) return el("canvas", { width: 1, height: 1 });
  return drawn(one.width, one.height, (out, place) => {
    let most = 0, light = 0;
    for (let channel = 0; channel < 3; channel += 1) {
      most = Math.max(most, Math.abs(one.data[place + channel] - other.data[place + channel]));
      light += one.data[place + channel] / 3;
    }
    const bright = Math.min(1, Math.max(0, most - 6) / 64), shadow = 14 + 0.2 * light;
    [255, 196, 92].forEach((value, channel) => { out[place + channel] = shadow + bright * (value - shadow); });
    out[place + 3] = 255;
  });
}
function heat([height, width, cells]) {
  const made = drawn(width, height, (out, place) => { const value = cells[place / 4]; out[place] = 255; out[place + 1] = 40 + 1.5 * value; out[place + 2] = 20; out[place + 3] = Math.round(value * 2.1); });
  made.className = "warm";
  return made;
}
function view(name) {
  state.view = views.some(([each]) => each === name) ? (state.view === name && name !== "blink" ? "pair" : name) : "pair";
  document.querySelectorAll("#views button").forEach((button) => button.setAttribute("aria-pressed", button.dataset.value === state.view));
  document.querySelectorAll(".pair").forEach((element) => look(element, state.view));
}

// ---- the list: sections of a few pairs, filled while they are near the window

const near = new IntersectionObserver((entries) => entries.forEach((entry) => (entry.isIntersecting ? fill(entry.target) : empty(entry.target))), { rootMargin: "1400px 0px" });
function fill(section) {
  if (section.firstChild) return;
  const start = Number(section.dataset.chunk) * CHUNK;
  section.append(...shown.slice(start, start + CHUNK).map(card));
  section.style.removeProperty("min-height");
}
function empty(section) {
  if (!section.firstChild) return;
  section.style.minHeight = `${section.offsetHeight}px`;
  section.replaceChildren();
}
function redraw() {
  near.disconnect();
  selected = -1;
  shown = found();
  const order = ORDERS[state.sort];
  if (order) shown.sort((a, b) => order(rows[a], rows[b]) || a - b);
  const room = innerWidth < 640 ? 420 : 380;
  const sections = [];
  for (let chunk = 0; chunk * CHUNK < shown.length; chunk += 1) {
    const section = el("section", { "data-chunk": chunk });
    section.style.minHeight = `${Math.min(CHUNK, shown.length - chunk * CHUNK) * room}px`;
    sections.push(section);
  }
  list.replaceChildren(...(sections.length ? sections : [el("div", { class: "nothing" }, el("p", {}, "Nothing is like this."), el("button", { class: "main", type: "button", onclick: () => change({ ...CLEAR, words: "" }) }, "Show all accepted"))]));
  sections.slice(0, 1).forEach(fill);
  sections.forEach((section) => near.observe(section));
  count.textContent = `${thousands(shown.length)} of ${thousands(rows.length)}`;
}
function select(place, move = true) {
  if (!shown.length) return;
  document.querySelector(".pair.selected")?.classList.remove("selected", "flipped");
  selected = Math.max(0, Math.min(shown.length - 1, place));
  const section = list.children[Math.floor(selected / CHUNK)];
  fill(section);
  const element = section.children[selected % CHUNK];
  element.classList.add("selected");
  if (move) element.scrollIntoView({ block: "start" });
}

// ---- the head

const controls = {};
function options(name, label, all, values) {
  controls[name] = el("select", { id: name, "aria-label": label, onchange: (event) => change({ [name]: event.target.value }) });
  controls[name].refill = () => {
    const tally = new Map();
    found(name).forEach((place) => values.of(rows[place]).forEach((value) => tally.set(value, (tally.get(value) ?? 0) + 1)));
    controls[name].replaceChildren(el("option", { value: "" }, all), ...values.all.map((value) => el("option", { value }, `${values.named?.[value] ?? value} · ${thousands(tally.get(value) ?? 0)}`)));
    controls[name].value = state[name];
    controls[name].classList.toggle("on", state[name] !== "");
  };
  return controls[name];
}
function refresh() {
  Object.values(controls).forEach((control) => control.refill?.());
  const tally = { accepted: 0, dropped: 0, all: 0 };
  found("verdict").forEach((place) => { tally.all += 1; tally[rows[place][at.accepted] ? "accepted" : "dropped"] += 1; });
  document.querySelectorAll("#verdict button").forEach((button) => {
    button.setAttribute("aria-pressed", button.dataset.value === state.verdict);
    button.querySelector("small").textContent = thousands(tally[button.dataset.value]);
  });
  if (document.activeElement !== search) search.value = state.words;  // what is being typed stays as it is
  controls.sort.value = state.sort;
  controls.score.value = state.score;
  [low, high].forEach((box) => { box.value = state[box.id]; box.classList.toggle("on", state[box.id] !== ""); });
}
function change(what) {
  Object.assign(state, what);
  redraw();
  refresh();
  scrollTo({ top: 0 });
}
const search = el("input", { type: "search", id: "search", placeholder: "Search captions and files", "aria-label": "Search", oninput: (event) => change({ words: event.target.value.trim().toLowerCase() }) });
const low = el("input", { type: "number", step: "any", id: "low", placeholder: "from", "aria-label": "Score from", onchange: (event) => change({ low: event.target.value }) });
const high = el("input", { type: "number", step: "any", id: "high", placeholder: "to", "aria-label": "Score to", onchange: (event) => change({ high: event.target.value }) });
const pressed = (id, values, choose) => el("div", { class: `switch ${id}`, id, role: "group" }, values.map(([value, label, key]) => el("button", { type: "button", "data-value": value, "aria-pressed": "false", title: key ? `${label} (${key})` : null, onclick: () => choose(value) }, label, id === "verdict" ? el("small", {}) : null)));

function build() {
  const scored = data.scores.map(([name], place) => [name, place]).filter(([, place]) => rows.some((row) => row[at.scores][place] !== null));
  const operations = [...data.operations].sort();
  const reasons = data.reasons.map(([name]) => name).sort();
  controls.sort = el("select", { id: "sort", "aria-label": "Order", onchange: (event) => change({ sort: event.target.value }) },
    Object.keys(ORDERS).filter((name) => !/[↓↑]/.test(name) || scored.some(([score]) => name.startsWith(`${score} `))).map((name) => el("option", { value: name }, name === "mixed" ? "mixed" : `by ${name.replaceAll("_", " ")}`)));
  controls.score = el("select", { id: "score", "aria-label": "Score", onchange: (event) => change({ score: event.target.value, low: "", high: "" }) }, scored.map(([name, place]) => el("option", { value: place }, name.replaceAll("_", " "))));
  if (scored.length) state.score = CLEAR.score = String(scored[0][1]);
  const filters = [
    options("operation", "Operation", "operation", { all: operations, of: (row) => [data.operations[row[at.operation]]] }),
    options("reason", "Reason", "reason", { all: reasons, of: (row) => [...new Set([...row[at.reasons], ...row[at.pictureReasons]])].map((each) => data.reasons[each][0]) }),
    data.methods.length > 1 ? options("method", "Method", "method", { all: data.methods, of: (row) => [data.methods[row[at.method]]] }) : null,
    pictured ? options("picture", "Picture", "picture", { all: ["any", ...data.editors, "none"], named: { any: "edited picture", none: "no edited picture" }, of: (row) => (row[at.edited] === null ? ["none"] : ["any", data.editors[row[at.editor]]]) }) : null,
    rows.some((row) => row[at.truth] !== null) ? options("truth", "Truth", "truth", { all: ["wrong", "not"], named: { wrong: "really wrong", not: "not wrong" }, of: (row) => (row[at.truth] === null ? [] : [row[at.truth] ? "wrong" : "not"]) }) : null,
    scored.length ? el("span", { class: "small" }, controls.score, " ", low, " ", high) : null,
    controls.sort, count,
    el("button", { class: "plain", id: "clear", type: "button", onclick: () => change({ ...CLEAR }) }, "Clear"),
  ];
  const more = el("div", { class: "bar wide more", id: "more" }, filters);
  const dialog = helpDialog("Keys", [["j k", "next pair, the one before"], ["/", "search"], ...views.slice(1).map(([name, , key]) => [key, name === "blink" ? "blink: original and edit by turns" : name]), ["a", "accepted, dropped, all"], ["f", "figures"], ["t", "light or dark"], ["Esc", "clear all filters"], ["?", "this"]],
    "Matrices: rows are pictures, columns captions; what is framed belongs together and should be highest in its row and column. Mask: what an edit may not touch lies in shade. Difference: four times what the two pictures differ by.");
  document.getElementById("app").replaceChildren(
    el("header", { class: "top" },
      el("div", { class: "bar wide" }, el("h1", { class: "name", title: `build ${data.build}` }, data.title), search, el("span", { class: "grow" }),
        views.length > 1 ? pressed("views", views, view) : null, pressed("verdict", [["accepted", "accepted"], ["dropped", "dropped"], ["all", "all"]], (verdict) => change({ verdict, reason: "" })),
        el("button", { class: "plain only-phone", id: "filters", type: "button", "aria-expanded": "false", onclick: (event) => { event.target.setAttribute("aria-expanded", more.classList.toggle("open")); } }, "Filters"),
        themeButton(), el("button", { class: "plain keys", id: "helps", type: "button", title: "Keys (?)", onclick: () => dialog.showModal() }, el("kbd", {}, "?"))),
      more),
    el("div", { class: "wide" }, data.notes.length ? el("div", { class: "notes" }, data.notes.map((note) => el("p", {}, note))) : null, figuresPanel(data.figures, (what) => change({ ...CLEAR, ...what })), list), dialog);
  const head = document.querySelector(".top");
  new ResizeObserver(() => document.documentElement.style.setProperty("--head", `${getComputedStyle(head).position === "sticky" ? head.offsetHeight : 0}px`)).observe(head);
  document.querySelector("#views button")?.setAttribute("aria-pressed", "true");
  redraw();
  refresh();
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && event.target === search) search.blur();
    if (typing(event) || dialog.open) return;
    const verdicts = ["accepted", "dropped", "all"];
    const keys = {
      j: () => select(selected + 1), k: () => select(selected - 1), "/": () => search.focus(), "?": () => dialog.showModal(), t: turn, f: () => document.querySelector("#figures > summary").click(),
      a: () => change({ verdict: verdicts[(verdicts.indexOf(state.verdict) + 1) % 3], reason: "" }), Escape: () => change({ ...CLEAR }),
      ...Object.fromEntries(views.map(([name, , key]) => [key, () => {
        if (name === "blink" && state.view === "blink") document.querySelector(".pair.selected")?.classList.toggle("flipped");
        else view(name);
      }])),
    };
    if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
  });
}
build();
performance.mark("drawn");
