// The figures of the build, drawn from numbers; what stands for negatives can be clicked to see them.

function svg(name, given = {}, ...inside) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(given)) element.setAttribute(key, value);
  element.append(...inside.flat(Infinity));
  return element;
}
const share = (value) => (value === null ? "–" : value.toFixed(2));
const board = (title, words, body, full = false) => el("section", { class: `board${full ? " full" : ""}` }, el("h2", {}, title), el("p", { class: "quiet small" }, words), body);

const key = (kind, words) => el("span", { class: "entry" }, el("span", { class: `key ${kind}` }), words);

function track(parts, most) {
  return svg("svg", { class: "track", viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" },
    parts.map(([kind, value]) => svg("rect", { class: `fill ${kind}`, width: Math.max(value ? 0.4 : 0, (100 * value) / most), height: 10, rx: 0.6 })));
}

function funnelBoard(figures) {
  const most = Math.max(...figures.funnel.map((bar) => bar.count), 1);
  return board("From captions to pairs", "What is left after each step of the build.", el("div", { class: "rows" }, figures.funnel.map((bar) => [
    el("span", { class: "label", title: bar.hint }, bar.name), track([[bar.name === "accepted" ? "good" : "usable", bar.count]], most),
    el("span", { class: "count" }, thousands(bar.count))])));
}

function operationsBoard(figures, pick) {
  const most = Math.max(...figures.operations.map(([, made]) => made), 1);
  return board("By operation", "Candidates, usable and accepted. Click one to see its pairs.", el("div", { class: "rows" }, figures.operations.map(([name, made, usable, accepted]) =>
    el("button", { type: "button", onclick: () => pick({ operation: name }), title: `${thousands(made)} candidates, ${thousands(usable)} usable, ${thousands(accepted)} accepted` },
      el("span", { class: "label" }, name), track([["made", made], ["usable", usable], ["good", accepted]], most), el("span", { class: "count" }, `${thousands(accepted)} of ${thousands(made)}`)))));
}

function reasonsBoard(figures, pick) {
  const most = Math.max(...figures.reasons.map((bar) => bar.count), 1);
  return board("Why candidates were dropped", "Click a reason to see what it took.", el("div", { class: "rows" }, figures.reasons.slice(0, 12).map((bar) =>
    el("button", { type: "button", onclick: () => pick({ reason: bar.name, verdict: "dropped" }), title: bar.hint },
      el("span", { class: "label" }, bar.name), track([["usable", bar.count]], most), el("span", { class: "count" }, thousands(bar.count))))));
}

function histogram(scores, one) {
  const width = 220, height = 62, bins = one.accepted.length, step = width / bins;
  const most = Math.max(1, ...one.accepted.map((count, bin) => count + one.dropped[bin]));
  const at = (value) => ((value - scores.low) / (scores.high - scores.low)) * width;
  const bars = one.accepted.flatMap((count, bin) => {
    const good = (count / most) * height, bad = (one.dropped[bin] / most) * height;
    return [svg("rect", { class: "good", x: bin * step + 0.4, y: height - good, width: step - 0.8, height: good }),
      svg("rect", { class: "bad", x: bin * step + 0.4, y: height - good - bad, width: step - 0.8, height: bad })];
  });
  const zero = scores.low < 0 && scores.high > 0 ? [svg("line", { class: "axis", x1: at(0), x2: at(0), y1: 0, y2: height }), svg("text", { x: at(0), y: height + 12, "text-anchor": "middle" }, "0")] : [];
  const limit = one.threshold === null ? [] : [svg("line", { class: "limit", x1: at(one.threshold), x2: at(one.threshold), y1: -3, y2: height })];
  return svg("svg", { class: "plot", viewBox: `0 -4 ${width} ${height + 18}`, role: "img", "aria-label": `${scores.score} of ${one.operation}` }, zero, bars, limit,
    svg("line", { class: "axis", x1: 0, x2: width, y1: height, y2: height }),
    svg("text", { x: 0, y: height + 12 }, scores.low.toPrecision(2)), svg("text", { x: width, y: height + 12, "text-anchor": "end" }, scores.high.toPrecision(2)));
}

function scoresBoard(scores) {
  const total = (one) => [...one.accepted, ...one.dropped].reduce((sum, each) => sum + each, 0);
  const words = el("span", {}, scores.meaning, ". ", key("", "accepted"), key("bad", "dropped"), scores.by_operation.some((one) => one.threshold !== null) ? key("dash", "a rule's threshold") : null);
  return board(scores.score, words, el("div", { class: "multiples" }, scores.by_operation.map((one) =>
    el("figure", {}, el("figcaption", {}, el("span", {}, one.operation), el("span", { class: "quiet" }, thousands(total(one)))), histogram(scores, one)))), true);
}

function blindBoard(who, rows) {
  const height = 19, left = 124, width = 400, at = (value) => left + (width - left - 44) * value;
  const drawn = rows.map((row, place) => {
    const y = 16 + place * height, parts = [svg("text", { x: 0, y: y + 3.5 }, row.operation)];
    if (row.before !== null && row.after !== null) parts.push(svg("line", { class: "rod", x1: at(row.before), x2: at(row.after), y1: y, y2: y }));
    if (row.before !== null) parts.push(svg("circle", { class: "ring", cx: at(row.before), cy: y, r: 3.6 }));
    if (row.after !== null) parts.push(svg("circle", { class: "dot", cx: at(row.after), cy: y, r: 4 }));
    parts.push(svg("text", { x: width, y: y + 3.5, "text-anchor": "end" }, share(row.after ?? row.before)));
    return parts;
  });
  const foot = 16 + rows.length * height;
  return board(`Blind: ${who}`, el("span", {}, "How often who sees no picture tells the wrong caption; 0.5 is perfect. ", key("old", "before"), key("", "after selection")),
    svg("svg", { class: "plot", viewBox: `0 0 ${width} ${foot + 8}`, role: "img", "aria-label": `blind accuracy, ${who}` },
      [0, 0.5, 1].map((value) => [svg("line", { class: value === 0.5 ? "chance" : "axis", x1: at(value), x2: at(value), y1: 6, y2: foot - 6 }), svg("text", { x: at(value), y: foot + 6, "text-anchor": "middle" }, String(value))]), drawn));
}

function truthBoards(figures) {
  const boards = [];
  if (figures.curve) {
    const { curve } = figures, width = 400, height = 170, left = 34;
    const low = Math.min(0.98, Math.floor(Math.min(...curve.precision, curve.chosen ? curve.chosen[0] : 1) * 50) / 50);
    const x = (value) => left + (width - left - 8) * value, y = (value) => 8 + (height - 16) * (1 - (value - low) / (1 - low));
    const line = curve.recall.map((value, place) => `${x(value).toFixed(1)},${y(curve.precision[place]).toFixed(1)}`).join(" ");
    boards.push(board("Precision and recall", `What every threshold on the judge's validity would keep, by ${thousands(curve.labels)} labels${curve.chosen ? `; the dot is this build: ${curve.chosen[0].toFixed(3)} precise, recall ${curve.chosen[1].toFixed(3)}` : ""}.`,
      svg("svg", { class: "plot", viewBox: `0 0 ${width} ${height + 16}`, role: "img", "aria-label": "precision by recall" },
        [low, (1 + low) / 2, 1].map((value) => [svg("line", { class: "axis", x1: left, x2: width - 8, y1: y(value), y2: y(value) }), svg("text", { x: left - 5, y: y(value) + 3.5, "text-anchor": "end" }, value.toFixed(2))]).flat(),
        [0, 0.5, 1].map((value) => svg("text", { x: x(value), y: height + 10, "text-anchor": "middle" }, String(value))),
        svg("polyline", { class: "line", points: line }), curve.chosen ? svg("circle", { class: "dot", cx: x(curve.chosen[1]), cy: y(curve.chosen[0]), r: 4.5 }) : [])));
  }
  if (figures.rules.length) {
    boards.push(board("What checks and rules take", "Share of what each takes that is not really wrong, and should go, where labels tell. The rest is what caution costs.", el("div", { class: "rows" }, figures.rules.slice(0, 12).map((rule) => [
      el("span", { class: "label" }, rule.name), track([["made", 1], ["good", rule.precision]], 1), el("span", { class: "count" }, `${share(rule.precision)} of ${thousands(rule.taken)}`)]))));
  }
  return boards;
}

function figuresPanel(figures, pick) {
  const steps = figures.funnel.flatMap((bar, place) => [place ? el("span", { class: "arrow" }, "→") : null, el("span", { title: bar.hint }, el("b", {}, thousands(bar.count)), ` ${bar.name}`)]);
  const panel = el("details", { class: "figures", id: "figures" }, el("summary", {}, steps));
  panel.addEventListener("toggle", () => {
    if (!panel.open || panel.children.length > 1) return;
    panel.append(el("div", { class: "boards" }, funnelBoard(figures), reasonsBoard(figures, pick), operationsBoard(figures, pick),
      Object.entries(figures.blind).map(([who, rows]) => blindBoard(who, rows)), truthBoards(figures), figures.scores.map(scoresBoard)));
  });
  return panel;
}

