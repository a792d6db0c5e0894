// Columns of the catalogue: values as text, orders, and colours.

export const CLASS_COLOURS = [
  "#4cc9f0", "#ffb454", "#7ee787", "#ff7eb6", "#c4a7ff", "#ffe066", "#ff8a70", "#8fb4ff", "#d9c8a0",
];
const MISSING = "#6b7480";

export class Columns {
  constructor(data) {
    this.ids = data.ids;
    this.number = data.number;
    this.palette = data.colours;
    this.all = data.columns.map((column) => ({
      ...column,
      values: data.arrays[column.key] ?? data.texts[column.key],
    }));
    this.byName = new Map(this.all.map((column) => [column.name, column]));
  }

  // Returns the value of an object as text.
  text(column, row) {
    const value = column.values[row];
    if (column.kind === "category") return value < 0 ? "–" : column.categories[value];
    if (column.kind === "text") return value || "–";
    return formatNumber(value);
  }

  // Returns rows sorted by a column; those without a value come last in either direction.
  sorted(rows, column, falling) {
    const { values, kind } = column;
    const sign = falling ? -1 : 1;
    const without = (row) => (kind === "number" ? Number.isNaN(values[row]) : kind === "category" ? values[row] < 0 : !values[row]);
    const full = [];
    const empty = [];
    for (const row of rows) (without(row) ? empty : full).push(row);
    if (kind === "text") full.sort((a, b) => sign * values[a].localeCompare(values[b], "en", { numeric: true }));
    else full.sort((a, b) => sign * (values[a] - values[b]) || a - b);
    return full.concat(empty);
  }

  // Returns a colour for each object as an index into a list of colours, and its legend.
  colouring(column) {
    return column.kind === "category" ? this.#byCategory(column) : this.#byNumber(column);
  }

  #byCategory(column) {
    const counts = new Array(column.categories.length).fill(0);
    for (const code of column.values) if (code >= 0) counts[code]++;
    // The most frequent have colours of their own, in the order of their names.
    const shown = counts.map((_, code) => code).sort((a, b) => counts[b] - counts[a])
      .slice(0, CLASS_COLOURS.length).sort((a, b) => a - b);
    const place = new Int32Array(counts.length);
    shown.forEach((code, index) => (place[code] = index + 1));
    const index = Array.from(column.values, (code) => (code < 0 ? 0 : place[code]));
    const keys = shown.map((code, i) => ({ colour: CLASS_COLOURS[i], name: column.categories[code], count: counts[code] }));
    const rest = this.number - keys.reduce((sum, key) => sum + key.count, 0);
    if (rest) keys.push({ colour: MISSING, name: counts.length > shown.length ? "others" : "no value", count: rest });
    return { index, colours: [MISSING, ...CLASS_COLOURS], keys };
  }

  #byNumber(column) {
    const finite = Float64Array.from(column.values).filter(Number.isFinite).sort();
    // Few extreme values must not take all colours.
    const at = (share) => finite[Math.round(share * (finite.length - 1))] ?? NaN;
    const [low, high] = [at(0.01), at(0.99)];
    const steps = this.palette.length;
    const width = high > low ? high - low : 1;
    const index = Array.from(column.values, (value) => {
      if (!Number.isFinite(value)) return 0;
      return 1 + Math.min(steps - 1, Math.max(0, Math.floor((steps * (value - low)) / width)));
    });
    return {
      index,
      colours: [MISSING, ...this.palette],
      ramp: { palette: this.palette, low: formatNumber(low), high: formatNumber(high) },
      missing: this.number - finite.length,
      missingColour: MISSING,
    };
  }
}

export function formatNumber(value) {
  if (value === null || Number.isNaN(value)) return "–";
  if (Number.isInteger(value)) return String(value);
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-3) return value.toExponential(3);
  return String(Number(value.toPrecision(size >= 100 ? 7 : 4)));
}

export function withUnit(column) {
  return column.unit ? `${column.name} [${column.unit}]` : column.name;
}
