// Most similar objects, by the cosine of the angle between their vectors, exactly.

export class Neighbours {
  constructor(vectors, components) {
    this.vectors = vectors;
    this.components = components;
    this.number = vectors.length / components;
    this.norms = new Float32Array(this.number);
    for (let row = 0; row < this.number; row++) {
      let sum = 0;
      for (let i = row * components, end = i + components; i < end; i++) sum += vectors[i] * vectors[i];
      this.norms[row] = Math.sqrt(sum) || 1;
    }
  }

  // Returns the rows nearest to the mean direction of some objects, and their cosines.
  nearest(rows, count) {
    const n = this.components;
    const query = new Float32Array(n);
    for (const row of rows) {
      for (let i = 0; i < n; i++) query[i] += this.vectors[row * n + i] / this.norms[row];
    }
    const length = Math.hypot(...query) || 1;
    const cosines = new Float32Array(this.number);
    for (let row = 0, place = 0; row < this.number; row++) {
      let sum = 0;
      for (let i = 0; i < n; i++) sum += query[i] * this.vectors[place++];
      cosines[row] = sum / (length * this.norms[row]);
    }
    const asked = new Set(rows);
    // Only those above the cosine of the last wanted one are sorted.
    const least = Float32Array.from(cosines).sort()[Math.max(0, this.number - count - asked.size)];
    const found = [];
    for (let row = 0; row < this.number; row++) {
      if (cosines[row] >= least && !asked.has(row)) found.push(row);
    }
    found.sort((a, b) => cosines[b] - cosines[a] || a - b);
    return { rows: found.slice(0, count), cosines };
  }
}
