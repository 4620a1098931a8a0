// Formulas: `$a$`, `$$a$$`, `\(a\)`, `\[a\]` and environments such as `\begin{align}a\end{align}`. They stay as they
// are, and MathJax in the page typesets them. Three rules keep other rules away from a formula:
//
//   formula    an inline rule: `$a_1 * b * c_1$` has no emphasis
//   lastLine   for the block rules: `so $$\na\n= b\n$$` has no heading, list or quote
//   cells      for the tables: `| $|x|$ | b |` has two cells
//
// MathJax needs minutes for some small formulas, or crashes the page. So a formula that is nested too deep, or too
// long, stays text. streamwidget/_saved/math.py has the same rules.

import type StateBlock from "markdown-it/lib/rules_block/state_block.mjs";
import { countCodePoints } from "../text/code_points";
import type { StateInline } from "./state_inline";

const MAX_MATH = 4096; // code points
const MAX_DEPTH = 20; // of braces, `\left` and `\begin`
const MAX_MULTIPLIED = 3; // of commands that typeset what is in them again and again
const OPENING =
  /\$\$?|\\[([]|\\begin\{((?:align(?:at|ed|edat)?|array|d?cases|eqnarray|equation|flalign|gather(?:ed)?|multline|[bBpvV]?matrix|smallmatrix|split)\*?)\}/y;
const CLOSINGS: Record<string, string> = { "\\(": "\\)", "\\[": "\\]" };
// TeX that sets links or attributes, defines something for the rest of the page, or loads more of MathJax:
// `\href{x}{y}`.
const UNSAFE_TEX =
  /\\(?:href|url|html|class|style|css|id\b|data|require|include|input|import|def|gdef|edef|xdef|let|new(?!line)|renew|provide|bbox|Declare|csname|unicode|mml|tip|texttip|mathtip|toggle|action|global|futurelet|catcode|write|read|open|special)/gi;
// The parts of TeX that nest. Each command of the third group multiplies the work for what is in its braces.
const NESTING = /\\(?:(begin|left)|(end|right)|([vh]?phantom|smash|mathchoice))(?![A-Za-z])|\\[\s\S]|([{}])/g;
// A word between two "$$", without a sign of mathematics: `$$ (moderate)\n- Sushi: $$` is a list of prices.
const WORD = /[\p{L}\p{Nl}\p{No}]{4}/u;
const SIGN = /[\\=^_+<>{}]/;
// What a formula may begin with, and what takes precedence: an escaped character, and a run of backticks.
const MARK = /`+|\$|\\[\s\S]?/g;
// The mark of a formula that may go on in the next line.
const DISPLAY = /\$\$|\\[([]|\\begin\{/;

type Span = { closing: string; begin: number; end: number; after: number };

/** The formulas of a text. Searches are remembered, so that the cost is linear in a text full of opening marks. */
export class Formulas {
  // The last opening mark that was asked for, and its possible formula.
  #asked = -1;
  #answer: Span | null = null;
  // For each mark: from where it was last searched, and where it was found.
  #found = new Map<string, { from: number; at: number }>();
  // For each end of a formula: the last index that forbids it.
  #forbidden = new Map<number, number>();
  // For each beginning and limit of a search for code: where the first code span begins.
  #firstCode = new Map<string, number>();

  /** Whether a formula may go on in the next line. Most texts have none. */
  readonly mayCross: boolean;

  /** Where the text ends without its last line break and blanks. */
  readonly last: number;

  /** `byLine`: code ends in the line in which the formula ends, because what follows may be another block. */
  constructor(
    readonly src: string,
    readonly byLine = false,
  ) {
    this.mayCross = DISPLAY.test(src);
    this.last = src.length;
    while (/[ \t]/.test(src[this.last - 1] ?? "")) this.last -= 1;
    if (src[this.last - 1] === "\n") this.last -= 1;
  }

  #next(mark: string, from: number): number {
    const last = this.#found.get(mark);
    if (last && last.from <= from && from <= last.at) return last.at;
    const index = this.src.indexOf(mark, from);
    const at = index < 0 ? Number.POSITIVE_INFINITY : index;
    this.#found.set(mark, { from, at });
    return at;
  }

  /**
   * The possible formula that begins at `start`: its closing mark, its content from `begin` to `end`, and the index
   * behind it. `end` is infinite if there is no closing mark. Null if it is not a formula, whatever follows.
   */
  span(start: number): Span | null {
    if (this.#asked !== start) this.#answer = this.#span(start);
    this.#asked = start;
    return this.#answer;
  }

  #span(start: number): Span | null {
    const { src } = this;
    OPENING.lastIndex = start;
    const opening = OPENING.exec(src);
    if (!opening) return null;
    const [mark, environment] = opening as unknown as [string, string?];
    const closing = environment ? `\\end{${environment}}` : (CLOSINGS[mark] ?? mark);
    const begin = start + mark.length;
    const isDouble = mark === "$$";
    if (isDouble && (src[begin] === "$" || src[start - 1] === "$")) return null; // a price
    let end = this.#next(closing, begin);
    while (end > begin && closing[0] === "$" && src[end - 1] === "\\") end = this.#next(closing, end + 1);
    const after = end + closing.length;
    if (end === Number.POSITIVE_INFINITY) return { closing, begin, end, after };
    if (isLong(src, begin, after)) return null;
    const content = src.slice(begin, end);
    if (!/\S/.test(content)) return null;
    if (isDouble) {
      const isInLine = start > 0 && src[start - 1] !== "\n";
      if (src[after] === "$" || (isInLine && !SIGN.test(content) && WORD.test(content))) return null;
    }
    return { closing, begin, end, after };
  }

  /**
   * The index behind the formula that begins at `start`, or -1. Pandoc's rule tells it from money: `$5 and $6` stays
   * text. A code span that begins in it beats it: `` $a `$` `` is text and code.
   */
  at(start: number): number {
    const span = this.span(start);
    if (!span || span.end === Number.POSITIVE_INFINITY) return -1;
    const { closing, begin, end, after } = span;
    if (closing === "$") {
      const content = this.src.slice(begin, end);
      if (/^\s|\s$/.test(content) || /[0-9]/.test(this.src[after] ?? "")) return -1;
    }
    return begin > this.#lastForbidden(begin, end) ? after : -1;
  }

  /** Whether a code span begins between the two. */
  hasCode(begin: number, end: number): boolean {
    const limit = this.#limit(end);
    const key = `${begin} ${limit}`;
    let first = this.#firstCode.get(key);
    if (first === undefined) {
      first = Number.POSITIVE_INFINITY;
      for (const { 0: run, index } of this.src.slice(begin, limit).matchAll(/`+/g)) {
        if (this.#codeEnd(run, begin + index, limit) < 0) continue;
        first = begin + index;
        break;
      }
      this.#firstCode.set(key, first);
    }
    return first < end;
  }

  // Where a code span has to end that begins before `end`.
  #limit(end: number): number {
    return this.byLine ? this.#next("\n", end) : this.src.length;
  }

  // Where the last code span begins between the two, or -1.
  #lastCode(begin: number, end: number): number {
    if (this.#next("`", begin) >= end) return -1;
    let last = -1;
    const limit = this.#limit(end);
    for (const { 0: run, index } of this.src.slice(begin, end).matchAll(/`+/g)) {
      if (this.#codeEnd(run, begin + index, limit) > 0) last = begin + index;
    }
    return last;
  }

  /** The first formula that begins between the two, outside of code and escaped characters: [start, after]. */
  first(begin: number, end: number, after: (start: number) => number): [number, number] | null {
    MARK.lastIndex = begin;
    for (let mark = MARK.exec(this.src); mark && mark.index < end; mark = MARK.exec(this.src)) {
      const start = mark.index;
      let pos = MARK.lastIndex;
      if (mark[0][0] === "`") pos = Math.max(pos, this.#codeEnd(mark[0], start, end));
      else {
        const behind = after(start);
        if (behind > 0) return [start, behind];
      }
      MARK.lastIndex = pos;
    }
    return null;
  }

  // The index behind the code span that begins with a run of backticks and ends before `limit`, or -1.
  #codeEnd(run: string, start: number, limit: number): number {
    let pos = start + run.length;
    for (;;) {
      const at = this.src.indexOf(run, pos);
      if (at < 0 || at >= limit) return -1;
      pos = at + run.length;
      while (this.src[pos] === "`") pos += 1;
      if (pos - at === run.length) return pos > limit ? -1 : pos;
    }
  }

  #lastForbidden(begin: number, end: number): number {
    const known = this.#forbidden.get(end);
    if (known !== undefined) return known;
    const content = this.src.slice(begin, end);
    let last = content.lastIndexOf("\n\n");
    if (/[\\{]/.test(content)) {
      last = Math.max(last, tooDeep(content));
      for (const { index } of content.matchAll(UNSAFE_TEX)) last = Math.max(last, index);
    }
    last = Math.max(last < 0 ? -1 : begin + last, this.#lastCode(begin, end));
    this.#forbidden.set(end, last);
    return last;
  }
}

