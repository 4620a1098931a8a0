// The block rule of tables. Cells split outside of formulas, and few cells are added to short rows. A short text with a
// wide head and many short rows would become a thousand times as long. So a table gets one cell for each 4 of its
// characters, and two more. It ends before the row that needs more.
// streamwidget/_saved/tables.py has the same rule.

import type StateBlock from "markdown-it/lib/rules_block/state_block.mjs";
import { countCodePoints } from "../text/code_points";
import { cells } from "./math";

type Pushed = {
  attrs: [string, string][] | null;
  content: string;
  meta: unknown;
  map: [number, number] | null;
  children: unknown[] | null;
};
type BlockState = StateBlock & { parentType: string; push(type: string, tag: string, nesting: number): Pushed };
type Rule = (state: StateBlock, line: number, endLine: number, silent: boolean) => boolean;

const SPARE = 8; // characters that each table has more

// The line under the head: `|:--|--:|`, `-|-`. Not `- |`, which is a list.
const DELIMITERS = /^(?:[|:][|:\- \t]|-[|:-])[|:\- \t]*$/;

export function table(given: StateBlock, startLine: number, endLine: number, silent: boolean): boolean {
  const state = given as BlockState;
  const below = startLine + 1;
  if (below >= endLine) return false;
  const indent = (state.sCount[below] as number) - state.blkIndent;
  if (indent < 0 || indent >= 4) return false;
  const sides = sidesOf(lineAt(state, below));
  if (sides.length === 0 || (state.sCount[startLine] as number) - state.blkIndent >= 4) return false;
  const head = lineAt(state, startLine);
  const columns = head.includes("|") ? row(head) : [];
  if (columns.length !== sides.length) return false;
  if (silent) return true;
  const parent = state.parentType;
  state.parentType = "table";
  const lines: [number, number] = [startLine, 0];
  const opened = state.push("table_open", "table", 1);
  opened.map = lines;
  state.push("thead_open", "thead", 1).map = [startLine, below];
  pushRow(state, startLine, "th", columns, sides);
  state.push("thead_close", "thead", -1);
  const spare = [SPARE + countCodePoints(head + lineAt(state, below))];
  const line = pushBody(state, below + 1, endLine, sides, spare);
  state.push("table_close", "table", -1);
  opened.meta = spare.slice(1);
  lines[1] = line;
  state.line = line;
  state.parentType = parent;
  return true;
}

// Returns the line behind the rows. Appends to `spare` what is left after each of them.
function pushBody(state: BlockState, first: number, endLine: number, sides: string[], spare: number[]): number {
  const { md, env } = state as unknown as {
    md: { block: { ruler: { getRules(name: string): Rule[] } } };
    env: { spare: number | undefined };
  };
  const terminators = md.block.ruler.getRules("blockquote");
  const lines: [number, number] = [first, 0];
  let line = first;
  for (; line < endLine; line += 1) {
    const indent = (state.sCount[line] as number) - state.blkIndent;
    const text = lineAt(state, line);
    if (indent < 0 || indent >= 4 || text === "") break;
    if (terminators.some((rule) => rule(state, line, endLine, true))) break;
    const columns = row(text).slice(0, sides.length);
    // The tags of a row are long beside `b` and `a|b`. So such a row counts as a cell more.
    const size = countCodePoints(text);
    const added = sides.length - columns.length + (size < Math.min(4, 2 * sides.length) ? 1 : 0);
    const left = env.spare ?? (spare.at(-1) as number) + size - 4 * added;
    env.spare = undefined;
    if (added > 0 && left < 0) break;
    spare.push(left);
    if (line === first) state.push("tbody_open", "tbody", 1).map = lines;
    pushRow(state, line, "td", columns, sides);
  }
  if (line > first) state.push("tbody_close", "tbody", -1);
  lines[1] = line;
  return line;
}

function pushRow(state: BlockState, line: number, tag: string, columns: string[], sides: string[]): void {
  state.push("tr_open", "tr", 1).map = [line, line + 1];
  sides.forEach((side, index) => {
    const cell = state.push(`${tag}_open`, tag, 1);
    if (side) cell.attrs = [["style", `text-align:${side}`]];
    Object.assign(state.push("inline", "", 0), { content: (columns[index] ?? "").trim(), children: [] });
    state.push(`${tag}_close`, tag, -1);
  });
  state.push("tr_close", "tr", -1);
}

function lineAt({ src, bMarks, tShift, eMarks }: StateBlock, line: number): string {
  return src.slice((bMarks[line] as number) + (tShift[line] as number), eMarks[line]).trim();
}

// The cells of a line: `|a|b|` and `a|b` have two.
function row(line: string): string[] {
  const columns = cells(line);
  if (columns[0] === "") columns.shift();
  if (columns.at(-1) === "") columns.pop();
  return columns;
}

// The alignment of each column: `|:-|-|` gives "left" and "". None if it is another line.
function sidesOf(line: string): string[] {
  if (!DELIMITERS.test(line)) return [];
  const columns = line.split("|").map((column) => column.trim());
  if (columns[0] === "") columns.shift();
  if (columns.at(-1) === "") columns.pop();
  if (!columns.every((column) => /^:?-+:?$/.test(column))) return [];
  return columns.map((column) => {
    const isLeft = column.startsWith(":");
    return column.endsWith(":") ? (isLeft ? "center" : "right") : isLeft ? "left" : "";
  });
}
