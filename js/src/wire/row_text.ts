// The text of a row as it is shown, and how many lines it takes. All rows are in one monospaced font that breaks
// anywhere, so that this can be computed: a list of 10,000 rows knows its height without drawing them.

import type { WireRow } from "./messages";

const BODY = new Set(["data", "done", "comment", "other", "error", "reply"]);
// As wide as two others; or not in all monospaced fonts, and perhaps as wide in another.
const WIDE = /[\u1100-\u11ff\u2190-\u2426\u2e80-\uffff]|[^\0-\uffff]/u;

/** The text in pieces; in the bytes of a body each line end is marked. */
export function shownPieces(row: WireRow): string[] {
  const more = row.more > 0 ? ` … ${row.more.toLocaleString("en")} more characters` : "";
  if (!BODY.has(row.kind)) return [...row.pieces.slice(0, -1), (row.pieces.at(-1) ?? "") + more];
  const joined = row.pieces.join("\0");
  const marked = joined.replace(/\n/g, (_, at: number) => (/[^\n\0]/.test(next(joined, at)) ? "↵\n" : "↵"));
  const pieces = marked.split("\0");
  pieces[pieces.length - 1] += more;
  return pieces;
}

// What follows, the ends of chunks left out.
function next(text: string, at: number): string {
  let after = at + 1;
  while (text[after] === "\0") after += 1;
  return text[after] ?? "";
}

/** How many lines of `columns` characters a text takes; rather one too many than one too few. */
export function countLines(text: string, columns: number): number {
  let lines = 1;
  let column = 0;
  for (const character of text) {
    if (character === "\n") {
      lines += 1;
      column = 0;
      continue;
    }
    const width = WIDE.test(character) ? 2 : 1;
    column += width;
    if (column > columns) {
      lines += 1;
      column = width;
    }
  }
  return lines;
}