// Whether there are more code points between the two than a formula may have.
function isLong(src: string, begin: number, end: number): boolean {
  const units = end - begin;
  return units > MAX_MATH && (units > 2 * MAX_MATH || countCodePoints(src.slice(begin, end)) > MAX_MATH);
}

// The last index at which TeX is nested too deep, or -1.
function tooDeep(content: string): number {
  let last = -1;
  let choices = 0;
  let multiplies = 0;
  let multiplied = 0;
  const open: number[] = []; // 1 for each that multiplies
  for (const { 1: opens, 2: closes, 3: multiplier, 4: brace, index } of content.matchAll(NESTING)) {
    if (multiplier) {
      multiplies = 1;
      if (multiplier === "mathchoice") choices += 1;
    } else if (opens || brace === "{") {
      open.push(multiplies);
      multiplied += multiplies;
      multiplies = 0;
    } else if (closes || brace) multiplied -= open.pop() ?? 0;
    if (open.length > MAX_DEPTH || multiplied > MAX_MULTIPLIED || choices > MAX_MULTIPLIED) last = index;
  }
  return last;
}

const known = new WeakMap<StateInline, Formulas>();

/** The inline rule: a formula is one token. */
export function formula(state: StateInline, silent: boolean): boolean {
  const { src, pos: start } = state;
  if (src[start] !== "$" && src[start] !== "\\") return false;
  const formulas = known.get(state) ?? new Formulas(src);
  known.set(state, formulas);
  const after = formulas.at(start);
  if (after < 0 || after > state.posMax) return false;
  if (!silent) state.push("math", "", 0).content = src.slice(start, after);
  state.pos = after;
  return true;
}

