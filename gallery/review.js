// One question at a time: a picture, two captions that differ in the marked words. Answers stay in this browser until
// they are downloaded; nothing is sent anywhere.

const questions = data.questions;
const KEY = `counterfoil.review.${data.page}`;
const ANSWERS = [
  ["really_false", "Really false", "one of the two is"],
  ["still_true", "Still true", "both of them are"],
  ["cannot_tell", "Cannot tell", "from this picture"],
  ["broken", "Broken", "the English, or the picture"],
];
const fresh = { reviewer: "", place: 0, answers: {} };
let state = { ...fresh };
try { state = { ...fresh, ...JSON.parse(kept.get(KEY) ?? "{}") }; } catch { /* what another page has left is no answer */ }
state.place = Math.max(0, Math.min(questions.length, Number(state.place) || 0));
let keeps = kept.set(KEY, JSON.stringify(state));
let choosing = false;
let since = performance.now();
const app = document.getElementById("app");

function save() { keeps = kept.set(KEY, JSON.stringify(state)); }
function go(place) {
  state.place = Math.max(0, Math.min(questions.length, place));
  choosing = false;
  since = performance.now();
  save();
  draw();
  scrollTo({ top: 0 });
}
function give(answer, choice = null) {
  const before = state.answers[state.place];
  state.answers[state.place] = { answer, choice, seconds: Math.round((performance.now() - since) / 100) / 10, answered: new Date().toISOString(), comment: before?.comment ?? "" };
  go(state.place + 1);
}
function ask(answer) {
  if (answer === "really_false") { choosing = true; draw(); } else give(answer);
}

