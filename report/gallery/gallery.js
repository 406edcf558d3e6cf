"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const PAGE = 60;
const get = id => document.getElementById(id);
const el = (tag, className, text) => {
  const e = document.createElement(tag);
  if (className) e.className = className;
  if (text !== undefined) e.textContent = text;
  return e;
};
const cell = (tag, text, className) => el(tag, className, text);

// Columns: lists of numbers, or words and codes.
const nothing = {};
function value(result, name, i) {
  const column = (data.columns[result] || nothing)[name];
  if (column === undefined) return null;
  return column.words ? column.words[column.codes[i]] : column[i];
}
const shared = (name, i) => value("shared", name, i);
const className = v => v === null ? "–" : data.names.length ? (data.names[v] ?? String(v)) : format(v);
const pair = i => `${className(shared("source", i))} → ${className(shared("target", i))}`;
const words = v => v.replace(/_/g, " ");
const display = result => words(result) || "counterfactual";
const tint = result => data.controls.includes(result) ? "ctl" : "";
function format(v) {
  if (v === null || v === undefined) return "–";
  if (typeof v === "string") return words(v) || "–";
  if (v !== 0 && (Math.abs(v) < 1e-3 || Math.abs(v) >= 1e6)) return v.toExponential(2);
  return Number(v).toLocaleString("en", {maximumSignificantDigits: 4});
}
const probability = v => v === null || data.confidence !== "probability" ? format(v) : v > 0.9999 ? "> 0.9999" : v < 0.0001 ? "< 0.0001" : v.toFixed(4);
const verdict = (result, oracle, i) => value(result, "oracle_" + oracle, i);
function agrees(result, i) {
  const votes = data.oracles.map(o => verdict(result, o, i)).filter(v => v !== null);
  return votes.length ? votes.every(v => v === shared("target", i)) : null;
}

// Sheets follow this script, so that the page can be used before it has been read to its end. An
// image is made of a sheet's text when the first of its tiles is drawn.
const images = new Map(), waiting = new Map();
const arrived = name => (waiting.get(name) || []).forEach(go => go());
function there(name) {
  if (get("sheet-" + name)) return Promise.resolve();
  return new Promise(go => waiting.set(name, [...(waiting.get(name) || []), go]));
}
async function decode(role, name) {
  await there(name);
  const image = new Image();
  image.src = `data:image/${data.sheets[role].kind};base64,` + get("sheet-" + name).textContent;
  await image.decode();
  return image;
}
function sheet(role, number) {
  const name = `${role}-${number}`;
  if (!images.has(name)) images.set(name, decode(role, name));
  return images.get(name);
}
let undrawn = 0;
function drawn() { if (--undrawn === 0 && !performance.getEntriesByName("drawn").length) performance.mark("drawn"); }

/** A canvas with one tile; `palette` recolours a signed change: "signed" or "absolute". */
function tile(role, k, palette) {
  const s = data.sheets[role], [h, w] = s.size, canvas = el("canvas");
  canvas.width = w; canvas.height = h;
  const at = k % s.perSheet, y = Math.floor(at / s.columns) * s.cell[0], x = (at % s.columns) * s.cell[1];
  undrawn++;
  sheet(role, Math.floor(k / s.perSheet)).then(image => {
    const context = canvas.getContext("2d", {willReadFrequently: Boolean(palette)});
    context.drawImage(image, x, y, w, h, 0, 0, w, h);
    if (palette) recolour(context, w, h, palette);
    drawn();
  });
  return canvas;
}
function recolour(context, w, h, palette) {
  const pixels = context.getImageData(0, 0, w, h), p = pixels.data;
  for (let j = 0; j < p.length; j += 4) {
    const level = palette === "absolute" ? Math.min(255, 2 * Math.abs(p[j] - 128)) : p[j];
    [p[j], p[j + 1], p[j + 2]] = data.palettes[palette][level];
  }
  context.putImageData(pixels, 0, 0);
}
function picture(label, role, k, className, palette) {
  const sheets = data.sheets[role];
  if (!sheets || k === null || k >= sheets.count) return null;
  const box = el("figure", "picture" + (className ? " " + className : "") + (sheets.size[1] <= 64 ? " small" : "")), canvas = tile(role, k, palette);
  canvas.setAttribute("role", "img"); canvas.setAttribute("aria-label", label);
  box.append(canvas, label);
  return box;
}
function strip(pictures, className) {
  const box = el("div", "strip" + (className ? " " + className : ""));
  box.append(...pictures.filter(Boolean));
  return box.childElementCount ? box : null;
}

