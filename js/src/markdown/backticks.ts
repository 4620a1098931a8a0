// Code spans. markdown-it 14's own rule misses some behind an unclosed "![", where it has looked ahead; markdown-it-py's,
// which makes the saved answer, does not: this is that one.

import type StateInline from "markdown-it/lib/rules_inline/state_inline.mjs";

// For each length of a run of backticks, where the last one starts.
const lastRuns = new WeakMap<StateInline, Map<number, number>>();

function runsOf(state: StateInline): Map<number, number> {
  let runs = lastRuns.get(state);
  if (!runs) {
    runs = new Map();
    for (const found of state.src.matchAll(/`+/g)) runs.set(found[0].length, found.index);
    lastRuns.set(state, runs);
  }
  return runs;
}

export function backticks(state: StateInline, silent: boolean): boolean {
  const { src, pos: start, posMax } = state;
  if (src[start] !== "`") return false;
  let pos = start + 1;
  while (pos < posMax && src[pos] === "`") pos += 1;
  const length = pos - start;
  let end = pos;
  while ((runsOf(state).get(length) ?? -1) >= pos) {
    const from = src.indexOf("`", end);
    if (from < 0 || from >= posMax) break;
    end = from + 1;
    while (src[end] === "`") end += 1;
    if (end > posMax) break;
    if (end - from !== length) continue;
    if (!silent) {
      const content = src.slice(pos, from).replaceAll("\n", " ");
      state.push("code_inline", "code", 0).content = /^ .*[^ ].* $/.test(content) ? content.slice(1, -1) : content;
    }
    state.pos = end;
    return true;
  }
  if (!silent) state.pending += src.slice(start, pos);
  state.pos = pos;
  return true;
}
