// Tables of labels as CSV (RFC 4180).

export function toCsv(rows) {
  const field = (value) => (/[",\r\n]|^\s|\s$/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
  return rows.map((row) => row.map((value) => field(String(value))).join(",") + "\r\n").join("");
}

// Returns rows of fields; a last line that ends within quotes is left out and counted.
export function fromCsv(text) {
  const rows = [];
  let row = [];
  let value = "";
  let quoted = false;
  const source = text.replace(/^\uFEFF/, "");
  const endRow = () => {
    row.push(value);
    if (row.length > 1 || row[0] !== "") rows.push(row);
    [row, value] = [[], ""];
  };
  for (let i = 0; i < source.length; i++) {
    const letter = source[i];
    if (quoted) {
      if (letter !== '"') value += letter;
      else if (source[i + 1] === '"') value += source[++i];
      else quoted = false;
    } else if (letter === '"' && value === "") quoted = true;
    else if (letter === ",") [row, value] = [[...row, value], ""];
    else if (letter === "\n") endRow();
    else if (letter !== "\r") value += letter;
  }
  if (quoted) return { rows, broken: 1 };
  if (value !== "" || row.length) endRow();
  return { rows, broken: 0 };
}
