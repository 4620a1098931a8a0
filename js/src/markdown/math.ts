// Formulas: `$a$`, `$$a$$`, `\(a\)` and `\[a\]` each become one token. Money is not a formula, by pandoc's rule: `$5
// and $6` stays text. streamwidget/_saved/html.py has the same rule.

import type StateInline from "markdown-it/lib/rules_inline/state_inline.mjs";

const MAX_MATH = 4096;
const ENDS = { $$: "$$", $: "$", "\\(": "\\)", "\\[": "\\]" };
const OPENINGS = Object.keys(ENDS) as (keyof typeof ENDS)[];
// TeX that sets links or attributes, defines something for the rest of the page, or loads more of MathJax:
// `\href{x}{y}`.
const UNSAFE_TEX =
  /\\(?:href|url|html|class|style|css|id\b|data|require|include|input|import|def|gdef|edef|xdef|let|new(?!line)|renew|provide|bbox|Declare|csname|unicode|mml|tip|texttip|mathtip|toggle|action|global|futurelet|catcode|write|read|open|special)/i;

// For each closing mark: where it was last found, and from where the search began. So a text full of opening marks is
// not searched from each of them.
const searched = new WeakMap<StateInline, Map<string, { from: number; at: number }>>();

function next(state: StateInline, mark: string, from: number): number {
  const known = searched.get(state) ?? new Map<string, { from: number; at: number }>();
  searched.set(state, known);
  const last = known.get(mark);
  if (last && last.from <= from && from <= last.at) return last.at;
  const index = state.src.indexOf(mark, from);
  const at = index < 0 ? Number.POSITIVE_INFINITY : index;
  known.set(mark, { from, at });
  return at;
}

export function math(state: StateInline, silent: boolean): boolean {
  const { src, pos: start } = state;
  if (src[start] !== "$" && src[start] !== "\\") return false;
  const opening = OPENINGS.find((mark) => src.startsWith(mark, start));
  if (!opening) return false;
  const closing = ENDS[opening];
  const begin = start + opening.length;
  let end = next(state, closing, begin);
  while (end > begin && closing[0] === "$" && src[end - 1] === "\\") end = next(state, closing, end + 1);
  if (end + closing.length > begin + MAX_MATH || end >= state.posMax) return false;
  const content = src.slice(begin, end);
  if (!content.trim()) return false;
  if (content.includes("\n\n") || UNSAFE_TEX.test(content)) return false;
  if (opening === "$") {
    if (/^\s|\s$/.test(content) || /[0-9]/.test(src[end + 1] ?? "")) return false;
    if (content.replaceAll("\\$", "").includes("$")) return false;
  }
  const after = end + closing.length;
  if (!silent) state.push("math", "", 0).content = src.slice(start, after);
  state.pos = after;
  return true;
}
