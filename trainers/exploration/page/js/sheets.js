// Thumbnails, as parts of the sheets behind the scripts.

import { bytesOf, takeText } from "./data.js";

export class Sheets {
  constructor(data) {
    this.about = data.sheets;
    this.place = data.arrays.place;
    this.urls = new Map();
  }

  has(row) {
    return Boolean(this.about) && this.place[row] >= 0;
  }

  // Shows the picture of an object in an element of a size, or its identifier if there is none.
  paint(element, row, size, alt) {
    element.className = "picture";
    element.style.width = element.style.height = `${size}px`;
    element.setAttribute("role", "img");
    element.setAttribute("aria-label", alt);
    element.textContent = "";
    const url = this.has(row) ? this.#url(this.#sheet(row)) : null;
    if (!url) {
      element.style.backgroundImage = "none";
      if (!this.has(row)) {
        element.classList.add("none");
        element.textContent = size >= 50 ? "no picture" : "";
      }
      return;
    }
    const { side } = this.about;
    const slot = this.place[row] % (side * side);
    element.style.backgroundImage = `url(${url})`;
    element.style.backgroundSize = `${side * size}px auto`;
    element.style.backgroundPosition = `${-(slot % side) * size}px ${-Math.floor(slot / side) * size}px`;
  }

  #sheet(row) {
    return Math.floor(this.place[row] / (this.about.side * this.about.side));
  }

  // Returns the address of a sheet; null as long as the browser has not read it.
  #url(sheet) {
    if (!this.urls.has(sheet)) {
      const text = takeText(`sheet-${sheet}`);
      if (text === null) return null;
      const blob = new Blob([bytesOf(text)], { type: this.about.type });
      this.urls.set(sheet, URL.createObjectURL(blob));
    }
    return this.urls.get(sheet);
  }
}
