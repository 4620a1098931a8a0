// Code spans: `` `a` `` -> `<code>a</code>`. The rule of markdown-it 14 looks ahead behind an unclosed `![`, and then
// misses some code spans. The rule of markdown-it-py, which makes the saved answer, finds them. So this is that rule.

import type { StateInline } from "./state_inline";

const lastRuns = new WeakMap<StateInline, Map<number, number>>();

/** For each length of a run of backticks: the start of the last such run. */
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