// What an answer says of the negative: of an edited picture, the original caption is the one that should be false.
function valid(question, given) {
  const about = question.image === null ? 1 - question.original : question.original;
  if (given.answer === "really_false") return given.choice === about;
  if (given.answer === "still_true") return question.image !== null && question.stillTrue;
  return null;
}
function csv() {
  const harmless = (cell) => (/^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell);  // a spreadsheet would run it
  const quote = (cell) => (/[",\n\r]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
  const lines = [["text_negative_id", "image_negative_id", "valid", "answer", "false_caption", "again", "reviewer", "seconds", "answered", "build", "comment"]];
  questions.forEach((question, place) => {
    const given = state.answers[place];
    if (!given?.answer) return;
    const good = valid(question, given);
    lines.push([question.id, question.image ?? "", good === null ? "" : String(good), given.answer, given.choice === null ? "" : given.choice === question.original ? "original" : "negative",
      question.again ? "yes" : "no", state.reviewer, String(given.seconds), given.answered, data.build, given.comment]);
  });
  return `\ufeff${lines.map((line) => line.map(harmless).map(quote).join(",")).join("\r\n")}\r\n`;
}
function download() {
  const url = URL.createObjectURL(new Blob([csv()], { type: "text/csv" }));
  const name = state.reviewer.replace(/[^\p{L}\p{N}]+/gu, "-").slice(0, 40) || "reviewer";
  const link = el("a", { href: url, download: `labels-${name}-${data.page}.csv` });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

const answered = () => Object.values(state.answers).filter((each) => each.answer).length;
const dialog = helpDialog("Keys", [["1", "really false: then 1 or 2, the caption that is"], ["2", "still true: both are"], ["3", "cannot tell"], ["4", "broken English, or a broken picture"], ["u", "back to the question before"], ["n", "on to the next without an answer"], ["c", "write a comment"], ["e", "download the answers"], ["t", "light or dark"], ["?", "this"]],
  "Judge by this picture alone. What makes you hesitate is “cannot tell”. Some questions come twice: answer them as if they were new.");
const top = () => el("header", { class: "top" },
  el("div", { class: "bar wide" }, el("h1", { class: "name" }, data.title, el("small", {}, state.reviewer)), el("span", { class: "grow" }), el("span", { class: "quiet small", id: "progress" }, `${answered()} of ${questions.length}`),
    el("button", { class: "plain", id: "export", type: "button", title: "Download the answers (e)", disabled: answered() === 0, onclick: download }, "Download"), themeButton(), el("button", { class: "plain", type: "button", title: "Keys (?)", onclick: () => dialog.showModal() }, el("kbd", {}, "?"))),
  el("div", { class: "progress" }, el("div", { id: "done" })));

function start() {
  const name = el("input", { type: "text", id: "reviewer", placeholder: "Your name", "aria-label": "Your name", required: true, maxlength: 60, autocomplete: "off" });
  const form = el("form", {}, name, el("button", { class: "main", id: "begin" }, "Begin"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!name.value.trim()) return;
    state.reviewer = name.value.trim();
    go(0);
  });
  app.replaceChildren(el("div", { class: "start" }, el("h1", {}, "Which of two captions is false?"),
    el("p", {}, `${thousands(questions.length)} questions about ${data.title}, each a picture with two captions that differ in the marked words. Say by the keys 1 to 4 whether one of them is really false of the picture, both are still true, it cannot be told, or something is broken.`),
    el("p", { class: "quiet" }, "What models and rules have made of them, and which caption was there first, is not shown. Answers stay in this browser until you download them."), form,
    keeps ? null : el("p", { class: "notes" }, "This browser keeps nothing for pages opened from a file: download the answers before you close it.")), dialog);
  name.focus();
}

function finish() {
  const tally = ANSWERS.map(([name, label]) => [label, Object.values(state.answers).filter((each) => each.answer === name).length]);
  app.replaceChildren(top(), el("div", { class: "start" }, el("h1", {}, answered() === questions.length ? "That was the last one." : `${answered()} of ${questions.length} answered.`),
    el("dl", { class: "numbers" }, tally.flatMap(([label, number]) => [el("dt", {}, label), el("dd", {}, number)])),
    el("p", {}, el("button", { class: "main", id: "download", type: "button", onclick: download }, "Download the answers"), " ", el("button", { class: "plain", type: "button", onclick: () => go(questions.length - 1) }, "Back")),
    el("p", { class: "quiet small" }, "Then: ", el("span", { class: "mono" }, "counterfoil labels DATASET FILE.csv"), ", or ", el("span", { class: "mono" }, "counterfoil calibrate DATASET --labels FILE.csv"))), dialog);
  bar();
}
function bar() { document.getElementById("done").style.width = `${(100 * answered()) / questions.length}%`; }

function draw() {
  if (!state.reviewer) return start();
  if (state.place >= questions.length) return finish();
  const question = questions[state.place], given = state.answers[state.place];
  const options = question.captions.map((segments, place) => el("button", { class: `option${choosing ? " open" : ""}${given?.choice === place ? " false" : ""}`, type: "button", "data-option": place, disabled: !choosing, onclick: () => give("really_false", place) }, caption(segments, "", choosing ? `${place + 1}` : "AB"[place])));
  const comment = el("input", { type: "text", id: "comment", placeholder: "Comment", "aria-label": "Comment", value: given?.comment ?? "", maxlength: 500, oninput: (event) => {
    state.answers[state.place] = { answer: null, choice: null, ...state.answers[state.place], comment: event.target.value };
    save();
  } });
  comment.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === "Escape") comment.blur(); });
  app.replaceChildren(top(), el("main", { class: `desk question${choosing ? " choosing" : ""}` },
    el("div", { class: "frame" }, el("div", { class: "plate" }, image(question.picture, "the picture"))),
    el("div", { class: "options" }, options),
    el("p", { class: "ask", role: "status" }, choosing ? "Which one is false of the picture? 1 or 2" : "The marked words differ. Is one of the captions false of this picture?"),
    el("div", { class: "answers" }, ANSWERS.map(([name, label, words], place) => el("button", { class: `answer${given?.answer === name ? " given" : ""}`, type: "button", "data-answer": name, onclick: () => ask(name) }, el("b", {}, el("kbd", {}, place + 1), " ", label), el("small", {}, words)))),
    el("div", { class: "under" }, comment, el("button", { class: "plain", type: "button", disabled: state.place === 0, onclick: () => go(state.place - 1) }, "Back"), el("button", { class: "plain", type: "button", onclick: () => go(state.place + 1) }, "Next"), keeps ? null : el("span", { class: "quiet small" }, "This browser keeps nothing: download before you close it."))), dialog);
  bar();
  return undefined;
}

document.addEventListener("keydown", (event) => {
  if (typing(event) || dialog.open) return;
  const at = Number(event.key) - 1;
  const keys = { u: () => go(state.place - 1), n: () => go(state.place + 1), e: () => { if (answered()) download(); }, t: turn, "?": () => dialog.showModal(), c: () => document.getElementById("comment")?.focus(), Escape: () => { choosing = false; draw(); } };
  if (!state.reviewer) return;
  if (state.place < questions.length && choosing && (at === 0 || at === 1)) keys[event.key] = () => give("really_false", at);
  else if (state.place < questions.length && ANSWERS[at]) keys[event.key] = () => ask(ANSWERS[at][0]);
  if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
});
draw();
