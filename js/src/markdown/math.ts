// Formulas: `$a$`, `$$a$$`, `\(a\)`, `\[a\]` and environments such as `\begin{align}a\end{align}`. They stay as they
// are, and MathJax in the page typesets them. Three rules keep other rules away from a formula:
//
//   formula       an inline rule: `$a_1 * b * c_1$` has no emphasis
//   formulaBlock  a block rule: `$$\na\n= b\n$$` has no heading, list or quote
//   guardRows     keeps table cells whole: `| $|x|$ | b |` has two cells
//
// streamwidget/_saved/math.py has the same rules.

import paragraph from "markdown-it/lib/rules_block/paragraph.mjs";
import type StateBlock from "markdown-it/lib/rules_block/state_block.mjs";
import type Token from "markdown-it/lib/token.mjs";
import { backticks, runsOf } from "./backticks";
import { type Markdown, StateInline } from "./state_inline";
import { escaped } from "./text_rules";

const MAX_MATH = 4096;
const OPENING =
  /\$\$?|\\[([]|\\begin\{((?:align(?:at|ed|edat)?|array|d?cases|eqnarray|equation|flalign|gather(?:ed)?|multline|[bBpvV]?matrix|smallmatrix|split)\*?)\}/y;
const CLOSINGS: Record<string, string> = { "\\(": "\\)", "\\[": "\\]" };
// TeX that sets links or attributes, defines something for the rest of the page, or loads more of MathJax:
// `\href{x}{y}`.
const UNSAFE_TEX =
  /\\(?:href|url|html|class|style|css|id\b|data|require|include|input|import|def|gdef|edef|xdef|let|new(?!line)|renew|provide|bbox|Declare|csname|unicode|mml|tip|texttip|mathtip|toggle|action|global|futurelet|catcode|write|read|open|special)/i;
// Stands for "|" in the formula of a row, until the cells are split. Visible text has no such character.
const GUARD = "\x01";

// For each closing mark: where it was last found, and from where the search began. So a text full of opening marks is
// not searched from each of them.
const searched = new WeakMap<object, Map<string, { from: number; at: number }>>();

function next(state: { src: string }, mark: string, from: number): number {
  const known = searched.get(state) ?? new Map<string, { from: number; at: number }>();
  searched.set(state, known);
  const last = known.get(mark);
  if (last && last.from <= from && from <= last.at) return last.at;
  const index = state.src.indexOf(mark, from);
  const at = index < 0 ? Number.POSITIVE_INFINITY : index;
  known.set(mark, { from, at });
  return at;
}

type Span = { closing: string; begin: number; end: number; after: number };

// The formula that begins at `start`: its closing mark, its content from `begin` to `end`, and the index behind it. The
// end is infinite if there is no closing mark.
function spanAt(state: { src: string }, start: number): Span | null {
  const { src } = state;
  OPENING.lastIndex = start;
  const opening = OPENING.exec(src);
  if (!opening) return null;
  const [mark, environment] = opening as unknown as [string, string?];
  const closing = environment ? `\\end{${environment}}` : (CLOSINGS[mark] ?? mark);
  const begin = start + mark.length;
  let end = next(state, closing, begin);
  while (end > begin && closing[0] === "$" && src[end - 1] === "\\") end = next(state, closing, end + 1);
  if (end + closing.length > begin + MAX_MATH) end = Number.POSITIVE_INFINITY;
  return { closing, begin, end, after: end + closing.length };
}

/**
 * Takes a formula as one token. Pandoc's rule tells it from money: `$5 and $6` stays text. A code span that begins in
 * it beats it: `` $a `$` `` is text and code.
 */
export function formula(state: StateInline, silent: boolean): boolean {
  const { src, pos: start } = state;
  if (src[start] !== "$" && src[start] !== "\\") return false;
  const span = spanAt(state, start);
  if (!span || span.after > state.posMax) return false;
  const { closing, begin, end, after } = span;
  const content = src.slice(begin, end);
  if (!content.trim() || content.includes("\n\n") || UNSAFE_TEX.test(content)) return false;
  if (closing === "$") {
    if (/^\s|\s$/.test(content) || /[0-9]/.test(src[after] ?? "")) return false;
    if (content.replaceAll("\\$", "").includes("$")) return false;
  }
  for (const { 0: run, index } of content.matchAll(/`+/g)) {
    if ((runsOf(state).get(run.length) ?? -1) > begin + index) return false;
  }
  if (!silent) state.push("math", "", 0).content = src.slice(start, after);
  state.pos = after;
  return true;
}

/**
 * Makes a paragraph of a display formula that begins a line: `$$\na\n- b\n$$` has no list. It ends at the first blank
 * line at the latest, or where its list item or quote ends. In an unfinished text it may have no closing mark yet. Then
 * it takes all lines, and its first token has markup.
 */
export function formulaBlock(state: StateBlock, startLine: number, endLine: number, silent: boolean): boolean {
  const { src, blkIndent } = state;
  const start = at(state.bMarks, startLine) + at(state.tShift, startLine);
  const span = /^(?:\$\$|\\[[b])/.test(src.slice(start, start + 2)) ? spanAt(state, start) : null;
  if (!span || at(state.sCount, startLine) - blkIndent >= 4) return false;
  const { begin, end } = span;
  let { after } = span;
  const isOpen = end === Number.POSITIVE_INFINITY;
  if (isOpen) {
    if (!(state.env as { isOpen: boolean }).isOpen || src.length > begin + MAX_MATH) return false;
    after = start + src.slice(start).replace(/\n?[ \t]*$/, "").length;
  } else if (!src.slice(begin, end).trim()) return false;
  // A line that is not indented enough for its list item ends it, as in `- a\n$$\nb\n$$`.
  const indent = Math.min(blkIndent, at(state.sCount, startLine));
  let line = startLine;
  while (at(state.eMarks, line) < after) {
    line += 1;
    if (line >= endLine || state.isEmpty(line) || at(state.sCount, line) < indent) return false;
  }
  // `$$x$$.` is alone in its line, `$$x$$ is` is not.
  if (line === startLine && !isOpen && !/^[ \t.,;:]*(?:\n|$)/.test(src.slice(after))) return false;
  if (silent) return true;
  const before = state.getLines(startLine, line, blkIndent, true).replace(/^[ \t]+/, "");
  paragraph(state, line, endLine, false);
  const [opened, leaf] = state.tokens.slice(-3) as [Token, Token];
  opened.map = leaf.map = [startLine, state.line];
  leaf.content = before + leaf.content;
  if (isOpen) opened.markup = span.closing;
  return true;
}

const at = (numbers: number[], line: number) => numbers[line] as number;

/** `source` with a character that does not split a row for each "|" in a formula. */
export function guardRows(source: string): string {
  if (!source.includes("|")) return source;
  return source
    .split("\n")
    .map((line) => (line.includes("|") && /[$\\]/.test(line) ? guardRow(line) : line))
    .join("\n");
}

/** Undoes guardRows(). */
export function unguarded(text: string): string {
  return text.replaceAll(GUARD, "|");
}

function guardRow(row: string): string {
  const state = new StateInline(row, {} as Markdown, {}, []);
  let guarded = "";
  while (state.pos < row.length) {
    const from = state.pos;
    if (formula(state, true)) {
      // `|$HOME|$PATH|` has no formula: a letter or digit is beside its "$".
      const beside = (row[from - 1] ?? "") + (row[state.pos] ?? "");
      if (row[from] === "$" && row[from + 1] !== "$" && /\w/.test(beside)) state.pos = from + 1;
      guarded += row.slice(from, state.pos).replaceAll("|", GUARD);
    } else {
      if (!escaped(state, true) && !backticks(state, true)) state.pos += 1;
      guarded += row.slice(from, state.pos);
    }
  }
  return guarded;
}
