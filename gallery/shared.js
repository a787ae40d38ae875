// What both kinds of page need: elements, captions, pictures, light and dark. Text goes in as text, never as markup.

const data = JSON.parse(document.getElementById("data").textContent);
document.getElementById("data").remove();

function el(name, given = {}, ...inside) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(given)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "class") element.className = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...inside.flat(Infinity).filter((each) => each !== null && each !== undefined && each !== false));
  return element;
}

const thousands = (number) => number.toLocaleString("en-US");

// A caption in segments: those at odd places have changed.
function caption(segments, kind, tag) {
  const length = segments.reduce((sum, each) => sum + each.length, 0);
  return el("p", { class: `caption ${kind}${length > 150 ? " long" : ""}`, dir: "auto" },
    tag ? el("span", { class: "tag", dir: "ltr" }, tag) : null,
    segments.map((text, place) => (place % 2 ? el("mark", {}, text) : text)));
}

// Thumbnails stand in blocks behind this script, which are read when one of them is wanted.
const AT_A_TIME = 200;
const blocks = new Map();
function address(number) {
  const block = Math.floor(number / AT_A_TIME);
  if (!blocks.has(block)) {
    const element = document.getElementById(`pictures-${block}`);
    if (!element || (document.readyState === "loading" && !element.nextElementSibling)) return null;
    blocks.set(block, JSON.parse(element.textContent));
    element.remove();
  }
  return blocks.get(block)[number % AT_A_TIME];
}
function whenThere(number, then) {
  const url = address(number);
  if (url !== null) then(url);
  else setTimeout(() => whenThere(number, then), 60);
}
function image(number, about) {
  const made = el("img", { alt: about, decoding: "async", draggable: "false" });
  made.addEventListener("load", () => {
    const plate = made.closest(".plate");
    if (!plate) return;
    plate.style.setProperty("--w", made.naturalWidth);
    plate.style.setProperty("--h", made.naturalHeight);
    plate.classList.toggle("tiny", Math.max(made.naturalWidth, made.naturalHeight) < 130);
  });
  whenThere(number, (url) => { made.src = url; });
  return made;
}
function pixels(number) {
  return new Promise((done, failed) => whenThere(number, (url) => {
    const made = new Image();
    made.onload = () => {
      const canvas = el("canvas", { width: made.naturalWidth, height: made.naturalHeight });
      const context = canvas.getContext("2d", { willReadFrequently: true });
      context.drawImage(made, 0, 0);
      done(context.getImageData(0, 0, canvas.width, canvas.height));
    };
    made.onerror = failed;
    made.src = url;
  }));
}

// What a person chose stays, where the browser lets a page keep anything.
const kept = {
  get(key) { try { return localStorage.getItem(key); } catch { return null; } },
  set(key, value) { try { localStorage.setItem(key, value); return true; } catch { return false; } },
};
const dark = matchMedia("(prefers-color-scheme: dark)");
let chosenTheme = kept.get("counterfoil.theme");
function paint() { document.documentElement.dataset.theme = chosenTheme ?? (dark.matches ? "dark" : "light"); }
dark.addEventListener("change", paint);
paint();
function turn() {
  chosenTheme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  kept.set("counterfoil.theme", chosenTheme);
  paint();
}
const themeButton = () => el("button", { class: "plain", id: "theme", type: "button", title: "Light or dark (t)", "aria-label": "Light or dark", onclick: turn }, "◐");

function helpDialog(title, keys, words) {
  const dialog = el("dialog", { id: "help" }, el("h2", {}, title),
    el("dl", {}, keys.flatMap(([key, meaning]) => [el("dt", {}, key.split(" ").map((one) => [el("kbd", {}, one), " "])), el("dd", {}, meaning)])),
    words ? el("p", { class: "quiet small" }, words) : null,
    el("form", { method: "dialog" }, el("button", { class: "main" }, "Close")));
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  return dialog;
}
const typing = (event) => /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) || event.ctrlKey || event.metaKey || event.altKey;

