// The parts of the page put together: a list of objects, a current one, and what is done with them.

import { ClassBar } from "./class_bar.js";
import { CLASS_COLOURS, Columns, withUnit } from "./columns.js";
import { readData } from "./data.js";
import { Detail } from "./detail.js";
import { Gallery } from "./gallery.js";
import { listenToKeys } from "./keyboard.js";
import { Labels } from "./labels.js";
import { Neighbours } from "./neighbours.js";
import { missingWebgl, Scatter } from "./scatter.js";
import { Sheets } from "./sheets.js";
import { Table } from "./table.js";

const SIMILAR = 100;
const by = (id) => document.getElementById(id);

const data = readData();
const columns = new Columns(data);
const sheets = new Sheets(data);
const labels = new Labels(data.catalogue, data.ids, data.classes, storage());
const everything = Array.from({ length: data.number }, (_, row) => row);
const rowOf = labels.rows;
let neighbours = null;
let scatter = null;

// What the list shows: some rows in some order.
const list = { rows: everything, title: "All objects", source: "all", sort: data.sort ?? "", falling: true };
let current = null;
let shown = []; // rows of the list in their order
let places = new Map(); // row to its place among them

function storage() {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
}

function say(text) {
  by("status").textContent = text;
}

function labelText(row) {
  const index = labels.classOf(row);
  return index < 0 ? "" : labels.classes[index];
}

function describe(row) {
  const parts = [columns.ids[row]];
  const column = columns.byName.get(list.sort);
  if (column) parts.push(`${withUnit(column)} ${columns.text(column, row)}`);
  const label = labelText(row);
  if (label) parts.push(`labelled ${label}`);
  return parts.join(", ");
}

function fillCell(cell, row, size) {
  const picture = document.createElement("div");
  sheets.paint(picture, row, size, "");
  picture.setAttribute("aria-hidden", "true");
  const value = document.createElement("div");
  value.className = "value";
  const column = columns.byName.get(list.sort);
  value.textContent = list.sort === "similarity" ? list.cosines[row].toFixed(3) : column ? columns.text(column, row) : columns.ids[row];
  cell.setAttribute("aria-label", describe(row));
  cell.title = columns.ids[row];
  cell.append(picture, value);
  addBadge(picture, row);
}

function addBadge(picture, row) {
  const index = labels.classOf(row);
  if (index < 0) return;
  const badge = document.createElement("span");
  badge.className = "badge";
  badge.style.background = CLASS_COLOURS[index];
  badge.textContent = index + 1;
  picture.append(badge);
}

const gallery = new Gallery(by("gallery"), fillCell, (row) => choose(row));
const table = new Table(by("table"), columns, {
  paint: (element, row) => {
    sheets.paint(element, row, 36, "");
    element.setAttribute("aria-hidden", "true");
  },
  label: labelText,
  onChoose: (row) => choose(row),
  onSort: (name) => sortBy(name, list.sort === name ? !list.falling : true),
});
const detail = new Detail(by("object"), columns, sheets, () => showSimilar());
const classBar = new ClassBar(by("classes"), labels, { onLabel: (index) => label(index), say });

// ---- the list

function arrange() {
  const column = columns.byName.get(list.sort);
  if (column) shown = columns.sorted(list.rows, column, list.falling);
  else shown = list.falling ? list.rows.slice() : list.rows.slice().reverse();
  places = new Map(shown.map((row, place) => [row, place]));
  by("list-title").textContent = `${list.title} (${list.rows.length.toLocaleString("en")})`;
  by("direction").textContent = list.falling ? "↓" : "↑";
  by("direction").setAttribute("aria-label", list.falling ? "Highest first; turn around" : "Lowest first; turn around");
  by("sort").value = list.sort;
  by("show").value = list.source;
  gallery.setRows(shown, places);
  table.setRows(shown, places);
}

function showList(rows, title, source, sort) {
  const kept = list.sort === "similarity" ? (data.sort ?? "") : list.sort;
  Object.assign(list, { rows, title, source, sort: sort ?? kept });
  if (sort) list.falling = true;
  by("sort").querySelector('[value="similarity"]').hidden = source !== "similar";
  by("show").querySelector('[value="similar"]').hidden = source !== "similar";
  by("show").querySelector('[value="selection"]').hidden = source !== "selection";
  arrange();
  by("gallery").scrollTop = 0;
  scatter?.select(source === "all" ? [] : rows);
  if (shown.length) choose(shown[0]);
}

function sortBy(name, falling) {
  Object.assign(list, { sort: name, falling });
  arrange();
  by("gallery").scrollTop = 0;
  if (shown.length) choose(shown[0]);
}

function showSource(source) {
  if (source === "all") showList(everything, "All objects", source);
  else if (source === "unlabelled") showList(everything.filter((row) => labels.classOf(row) < 0), "Without a label", source);
  else if (source === "labelled") showList(everything.filter((row) => labels.classOf(row) >= 0), "With a label", source);
  else if (source.startsWith("class-")) {
    const index = Number(source.slice(6));
    showList(everything.filter((row) => labels.classOf(row) === index), `Labelled ${labels.classes[index]}`, source);
  }
}

