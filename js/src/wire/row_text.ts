// The text of a row as it is shown, the number of its lines, and the line about it. All rows are in one monospaced
// font, which breaks anywhere. So the number can be computed, and a list of 10,000 rows knows its height without drawing
// them.

import { countCodePoints, firstCodePoints } from "../text/code_points";
import { visible } from "../text/visible";
import type { WireRow } from "./messages";
import type { Row } from "./wire";

const BODY = new Set(["data", "done", "comment", "other", "error", "reply"]);
// Characters as wide as two others, like "漢". And characters that some monospaced fonts lack, like "→": they come from
// another font, and may be as wide there.
const WIDE = /[\u1100-\u11ff\u2190-\u2426\u2e80-\uffff]|[^\0-\uffff]/u;

/** The text in pieces. In the bytes of a body each line end is marked: "a\n" is "a↵". */
export function shownPieces(row: WireRow): string[] {
  const more = row.more > 0 ? ` … ${row.more.toLocaleString("en")} more characters` : "";
  if (!BODY.has(row.kind)) return [...row.pieces.slice(0, -1), (row.pieces.at(-1) ?? "") + more];
  const joined = row.pieces.join("\0");
  const marked = joined.replace(/\n/g, (_, at: number) => (/[^\n\0]/.test(next(joined, at)) ? "↵\n" : "↵"));
  const pieces = marked.split("\0");
  pieces[pieces.length - 1] += more;
  return pieces;
}

// The next character, without the ends of chunks.
function next(text: string, at: number): string {
  let after = at + 1;
  while (text[after] === "\0") after += 1;
  return text[after] ?? "";
}

/** How many lines of `columns` characters a text takes. It may be one too many, but not one too few. */
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

const SHOWN_MADE = 60; // characters

/** The line under the panes: what the lit row is, and what text it made. */
export function describe(lit: number, row: Row | undefined): string {
  if (!row) return "Point at an event or at the answer; arrow keys go from event to event.";
  const what = [`row ${lit + 1}`, `${row.at.toFixed(3)} s`, row.kind];
  const chunks = row.pieces.length - (row.pieces.at(-1) === "" ? 1 : 0);
  if (chunks > 1) what.push(`in ${chunks} chunks`);
  const count = countCodePoints(row.made);
  if (count > 0) {
    const shown = firstCodePoints(row.made, SHOWN_MADE);
    const cut = count > SHOWN_MADE ? "…" : "";
    what.push(`makes ${count} character${count === 1 ? "" : "s"}: ${visible(JSON.stringify(shown))}${cut}`);
  } else {
    what.push("makes no text");
  }
  return what.join(" · ");
}
