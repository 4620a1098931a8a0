// `$...$`, `$$...$$`, `\(...\)` and `\[...\]` as one token, by pandoc's rule for what is no money: the rule of
// streamwidget/_markdown_html.py.

import type StateInline from "markdown-it/lib/rules_inline/state_inline.mjs";

const MAX_MATH = 4096;
const ENDS = { $$: "$$", $: "$", "\\(": "\\)", "\\[": "\\]" };
// TeX that sets links, attributes or definitions for the rest of the page, or loads more of MathJax.
const UNSAFE_TEX =
  /\\(?:href|url|html|class|style|css|id\b|data|require|include|input|import|def|gdef|edef|xdef|let|new(?!line)|renew|provide|bbox|Declare|csname|unicode|mml|tip|texttip|mathtip|toggle|action|global|futurelet|catcode|write|read|open|special)/i;

export function math(state: StateInline, silent: boolean): boolean {
  const { src, pos: start } = state;
  if (src[start] !== "$" && src[start] !== "\\") return false;
  const pair = Object.entries(ENDS).find(([mark]) => src.startsWith(mark, start));
  if (!pair) return false;
  const [opening, closing] = pair;
  const begin = start + opening.length;
  const within = src.slice(begin, begin + MAX_MATH);
  let end = within.indexOf(closing);
  while (end > 0 && closing[0] === "$" && within[end - 1] === "\\") end = within.indexOf(closing, end + 1);
  const content = within.slice(0, end);
  if (end < 0 || begin + end >= state.posMax || !content.trim()) return false;
  if (content.includes("\n\n") || UNSAFE_TEX.test(content)) return false;
  if (opening === "$") {
    if (/^\s|\s$/.test(content) || /[0-9]/.test(src[begin + end + 1] ?? "")) return false;
    if (content.replaceAll("\\$", "").includes("$")) return false;
  }
  const after = begin + end + closing.length;
  if (!silent) state.push("math", "", 0).content = src.slice(start, after);
  state.pos = after;
  return true;
}
