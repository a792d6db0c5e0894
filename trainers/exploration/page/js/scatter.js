// The plane: points drawn by regl-scatterplot, legend, tip, and the ring about the current object.

import { withUnit } from "./columns.js";

// Returns the reason why the plane cannot be drawn; null if it can.
export function missingWebgl() {
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("webgl");
  if (!context) return "This browser has no WebGL, which the plane needs.";
  const missing = ["OES_texture_float", "OES_element_index_uint"].filter((name) => !context.getExtension(name));
  context.getExtension("WEBGL_lose_context")?.loseContext();
  return missing.length ? `WebGL of this browser lacks ${missing.join(" and ")}, which the plane needs.` : null;
}

export class Scatter {
  constructor(data, elements, events) {
    this.data = data;
    this.elements = elements;
    this.current = null;
    const { width, height } = elements.box.getBoundingClientRect();
    this.size = data.number > 50000 ? 2.5 : data.number > 5000 ? 3.5 : 6;
    this.plot = createScatterplot.default({
      canvas: elements.canvas,
      width,
      height,
      aspectRatio: 1,
      backgroundColor: "#0d1117",
      pointSize: this.size,
      pointSizeSelected: 2,
      pointOutlineWidth: 1,
      pointColorActive: "#ffffff",
      pointColorHover: "#ffffff",
      colorBy: "valueA",
      opacityBy: "density",
      opacityInactiveScale: 0.35,
      lassoColor: "#58b2ff",
      lassoLineWidth: 2,
      deselectOnEscape: false,
      cameraDistance: 1.15,
    });
    this.lassoing = false;
    this.plot.subscribe("lassoStart", () => (this.lassoing = true));
    this.plot.subscribe("select", ({ points }) => {
      if (this.lassoing || points.length > 1) events.onLasso(Array.from(points));
      else if (points.length) events.onPoint(points[0]);
      this.lassoing = false;
    });
    this.plot.subscribe("pointOver", (row) => this.#showTip(row, events.paintTip));
    this.plot.subscribe("pointOut", () => (elements.tip.hidden = true));
    this.plot.subscribe("view", () => this.#moveRing());
    new ResizeObserver(() => this.#resize()).observe(elements.box);
  }

  // Draws all points in the colours of a colouring, see columns.js. The engine draws one at a time:
  // of those that come meanwhile the last one is drawn.
  async draw(colouring) {
    const busy = this.wanted !== undefined;
    this.wanted = colouring;
    if (busy) return;
    let drawn = null;
    while (drawn !== this.wanted) {
      drawn = this.wanted;
      await this.#drawNow(drawn);
    }
    this.wanted = undefined;
  }

  async #drawNow(colouring) {
    const sizes = colouring.marks ? [this.size, ...colouring.colours.slice(1).map(() => 2 * this.size + 2)] : this.size;
    this.plot.set({ pointColor: colouring.colours, pointSize: sizes, sizeBy: colouring.marks ? "valueA" : null });
    const { x, y } = this.data.arrays;
    this.points ??= { x: Array.from(x), y: Array.from(y) };
    await this.plot.draw(
      { ...this.points, valueA: colouring.index },
      { zDataType: "categorical", spatialIndex: this.spatialIndex, select: this.selected ?? [] },
    );
    this.spatialIndex ??= this.plot.get("spatialIndex");
    this.#moveRing();
  }

  showLegend(column, colouring) {
    const { legend } = this.elements;
    legend.replaceChildren();
    if (!column) return;
    const title = document.createElement("strong");
    title.textContent = withUnit(column);
    title.title = column.description;
    legend.append(title);
    if (colouring.ramp) {
      const { palette, low, high } = colouring.ramp;
      const ramp = document.createElement("div");
      ramp.className = "ramp";
      ramp.style.background = `linear-gradient(90deg, ${palette.join(", ")})`;
      const ends = document.createElement("div");
      ends.className = "ends";
      ends.innerHTML = "<span></span><span></span>";
      ends.firstChild.textContent = `≤ ${low}`;
      ends.lastChild.textContent = `≥ ${high}`;
      legend.append(ramp, ends);
    }
    const keys = colouring.keys ?? (colouring.missing ? [{ colour: colouring.missingColour, name: "no value", count: colouring.missing }] : []);
    for (const { colour, name, count } of keys) {
      const key = document.createElement("div");
      key.className = "key";
      key.innerHTML = '<span class="dot"></span><span></span><span></span>';
      key.children[0].style.background = colour;
      key.children[1].textContent = name;
      key.children[2].textContent = count.toLocaleString("en");
      legend.append(key);
    }
  }

  // Marks objects in the plane.
  select(rows) {
    this.selected = rows;
    if (rows.length) this.plot.select(rows, { preventEvent: true });
    else this.plot.deselect({ preventEvent: true });
  }

  setCurrent(row) {
    this.current = row;
    this.#moveRing();
  }

  setMode(lasso) {
    this.plot.set({ mouseMode: lasso ? "lasso" : "panZoom" });
  }

  goTo(row) {
    const { x, y } = this.data.arrays;
    this.plot.zoomToLocation([x[row], y[row]], Math.min(0.25, this.plot.get("cameraDistance")), { transition: !this.#still() });
  }

  reset() {
    this.plot.zoomToLocation([0, 0], 1.15, { transition: !this.#still(), transitionDuration: 250 });
  }

  zoom(factor) {
    this.plot.zoomToLocation(this.plot.get("cameraTarget"), this.plot.get("cameraDistance") * factor);
  }

  pan(x, y) {
    const distance = this.plot.get("cameraDistance");
    const [left, up] = this.plot.get("cameraTarget");
    this.plot.zoomToLocation([left + x * 0.2 * distance, up + y * 0.2 * distance], distance);
  }

  #still() {
    return matchMedia("(prefers-reduced-motion: reduce)").matches;
  }

  #resize() {
    const { width, height } = this.elements.box.getBoundingClientRect();
    if (width && height) this.plot.set({ width, height });
    this.#moveRing();
  }

  #moveRing() {
    const { ring } = this.elements;
    const place = this.current === null || !this.plot.get("isPointsDrawn") ? null : this.plot.getScreenPosition(this.current);
    ring.hidden = !place;
    if (place) ring.style.transform = `translate(${place[0]}px, ${place[1]}px)`;
  }

  #showTip(row, paint) {
    const { tip, box } = this.elements;
    const [x, y] = this.plot.getScreenPosition(row);
    paint(tip, row);
    tip.hidden = false;
    const { width, height } = box.getBoundingClientRect();
    tip.style.left = `${x + 146 > width ? x - 146 : x + 14}px`;
    tip.style.top = `${Math.max(4, Math.min(y - 20, height - tip.offsetHeight - 4))}px`;
  }
}