// Cards.
function card(i, position) {
  const box = el("article", "card"), status = value("", "status", i);
  box.tabIndex = 0; box.setAttribute("role", "button");
  box.setAttribute("aria-label", `${pair(i)}, ${words(status)}, index ${shared("index", i)}: show everything`);
  box.addEventListener("click", () => open(position));
  box.addEventListener("keydown", e => { if (e.key === "Enter" || e.key === " ") { e.preventDefault(); open(position); } });
  const head = el("header");
  head.append(el("b", "", pair(i)), ...badges(i), el("span", "idx", "#" + shared("index", i) + (shared("number", i) ? "." + shared("number", i) : "")));
  const pictures = strip([
    picture("x", "x", i), picture("x′", "counterfactual", i), picture("change", "counterfactual_change", i, "", "signed"),
    picture("control", "control_counterfactual", i, "ctl"), picture("its change", "control_counterfactual_change", i, "ctl", "signed")]);
  box.append(head, ...(pictures ? [pictures] : []), facts(i));
  return box;
}
function badges(i) {
  const status = value("", "status", i), mark = value("", "certificate", i), label = shared("label", i);
  const list = [el("span", "badge " + status, words(status))];
  if (mark) list.push(el("span", "mark " + mark, mark));
  if (data.names.length && label !== shared("source", i)) list.push(el("span", "badge timeout", `label ${className(label)}`));
  return list;
}
const FACTS = [["confidence", data.confidence === "probability" ? "confidence" : data.confidence], ["steps", "steps"], ["l2_x", "‖Δx‖"], ["l2_z", "‖Δz‖"], ["distance", "distance"]];
function facts(i) {
  const table = el("table", "facts"), head = table.createTHead().insertRow(), body = table.createTBody();
  const shown = FACTS.filter(([name]) => data.columns[""][name] !== undefined);
  head.append(cell("th", ""), ...shown.map(([, label]) => cell("th", label)), ...(data.oracles.length ? [cell("th", data.oracles.join(", ") + " says")] : []));
  for (const result of data.results.filter(r => r === "" || r === "control")) {
    const row = body.insertRow(), ended = value(result, "status", i);
    row.className = tint(result);
    row.append(cell("th", result === "" ? "x′" : ended === "flipped" ? "control" : `control (${words(ended || "–")})`));
    row.append(...shown.map(([name]) => cell("td", name === "confidence" ? probability(value(result, name, i)) : format(value(result, name, i)))));
    if (data.oracles.length) row.append(votes(result, i));
  }
  const box = el("div", "scroll");  // on a telephone
  box.append(table);
  return box;
}
function votes(result, i) {
  const box = el("td");
  for (const oracle of data.oracles) box.append(vote(result, oracle, i));
  return box;
}
function vote(result, oracle, i) {
  const said = verdict(result, oracle, i);
  return el("span", said === null || !data.names.length ? "" : said === shared("target", i) ? "yes" : "no", className(said));
}

// Filter and sort.
let order = [], shown = PAGE;
const chosen = id => get(id) ? get(id).value : "";
const limit = (id, otherwise) => chosen(id) === "" ? otherwise : Number(chosen(id));
function select() {
  const source = chosen("source"), target = chosen("target"), status = chosen("status"), mark = chosen("certificate"), oracle = chosen("oracle");
  const ranges = ["confidence", "l2_x"].map(name => [name, limit(name + "-from", -Infinity), limit(name + "-to", Infinity)]).filter(([, a, b]) => a > -Infinity || b < Infinity);
  const wanted = i => (!source || shared("source", i) === Number(source)) && (!target || shared("target", i) === Number(target))
    && (!status || value("", "status", i) === status) && (!mark || value("", "certificate", i) === mark)
    && (!oracle || String(agrees("", i)) === oracle)
    && ranges.every(([name, a, b]) => { const v = value("", name, i); return v !== null && v >= a && v <= b; });
  const found = [], key = chosen("sort"), sign = get("descending").checked ? -1 : 1;
  for (let i = 0; i < data.rows; i++) if (wanted(i)) found.push(i);
  const by = data.columns[key === "index" ? "shared" : ""][key];
  const known = v => v === null || v === undefined;
  return found.sort((a, b) => known(by[a]) - known(by[b]) || sign * (by[a] - by[b]) || a - b);  // unknown ones last
}
function refresh() {
  order = select(); shown = PAGE;
  get("gallery").replaceChildren(...order.slice(0, shown).map(card));
  update();
}
function more() {
  get("gallery").append(...order.slice(shown, shown + PAGE).map((i, k) => card(i, shown + k)));
  shown += PAGE;
  update();
}
function update() {
  get("count").textContent = `${order.length} of ${data.rows}`;
  get("more").hidden = order.length <= shown;
}

