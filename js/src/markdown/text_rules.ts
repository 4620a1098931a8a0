// The inline rules of plain text and of escaped characters: `a \* b` -> `a * b`.

import type { StateInline } from "./state_inline";

// Text up to the next character that another rule may begin with.
const TEXT = /[^\n!$&*:<[\\\]_`~]+/y;
// A backslash with the character behind it. At the end of a line it breaks the line.
const ESCAPED = /\\(?:\n[ \t]*|.)/suy;

function matchAt(pattern: RegExp, { src, pos, posMax }: StateInline): string {
  pattern.lastIndex = pos;
  return pattern.exec(src)?.[0].slice(0, posMax - pos) ?? "";
}

export function text(state: StateInline, silent: boolean): boolean {
  const found = matchAt(TEXT, state);
  if (!silent) state.pending += found;
  state.pos += found.length;
  return found !== "";
}

export function escaped(state: StateInline, silent: boolean): boolean {
  const found = matchAt(ESCAPED, state);
  if (found === "" || state.pos + 1 >= state.posMax) return false;
  if (!silent && found[1] === "\n") state.push("hardbreak", "br", 0);
  else if (!silent) {
    const isMark = /^.[!-/:-@[-`{-~]/.test(found);
    state.push("text_special", "", 0).content = isMark ? found.slice(1) : found;
  }
  state.pos += found.length;
  return true;
}
