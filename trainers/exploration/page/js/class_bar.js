// Names, keys and counts of the classes.

import { CLASS_COLOURS } from "./columns.js";

const SCORES = ["1", "2", "3", "4", "5"];

export class ClassBar {
  constructor(element, labels, { onLabel, say }) {
    this.element = element;
    this.labels = labels;
    this.fields = [];
    for (let index = 0; index < labels.classes.length; index++) {
      const box = document.createElement("div");
      box.className = "class";
      box.innerHTML = '<button type="button"></button><input autocomplete="off"><output></output>';
      const [button, input, output] = box.children;
      button.textContent = index + 1;
      button.style.background = CLASS_COLOURS[index];
      button.addEventListener("click", () => onLabel(index));
      input.setAttribute("aria-label", `Name of class ${index + 1}`);
      input.placeholder = "new class";
      input.addEventListener("change", () => {
        const reason = labels.rename(index, input.value);
        if (reason) say(`The class keeps its name: ${reason}.`);
        this.refresh();
      });
      input.addEventListener("keydown", (event) => {
        if (event.key === "Enter") input.blur();
      });
      this.fields.push({ box, button, input, output });
      element.append(box);
    }
    this.scores = document.createElement("button");
    this.scores.type = "button";
    this.scores.id = "scores";
    this.scores.textContent = "Scores 1–5";
    this.scores.title = "Classes 1 to 5: how interesting an object is, for a ranking";
    this.scores.addEventListener("click", () => SCORES.forEach((name, index) => labels.rename(index, name)));
    element.append(this.scores);
    this.refresh();
  }

  refresh() {
    const counts = this.labels.counts();
    const last = this.labels.classes.findLastIndex(Boolean);
    this.fields.forEach(({ box, button, input, output }, index) => {
      const name = this.labels.classes[index];
      // One empty field behind the last class.
      box.hidden = index > last + 1;
      if (document.activeElement !== input) input.value = name;
      button.disabled = !name;
      button.title = name ? `Label as ${name} (${index + 1})` : "";
      button.setAttribute("aria-label", name ? `Label the object as ${name}, key ${index + 1}` : `Class ${index + 1} has no name`);
      output.textContent = counts[index] || "";
    });
    this.scores.hidden = this.labels.classes.some(Boolean);
  }
}
