// The data in the page: a header and texts in JSON, and arrays in one block.

const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  int8: Int8Array,
};

export function bytesOf(base64) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

// Returns the text of an element and drops it, which would else be kept in memory.
export function takeText(id) {
  const element = document.getElementById(id);
  if (!element) return null;
  const text = element.textContent;
  element.remove();
  return text;
}

export function readData() {
  const header = JSON.parse(takeText("header"));
  const texts = JSON.parse(takeText("texts"));
  const block = bytesOf(takeText("arrays")).buffer;
  const arrays = {};
  for (const [name, [type, offset, length]] of Object.entries(header.arrays)) {
    arrays[name] = new ARRAYS[type](block, offset, length);
  }
  return { ...header, ids: texts.id, texts, arrays };
}