function showSimilar() {
  if (current === null) return;
  neighbours ??= new Neighbours(data.arrays.vectors, data.components);
  // Of a selection, those like all of it; else those like the current object.
  const rows = list.source === "selection" && list.rows.length > 1 ? list.rows : [current];
  const began = performance.now();
  const found = neighbours.nearest(rows, SIMILAR);
  const took = performance.now() - began;
  list.cosines = found.cosines;
  const title = rows.length > 1 ? `Most similar to ${rows.length} selected objects` : `Most similar to ${columns.ids[current]}`;
  showList(rows.length > 1 ? found.rows : [current, ...found.rows], title, "similar", "similarity");
  say(`${title}: ${found.rows.length} of ${data.number.toLocaleString("en")} objects, by the cosine of their vectors (${took.toFixed(0)} ms).`);
}

function fillShow() {
  const select = by("show");
  const options = [["all", "all"], ["unlabelled", "without label"], ["labelled", "with label"]];
  labels.classes.forEach((name, index) => name && options.push([`class-${index}`, name]));
  options.push(["selection", "selection"], ["similar", "similar"]);
  const { value } = select;
  select.replaceChildren(...options.map(([key, text]) => new Option(text, key)));
  for (const key of ["selection", "similar"]) select.querySelector(`[value="${key}"]`).hidden = list.source !== key;
  select.value = value || list.source;
}

// ---- the current object

function choose(row) {
  current = row;
  detail.show(row, describe(row), labelText(row));
  gallery.setCurrent(row);
  table.setCurrent(row);
  scatter?.setCurrent(row);
}

function move(x, y) {
  if (!shown.length) return;
  const place = places.get(current) ?? -1;
  const across = by("table").hidden ? gallery.columns : 1;
  choose(shown[Math.min(shown.length - 1, Math.max(0, place + x + y * across))]);
}

function label(index) {
  if (current === null) return;
  const row = current;
  if (!labels.set(row, index)) {
    say(`Class ${index + 1} has no name yet: give it one above.`);
    return;
  }
  const text = index < 0 ? "without label" : labels.classes[index];
  say(`${columns.ids[row]}: ${text}${labels.stored ? "" : "; this browser keeps nothing, so download the labels before you close the page"}`);
  if (index >= 0 && places.has(row)) move(1, 0);
}

function undo() {
  const row = labels.undo();
  if (row === null) say("Nothing to undo.");
  else {
    choose(row);
    say(`${columns.ids[row]}: ${labelText(row) || "without label"} (undone)`);
  }
}

// ---- colours of the plane

const labelColumn = () => ({
  name: "your labels",
  kind: "category",
  unit: "",
  description: "Labels given in this page",
  categories: labels.classes,
  values: Int32Array.from(everything, (row) => labels.classOf(row)),
});

function labelColouring(column) {
  // The colours of the classes are those of their keys.
  const counts = labels.counts();
  const keys = labels.classes.map((name, i) => ({ colour: CLASS_COLOURS[i], name, count: counts[i] })).filter(({ name }) => name);
  return { index: Array.from(column.values, (code) => code + 1), colours: ["#6b7480", ...CLASS_COLOURS], keys, marks: true };
}

async function colour() {
  if (!scatter) return;
  const name = by("colour").value;
  const column = name === "\0label" ? labelColumn() : columns.byName.get(name);
  const colouring = !column
    ? { index: everything.map(() => 0), colours: ["#8fb4ff"] }
    : name === "\0label" ? labelColouring(column) : columns.colouring(column);
  scatter.showLegend(column, colouring);
  await scatter.draw(colouring);
}

function paintTip(tip, row) {
  const picture = document.createElement("div");
  sheets.paint(picture, row, 118, describe(row));
  const text = document.createElement("div");
  const column = columns.byName.get(by("colour").value);
  text.textContent = columns.ids[row] + (column ? ` · ${column.name} ${columns.text(column, row)}` : "");
  tip.replaceChildren(...(sheets.has(row) ? [picture, text] : [text]));
}

// ---- controls

function setMode(lasso) {
  scatter?.setMode(lasso);
  by("lasso").setAttribute("aria-pressed", lasso);
  by("pan").setAttribute("aria-pressed", !lasso);
}

function setTable(on) {
  by("table").hidden = !on;
  by("gallery").hidden = on;
  by("as-table").setAttribute("aria-pressed", on);
  by("as-gallery").setAttribute("aria-pressed", !on);
  table.refresh();
  if (current !== null) choose(current);
}

function find(id) {
  const row = rowOf.get(id.trim());
  if (row === undefined) {
    if (id.trim()) say(`No object '${id.trim()}'.`);
    return;
  }
  if (!places.has(row)) showSource("all");
  choose(row);
  scatter?.goTo(row);
  say(describe(row));
}

function suggest(text) {
  const start = text.trim().toLowerCase();
  const matches = start ? columns.ids.filter((id) => id.toLowerCase().includes(start)).slice(0, 20) : [];
  by("ids").replaceChildren(...matches.map((id) => new Option(id)));
}