// One search in full.
const dialog = get("detail");
let current = 0, opener = null;
function open(position) {
  current = position;
  fill();
  if (!dialog.open) { opener = document.activeElement; dialog.showModal(); }
  dialog.focus();  // what had it may be gone
  dialog.scrollTop = 0;
}
function move(by) {
  if (order[current + by] !== undefined) open(current + by);
}
function fill() {
  const i = order[current], head = el("header");
  const buttons = [["←", "previous (left arrow)", -1], ["→", "next (right arrow)", 1]].map(([text, label, by]) => {
    const button = el("button", "", text);
    button.type = "button"; button.title = label; button.setAttribute("aria-label", label);
    button.disabled = order[current + by] === undefined;
    button.addEventListener("click", () => move(by));
    return button;
  });
  const close = el("button", "", "close");
  close.type = "button"; close.addEventListener("click", () => dialog.close());
  head.append(el("b", "", pair(i)), ...badges(i), el("span", "place", `#${shared("index", i)} · ${current + 1} of ${order.length}`), ...buttons, close);
  const body = el("div", "body"), left = el("div", "column"), right = el("div", "column");
  left.append(...[panel("Pictures", ownPictures(i), ...data.controls.map(control => controlPictures(control, i))), panel("Where the model looks, and what had to change", looks(i)), panel("Compared methods", otherPictures(i)),
    panel("The search, from x to x′", pathPictures(i)), ...data.results.map(result => panel(`Nearest real images to ${result ? words(result) : "x′"}`, neighbours(result, i)))].filter(Boolean));
  right.append(...[reasons(i), panel("Oracles", oracleTable(i)), panel("Values", valueTable(i))].filter(Boolean));
  if (data.results.length > 3) body.classList.add("plain");
  if (!left.childElementCount) { left.remove(); body.classList.add("plain"); } else body.append(left);
  body.append(right);
  dialog.replaceChildren(head, body);
}
function panel(title, ...content) {
  const there = content.filter(Boolean);
  if (!there.length) return null;
  const box = el("section", "panel scroll");
  box.append(el("h3", "", title), ...there);
  return box;
}
const ownPictures = i => strip([picture("x", "x", i), picture("reconstruction", "reconstruction", i), picture("x′", "counterfactual", i),
  picture("change", "counterfactual_change", i, "", "signed"), picture("|change|", "counterfactual_change", i, "", "absolute")], "five");
const controlPictures = (control, i) => strip([picture(display(control), control + "_counterfactual", i, "ctl third"),
  picture("its change", control + "_counterfactual_change", i, "ctl", "signed"), picture("its |change|", control + "_counterfactual_change", i, "ctl", "absolute")], "five");
const looks = i => data.sheets.attribution && i < data.sheets.attribution.count ? strip([picture(data.names.length ? `attribution: red for ${className(shared("source", i))}` : "attribution: red for more", "attribution", i, "", "signed"), picture("refined", "refined", i, "", "signed"),
  picture("|attribution|", "attribution", i, "", "absolute"), picture("|refined|", "refined", i, "", "absolute"), picture("|change|", "counterfactual_change", i, "", "absolute")], "five") : null;
