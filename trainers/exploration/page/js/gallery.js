// The list as pictures; only those in view are elements of the page.

const FOOT = 15; // px of the line below a picture
const PADDING = 6; // px, both sides of a cell
const MARGIN = 2; // rows beyond the view

export class Gallery {
  // `cell` fills an element for an object: cell(element, row, size). Cells are `least` px wide or
  // a little more, so that they fill the lines.
  constructor(element, cell, onChoose) {
    this.element = element;
    this.cell = cell;
    this.rows = [];
    this.places = new Map();
    this.current = null;
    this.least = 88;
    this.space = document.createElement("div");
    this.space.setAttribute("role", "presentation");
    element.append(this.space);
    this.cells = new Map();
    element.addEventListener("scroll", () => this.#render(), { passive: true });
    element.addEventListener("click", (event) => {
      const cell = event.target.closest("[data-row]");
      if (cell) onChoose(Number(cell.dataset.row));
    });
    new ResizeObserver(() => this.#layOut()).observe(element);
  }

  get columns() {
    return Math.max(1, Math.floor((this.element.clientWidth - 8) / (this.least + PADDING)));
  }

  get size() {
    return Math.max(16, Math.floor((this.element.clientWidth - 8) / this.columns) - PADDING);
  }

  setRows(rows, places) {
    this.rows = rows;
    this.places = places;
    this.#layOut();
  }

  setSize(least) {
    this.least = least;
    this.#layOut();
    if (this.current !== null) this.#bringIntoView();
  }

  setCurrent(row) {
    this.current = row;
    this.#bringIntoView();
    this.#render();
  }

  // Fills the cells again, after labels or pictures have changed.
  refresh() {
    this.#clear();
    this.#render();
  }

  get #height() {
    return this.size + FOOT + PADDING;
  }

  #clear() {
    for (const cell of this.cells.values()) cell.remove();
    this.cells.clear();
  }

  #layOut() {
    this.space.style.height = `${Math.ceil(this.rows.length / this.columns) * this.#height + PADDING}px`;
    this.refresh();
  }

  #bringIntoView() {
    const place = this.places.get(this.current);
    if (place === undefined || !this.element.clientHeight) return;
    const top = Math.floor(place / this.columns) * this.#height;
    const { scrollTop, clientHeight } = this.element;
    if (top < scrollTop) this.element.scrollTop = top;
    else if (top + this.#height > scrollTop + clientHeight) this.element.scrollTop = top + this.#height - clientHeight + 4;
  }

  #render() {
    const { columns } = this;
    const first = Math.max(0, Math.floor(this.element.scrollTop / this.#height) - MARGIN);
    const last = Math.ceil((this.element.scrollTop + this.element.clientHeight) / this.#height) + MARGIN;
    const [from, to] = [first * columns, Math.min(this.rows.length, last * columns)];
    for (const [place, cell] of this.cells) {
      if (place < from || place >= to) {
        cell.remove();
        this.cells.delete(place);
      }
    }
    for (let place = from; place < to; place++) {
      const row = this.rows[place];
      let cell = this.cells.get(place);
      if (!cell) {
        cell = document.createElement("div");
        cell.className = "cell";
        cell.id = `cell-${row}`;
        cell.dataset.row = row;
        cell.setAttribute("role", "option");
        cell.setAttribute("aria-setsize", this.rows.length);
        cell.setAttribute("aria-posinset", place + 1);
        cell.style.left = `${4 + (place % columns) * (this.size + PADDING)}px`;
        cell.style.top = `${4 + Math.floor(place / columns) * this.#height}px`;
        cell.style.width = `${this.size + PADDING}px`;
        this.cell(cell, row, this.size);
        this.cells.set(place, cell);
        this.space.append(cell);
      }
      cell.setAttribute("aria-selected", row === this.current);
    }
    if (this.cells.has(this.places.get(this.current))) this.element.setAttribute("aria-activedescendant", `cell-${this.current}`);
    else this.element.removeAttribute("aria-activedescendant");
  }
}