function download() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([labels.csv()], { type: "text/csv" }));
  link.download = `labels${labels.annotator ? `-${labels.annotator.replace(/[^\w-]+/g, "_")}` : ""}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  say(`${labels.count} labels written to ${link.download}.`);
}

function setUp() {
  const facts = [`${data.number.toLocaleString("en")} objects`, `${data.method} of the embeddings`];
  if (data.made.model) facts.push(data.made.model);
  if (data.made.dataset) facts.push(data.made.dataset);
  by("summary").textContent = facts.join(" · ");
  by("made").textContent = `Made by ${data.made.command}`;
  const usable = columns.all.filter(({ kind }) => kind !== "text");
  by("colour").replaceChildren(
    new Option("one colour", ""), new Option("your labels", "\0label"),
    ...usable.map((column) => new Option(withUnit(column), column.name)),
  );
  by("colour").value = data.sort ?? "";
  by("sort").replaceChildren(
    new Option("as in the catalogue", ""), new Option("similarity", "similarity"),
    ...columns.all.map((column) => new Option(withUnit(column), column.name)),
  );
  by("annotator").value = labels.annotator;
  fillShow();

  by("colour").addEventListener("change", colour);
  by("pan").addEventListener("click", () => setMode(false));
  by("lasso").addEventListener("click", () => setMode(true));
  by("reset").addEventListener("click", () => scatter?.reset());
  by("find").addEventListener("input", (event) => suggest(event.target.value));
  by("find").addEventListener("change", (event) => find(event.target.value));
  by("show").addEventListener("change", (event) => showSource(event.target.value));
  by("sort").addEventListener("change", (event) => sortBy(event.target.value, true));
  by("direction").addEventListener("click", () => sortBy(list.sort, !list.falling));
  by("as-gallery").addEventListener("click", () => setTable(false));
  by("as-table").addEventListener("click", () => setTable(true));
  by("cell-size").addEventListener("input", (event) => gallery.setSize(Number(event.target.value)));
  by("annotator").addEventListener("change", (event) => labels.setAnnotator(event.target.value));
  by("undo").addEventListener("click", undo);
  by("download").addEventListener("click", download);
  by("load").addEventListener("change", async (event) => {
    const [file] = event.target.files;
    if (file) say(labels.load(await file.text()));
    event.target.value = "";
  });
  by("open-help").addEventListener("click", () => by("help").showModal());

  labels.onChange(() => {
    classBar.refresh();
    fillShow();
    gallery.refresh();
    table.refresh();
    by("annotator").value = labels.annotator;
    by("undo").disabled = !labels.history.length;
    by("download").disabled = !labels.count;
    by("download").textContent = labels.count ? `Download ${labels.count} labels` : "Download labels";
    if (current !== null) detail.show(current, describe(current), labelText(current));
    if (by("colour").value === "\0label") colour();
  });
  by("undo").disabled = true;
  by("download").disabled = !labels.count;
  if (labels.count) by("download").textContent = `Download ${labels.count} labels`;

  listenToKeys({
    undo, label, move, similar: showSimilar, find: () => by("find").focus(), help: () => by("help").showModal(),
    goTo: () => current !== null && scatter?.goTo(current),
    lasso: () => setMode(true), panMode: () => setMode(false), reset: () => scatter?.reset(),
    toggleTable: () => setTable(by("table").hidden), all: () => showSource("all"),
    zoomIn: () => scatter?.zoom(1 / 1.5), zoomOut: () => scatter?.zoom(1.5), pan: (x, y) => scatter?.pan(x, y),
    first: () => shown.length && choose(shown[0]), last: () => shown.length && choose(shown.at(-1)),
  });
}

async function drawPlane() {
  const reason = missingWebgl();
  if (reason) throw new Error(reason);
  scatter = new Scatter(data, { box: by("box"), canvas: by("canvas"), ring: by("ring"), legend: by("legend"), tip: by("tip") }, {
    onLasso: (rows) => rows.length && showList(rows, "Selection", "selection"),
    onPoint: (row) => {
      if (!places.has(row)) showSource("all");
      choose(row);
    },
    paintTip,
  });
  await colour();
}

function withoutPlane(error) {
  scatter = null;
  by("no-webgl").textContent = `${error.message} The table has all objects, with search and labels.`;
  by("no-webgl").hidden = false;
  by("canvas").hidden = true;
  for (const id of ["colour", "pan", "lasso", "reset"]) by(id).disabled = true;
  setTable(true);
}

setUp();
arrange();
if (shown.length) choose(shown[0]);
document.addEventListener("DOMContentLoaded", () => {
  // Pictures that the browser had not read yet.
  gallery.refresh();
  if (current !== null) choose(current);
});
by("canvas").addEventListener("webglcontextlost", () => withoutPlane(new Error("The browser has lost WebGL.")));
// The list is shown before the plane is set up.
await new Promise((done) => setTimeout(done));
try {
  await drawPlane();
  scatter.setCurrent(current);
} catch (error) {
  withoutPlane(error);
}
document.body.dataset.ready = Math.round(performance.now());