const otherPictures = i => strip(data.results.filter(r => r && !data.controls.includes(r)).map(r => picture(`${words(r)}: ${words(value(r, "status", i) || "–")}`, r + "_counterfactual", i, tint(r))));
const neighbours = (result, i) => strip([1, 2, 3].map(k => picture(String(k), "neighbours", value(result, "neighbour_" + k, i), tint(result))), "few");
function pathPictures(i) {
  const n = data.sheets.path ? data.sheets.path.perRow : 0;
  return strip(Array.from({length: n}, (_, k) => picture(k === 0 ? "x" : k === n - 1 ? "x′" : "", "path", i * n + k)), "few");
}
function reasons(i) {
  const list = data.results.map(r => [r, value(r, "certificate", i), value(r, "certificate_reasons", i), value(r, "reason", i)]).filter(([, mark, why, failed]) => mark || why || failed);
  if (!list.length) return null;
  const table = el("table", "values"), body = table.createTBody();
  for (const [result, mark, why, failed] of list) {
    const row = body.insertRow(), verdict = cell("td", "", "words");
    if (mark) verdict.append(el("span", "mark " + mark, mark));
    row.append(cell("th", display(result), tint(result)), verdict, cell("td", [why, failed].filter(Boolean).join("; "), "words"));
  }
  return panel("Certificates", table);
}
function oracleTable(i) {
  if (!data.oracles.length) return null;
  const before = {source: "x", reconstruction: "reconstruction"};
  const results = [...Object.keys(before), ...data.results].filter(r => data.oracles.some(o => verdict(r, o, i) !== null));
  const table = el("table", "values"), head = table.createTHead().insertRow(), body = table.createTBody();
  head.append(cell("th", ""), ...results.map(r => cell("th", before[r] || display(r), tint(r))));
  for (const oracle of data.oracles) {
    const row = body.insertRow();
    row.append(cell("th", oracle), ...results.map(r => { const box = el("td"); box.append(before[r] ? className(verdict(r, oracle, i)) : vote(r, oracle, i)); return box; }));
  }
  return table;
}
const ELSEWHERE = /^(oracle_|neighbour_\d|certificate|reason$)/;
function valueTable(i) {
  const table = el("table", "values wide"), head = table.createTHead().insertRow(), body = table.createTBody();
  head.append(cell("th", ""), ...data.results.map(r => cell("th", display(r), tint(r))));
  const line = (name, label, meaning, texts) => {
    const row = body.insertRow(), title = cell("th", label);
    if (meaning) title.title = meaning;
    row.append(title, ...texts.map((text, k) => cell("td", text, tint(data.results[k]))));
  };
  const once = (label, text) => line("", label, "", [text, ...data.results.slice(1).map(() => "")]);
  once("label", className(shared("label", i)));
  once("confidence before", probability(shared("confidence_before", i)));
  const names = [...new Set(data.results.flatMap(r => Object.keys(data.columns[r])))].filter(name => !ELSEWHERE.test(name));
  const rank = Object.keys(data.labels);
  names.sort((a, b) => (rank.indexOf(a) + 1 || 999) - (rank.indexOf(b) + 1 || 999));
  for (const name of names) {
    const [label, meaning] = data.labels[name] || [words(name), ""];
    const text = v => name === "prediction" ? className(v) : name === "confidence" ? probability(v) : format(v);
    line(name, label, meaning, data.results.map(r => text(value(r, name, i))));
  }
  return table;
}

// Events.
for (const role of ["source", "target"]) {
  if (!get(role)) continue;
  const values = [...new Set(data.pairs.map(p => p[role === "source" ? 0 : 1]))].sort((a, b) => a - b);
  get(role).append(...values.map(v => { const option = el("option", "", className(v)); option.value = v; return option; }));
}
const inputs = document.querySelectorAll(".controls select, .controls input");
for (const input of inputs) input.addEventListener(input.type === "number" ? "input" : "change", refresh);
get("reset").addEventListener("click", () => {
  for (const input of inputs) { if (input.type === "checkbox") input.checked = false; else if (input.tagName === "SELECT") input.selectedIndex = 0; else input.value = ""; }
  refresh();
});
get("more").addEventListener("click", more);
document.addEventListener("keydown", e => {
  if (!dialog.open) return;
  if (e.key === "ArrowLeft" || e.key === "ArrowRight") { e.preventDefault(); move(e.key === "ArrowLeft" ? -1 : 1); }
});
dialog.addEventListener("click", e => { if (e.target === dialog) dialog.close(); });
dialog.addEventListener("close", () => { const card = get("gallery").contains(opener) ? get("gallery").children[current] : opener; if (card) card.focus(); });
for (const button of document.querySelectorAll("[data-row]")) {
  const row = Number(button.dataset.row);
  button.hidden = row >= data.rows;
  button.addEventListener("click", () => { if (!order.includes(row)) get("reset").click(); open(order.indexOf(row)); });
}
refresh();
performance.mark("interactive");
