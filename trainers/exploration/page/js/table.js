// The list as a table, a page at a time.

import { withUnit } from "./columns.js";

const PAGE = 100;

export class Table {
  constructor(element, columns, { paint, label, onChoose, onSort }) {
    this.element = element;
    this.columns = columns;
    this.paint = paint;
    this.label = label;
    this.onSort = onSort;
    this.rows = [];
    this.places = new Map();
    this.current = null;
    this.page = 0;
    element.addEventListener("click", (event) => {
      const line = event.target.closest("[data-row]");
      if (line) onChoose(Number(line.dataset.row));
    });
  }

  setRows(rows, places) {
    this.rows = rows;
    this.places = places;
    this.page = 0;
    this.refresh();
  }

  setCurrent(row) {
    this.current = row;
    const place = this.places.get(row);
    if (place !== undefined) this.page = Math.floor(place / PAGE);
    this.refresh();
    this.element.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
  }

  refresh() {
    if (this.element.hidden) return;
    const table = document.createElement("table");
    const head = table.createTHead().insertRow();
    for (const name of ["", "id", "label"]) this.#heading(head, name);
    for (const column of this.columns.all) {
      const cell = this.#heading(head, "");
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = withUnit(column);
      button.title = column.description || `Sort by ${column.name}`;
      button.addEventListener("click", () => this.onSort(column.name));
      cell.append(button);
    }
    const body = table.createTBody();
    for (const row of this.rows.slice(this.page * PAGE, (this.page + 1) * PAGE)) {
      const line = body.insertRow();
      line.dataset.row = row;
      line.setAttribute("aria-selected", row === this.current);
      const picture = document.createElement("div");
      this.paint(picture, row);
      line.insertCell().append(picture);
      line.insertCell().textContent = this.columns.ids[row];
      line.insertCell().textContent = this.label(row);
      for (const column of this.columns.all) {
        const cell = line.insertCell();
        cell.textContent = this.columns.text(column, row);
        if (column.kind === "number") cell.className = "number";
      }
    }
    const { scrollLeft } = this.element;
    this.element.replaceChildren(table, this.#pages());
    this.element.scrollLeft = scrollLeft;
  }

  #heading(head, text) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = text;
    head.append(cell);
    return cell;
  }

  #pages() {
    const last = Math.max(0, Math.ceil(this.rows.length / PAGE) - 1);
    const line = document.createElement("div");
    line.className = "pages";
    const step = (text, by, disabled) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = text;
      button.disabled = disabled;
      button.addEventListener("click", () => {
        this.page += by;
        this.refresh();
        this.element.scrollTop = 0;
      });
      return button;
    };
    const place = document.createElement("span");
    place.textContent = `page ${this.page + 1} of ${last + 1}`;
    line.append(step("Previous", -1, this.page === 0), place, step("Next", 1, this.page === last));
    return line;
  }
}
