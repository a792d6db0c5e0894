// Labels of several people, kept in the browser at every change.

import { fromCsv, toCsv } from "./csv.js";

export const MOST_CLASSES = 9;

export class Labels {
  // `storage` is localStorage, or null where the browser forbids it.
  constructor(catalogue, ids, classes, storage) {
    this.key = `galaxy-model-zoo/labels/${catalogue}`;
    this.ids = ids;
    this.rows = new Map(ids.map((id, row) => [id, row]));
    this.storage = storage;
    this.history = [];
    this.listeners = [];
    const held = this.#read();
    this.annotator = held.annotator ?? "";
    this.people = held.people ?? {};
    this.classes = held.classes ?? [];
    for (const name of classes) this.#slot(name);
    while (this.classes.length < MOST_CLASSES) this.classes.push("");
  }

  get mine() {
    return (this.people[this.annotator] ??= {});
  }

  // Returns the number of the class of an object, from 0; -1 without a label.
  classOf(row) {
    return this.mine[this.ids[row]]?.[0] ?? -1;
  }

  get count() {
    return Object.keys(this.mine).length;
  }

  counts() {
    const counts = new Array(MOST_CLASSES).fill(0);
    for (const [index] of Object.values(this.mine)) counts[index]++;
    return counts;
  }

  // Labels an object; `index` -1 removes its label. Returns false if there is no such class.
  set(row, index) {
    if (index >= 0 && !this.classes[index]) return false;
    const id = this.ids[row];
    const before = this.mine[id];
    if ((before?.[0] ?? -1) === index) return true;
    this.history.push({ annotator: this.annotator, id, before });
    this.#put(id, index < 0 ? undefined : [index, new Date().toISOString()]);
    this.#changed();
    return true;
  }

  // Takes the last label back, and returns the row of its object; null without one.
  undo() {
    const last = this.history.pop();
    if (!last) return null;
    this.annotator = last.annotator;
    this.#put(last.id, last.before);
    this.#changed();
    return this.rows.get(last.id) ?? null;
  }

  // Renames a class. Returns the reason if it must not have that name.
  rename(index, name) {
    const wanted = name.trim();
    if (!wanted && this.counts()[index]) return `${this.counts()[index]} labels have this class`;
    if (wanted && this.classes.some((other, i) => i !== index && other === wanted)) return `'${wanted}' is there already`;
    this.classes[index] = wanted;
    this.#changed();
    return null;
  }

  // Changes the person; the labels of nobody go to the first who gives a name.
  setAnnotator(name) {
    const wanted = name.trim();
    if (wanted === this.annotator) return;
    if (!this.annotator && !this.people[wanted]) {
      this.people[wanted] = this.mine;
      delete this.people[""];
      for (const step of this.history) step.annotator ||= wanted;
    }
    this.annotator = wanted;
    this.#changed();
  }

  csv() {
    const rows = [["id", "label", "annotator", "time"]];
    for (const id of this.ids) {
      const label = this.mine[id];
      if (label) rows.push([id, this.classes[label[0]], this.annotator, label[1]]);
    }
    return toCsv(rows);
  }

  // Adds the labels of a CSV file to the current person's, whose own stay. Returns what happened.
  load(text) {
    const { rows, broken } = fromCsv(text);
    const names = rows.shift() ?? [];
    const [id, label, time] = ["id", "label", "time"].map((name) => names.indexOf(name));
    if (id < 0 || label < 0) return "no labels were read: the first line must have the columns id and label";
    const count = { read: 0, kept: 0, unknown: 0, classes: 0, broken };
    for (const row of rows) {
      if (row.length !== names.length || !row[label].trim()) count.broken++;
      else if (!this.rows.has(row[id])) count.unknown++;
      else if (this.mine[row[id]]) count.kept++;
      else {
        const index = this.#slot(row[label].trim());
        if (index < 0) count.classes++;
        else {
          this.history.push({ annotator: this.annotator, id: row[id], before: undefined });
          this.#put(row[id], [index, row[time] || new Date().toISOString()]);
          count.read++;
        }
      }
    }
    this.#changed();
    const parts = [`${count.read} labels read`];
    if (count.kept) parts.push(`${count.kept} objects keep the label they had`);
    if (count.unknown) parts.push(`${count.unknown} objects are not in this page`);
    if (count.classes) parts.push(`${count.classes} labels of more than ${MOST_CLASSES} classes left out`);
    if (count.broken) parts.push(`${count.broken} incomplete lines left out`);
    return parts.join("; ");
  }

  onChange(listener) {
    this.listeners.push(listener);
  }

  // Returns the place of a class, a new one if there is room; -1 if there is none.
  #slot(name) {
    const present = this.classes.indexOf(name);
    if (present >= 0) return present;
    const free = this.classes.indexOf("");
    if (free >= 0) this.classes[free] = name;
    else if (this.classes.length < MOST_CLASSES) this.classes.push(name);
    else return -1;
    return this.classes.indexOf(name);
  }

  #put(id, label) {
    if (label) this.mine[id] = label;
    else delete this.mine[id];
  }

  #read() {
    try {
      return JSON.parse(this.storage?.getItem(this.key)) ?? {};
    } catch {
      return {};
    }
  }

  #changed() {
    const { annotator, people, classes } = this;
    this.stored = false;
    try {
      this.storage?.setItem(this.key, JSON.stringify({ annotator, people, classes }));
      this.stored = Boolean(this.storage);
    } catch {
      // A full or forbidden storage: the page says so, and the labels can still be downloaded.
    }
    for (const listener of this.listeners) listener();
  }
}
