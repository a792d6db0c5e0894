// The current object: its picture and all its columns.

import { withUnit } from "./columns.js";

export class Detail {
  constructor(element, columns, sheets, onSimilar) {
    this.element = element;
    this.columns = columns;
    this.sheets = sheets;
    element.innerHTML = `
      <div><div class="picture"></div><p class="under"></p></div>
      <div class="side">
        <div class="head"><h2></h2><button type="button" id="similar" title="Most similar objects (S)">Similar</button></div>
        <dl tabindex="0" aria-label="Columns of the object"></dl>
      </div>`;
    element.querySelector("#similar").addEventListener("click", onSimilar);
  }

  show(row, description, label) {
    const { element, columns } = this;
    this.sheets.paint(element.querySelector(".picture"), row, 168, description);
    element.querySelector("h2").textContent = columns.ids[row];
    element.querySelector("h2").title = columns.ids[row];
    element.querySelector(".under").textContent = label || "no label";
    element.querySelector("dl").replaceChildren(
      ...columns.all.flatMap((column) => {
        const [name, value] = [document.createElement("dt"), document.createElement("dd")];
        name.textContent = withUnit(column);
        name.title = column.description;
        value.textContent = columns.text(column, row);
        return [name, value];
      }),
    );
  }
}