/** What the block rules share in their environment. */
export type BlockEnv = {
  formulas: Formulas;
  isOpen: boolean; // more text may come
  open: string; // the closing mark that the last paragraph waits for
  pending: number; // the first line with a formula that may still get its closing mark
};

const at = (numbers: number[], line: number) => numbers[line] as number;
const begins = (state: StateBlock, line: number) => at(state.bMarks, line) + at(state.tShift, line);

/**
 * Whether a display formula begins the line and ends a paragraph, a list or a quote before it. `So\n$$\nx\n$$` has two
 * paragraphs, and `So\n$$x$$ is` has one.
 */
export function beginsFormula(state: StateBlock, line: number, endLine: number): boolean {
  if (!(state.env as BlockEnv).formulas.mayCross) return false;
  const start = begins(state, line);
  if (!/^(?:\$\$|\\[[b])/.test(state.src.slice(start, start + 2))) return false;
  // A negative number marks a line of a quote without its mark: for the quote around it, it did not begin a formula.
  const indent = at(state.sCount, line);
  if (indent < 0 || indent - state.blkIndent >= 4) return false;
  const after = spanAfter(state, start);
  const last = after < 0 ? -1 : endsIn(state, line, endLine, after);
  if (last < 0) return false;
  return last > line || isOpenAt(state, start) || /^[ \t.,;:]*(?:\n|$)/.test(state.src.slice(after, after + 100));
}

/**
 * The last line of the formulas that begin in a line of a paragraph, or `line` itself. A formula ends before a blank
 * line, and before a line that is not in its list item or quote. In an unfinished text a formula at the end of its
 * line may have no closing mark yet. Then it takes all lines.
 */
export function lastLine(state: StateBlock, from: number, endLine: number): number {
  const { src, env } = state as StateBlock & { env: BlockEnv };
  if (!env.formulas.mayCross) return from;
  let line = from;
  let begin = begins(state, line);
  let end = at(state.eMarks, line);
  const lineStart = begin;
  if (!DISPLAY.test(src.slice(begin, end))) return line;
  const isDisplay = (start: number) => src[start] === "\\" || src[start + 1] === "$";
  const behind = (start: number) => {
    const after = env.formulas.at(start);
    const known = after < 0 && isDisplay(start) ? spanAfter(state, start) : after;
    if (after > 0 || known < 0 || start === lineStart) return known;
    if (!isOpenAt(state, start))
      return env.formulas.hasCode(lineStart, env.formulas.span(start)?.end ?? start) ? -1 : known;
    if (/^(?:\$\$|\\\[|\\begin\{[a-zA-Z*]+\})[ \t]*$/.test(src.slice(start, end))) return known;
    // In its middle it is shown as text, and what follows may become part of it.
    if (endsIn(state, line, endLine, known) >= 0) env.pending = Math.min(env.pending, line);
    return -1;
  };
  for (let found = env.formulas.first(begin, end, behind); found; found = env.formulas.first(begin, end, behind)) {
    const [start, after] = found;
    begin = after;
    if (after <= end && !isOpenAt(state, start)) continue;
    const last = isDisplay(start) ? endsIn(state, line, endLine, after) : -1;
    if (last < 0) {
      begin = start + 2;
      continue;
    }
    if (isOpenAt(state, start)) env.open = env.formulas.span(start)?.closing as string;
    line = last;
    end = at(state.eMarks, line);
    if (env.open) break;
  }
  return line;
}

function isOpenAt(state: StateBlock, start: number): boolean {
  const { src, env } = state as StateBlock & { env: BlockEnv };
  if (!env.isOpen) return false;
  const span = env.formulas.span(start);
  return span?.end === Number.POSITIVE_INFINITY && src.length <= span.begin + MAX_MATH;
}

// The index behind a formula, which is the end of the text for one that is open, or -1.
function spanAfter(state: StateBlock, start: number): number {
  const { env } = state as StateBlock & { env: BlockEnv };
  if (isOpenAt(state, start)) return env.formulas.last;
  const span = env.formulas.span(start);
  return span && span.end !== Number.POSITIVE_INFINITY ? span.after : -1;
}

// The line in which a formula ends that begins in `line`, or -1 if a line between tears it.
function endsIn(state: StateBlock, line: number, endLine: number, after: number): number {
  // A line that is not indented enough for its list item ends it, as in `- a\n$$\nb\n$$`.
  const indent = Math.min(state.blkIndent, at(state.sCount, line));
  let last = line;
  while (at(state.eMarks, last) < after) {
    last += 1;
    if (last >= endLine || state.isEmpty(last) || at(state.sCount, last) < indent) return -1;
  }
  return last;
}

/** Splits the row of a table at each "|" that is not in a formula: `$|x|$|b` has two cells, `a \| b` one. */
export function cells(row: string): string[] {
  const formulas = /[$\\]/.test(row) ? inRow(row) : [];
  const found: string[] = [];
  let part = "";
  let pos = 0;
  let index = 0;
  for (const { 0: pipe, index: start } of row.matchAll(/\\?\|/g)) {
    while ((formulas[index]?.[1] ?? Number.POSITIVE_INFINITY) <= start) index += 1;
    if ((formulas[index]?.[0] ?? Number.POSITIVE_INFINITY) < start + pipe.length) continue;
    part += row.slice(pos, start);
    pos = start + pipe.length;
    if (pipe === "|") {
      found.push(part);
      part = "";
    } else part += "|";
  }
  found.push(part + row.slice(pos));
  return found;
}

function inRow(row: string): [number, number][] {
  const formulas = new Formulas(row);
  const behind = (start: number) => {
    const after = formulas.at(start);
    // `|$HOME|$PATH|` has no formula: a letter or digit is beside its "$".
    const isSingle = row[start] === "$" && row[start + 1] !== "$";
    return isSingle && /\w/.test((row[start - 1] ?? "") + (row[after] ?? "")) ? -1 : after;
  };
  const found: [number, number][] = [];
  let pos = 0;
  for (let span = formulas.first(pos, row.length, behind); span; span = formulas.first(pos, row.length, behind)) {
    found.push(span);
    pos = span[1];
  }
  return found;
}
