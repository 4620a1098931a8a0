// The inline rule of emphasis: `*a*`, `_a_`, `**a**`, `__a__` and `~~a~~`. markdown-it has one rule for "~" and one for
// the rest, which are one here.

import type Token from "markdown-it/lib/token.mjs";
import type { Delimiter, StateInline } from "./state_inline";

/** Makes a token of each marker, or of each two of "~". Of "~~~" the first is text. */
export function emphasis(state: StateInline, silent: boolean): boolean {
  const marker = state.src[state.pos] as string;
  if (silent || !"*_~".includes(marker)) return false;
  const { can_open, can_close, length } = state.scanDelims(state.pos, marker !== "_");
  const isStrike = marker === "~";
  if (isStrike && length < 2) return false;
  const size = isStrike ? 2 : 1;
  for (let left = length; left > 0; ) {
    const count = left % size || size;
    state.push("text", "", 0).content = marker.repeat(count);
    if (count === size) {
      state.delimiters.push({
        marker,
        length: isStrike ? 0 : length, // balancePairs() has a rule on the length, which is not for "~"
        token: state.tokens.length - 1,
        end: -1,
        open: can_open,
        close: can_close,
      });
    }
    left -= count;
  }
  state.pos += length;
  return true;
}

/** Makes tags of the markers that balancePairs() found to be pairs. */
export function tagPairs(state: StateInline): void {
  tagAll(state.tokens, state.delimiters);
  for (const meta of state.tokens_meta) if (meta) tagAll(state.tokens, meta.delimiters);
}

function tagAll(tokens: Token[], delimiters: Delimiter[]): void {
  const lone: number[] = [];
  for (let index = delimiters.length - 1; index >= 0; index -= 1) {
    const opening = delimiters[index] as Delimiter;
    if (opening.end < 0) continue;
    const closing = delimiters[opening.end] as Delimiter;
    const [outer, next] = [delimiters[index - 1], delimiters[opening.end + 1]];
    let tag = opening.marker === "~" ? "s" : "em";
    if (tag === "s") {
      const before = tokens[closing.token - 1] as Token;
      if (before.type === "text" && before.content === "~") lone.unshift(closing.token - 1);
    } else if (
      outer &&
      next &&
      outer.end === opening.end + 1 &&
      outer.marker === opening.marker &&
      outer.token === opening.token - 1 &&
      next.token === closing.token + 1
    ) {
      // Two adjacent pairs are one: `**a**` is strong.
      tag = "strong";
      (tokens[outer.token] as Token).content = "";
      (tokens[next.token] as Token).content = "";
      index -= 1;
    }
    for (const [at, nesting] of [
      [opening.token, 1],
      [closing.token, -1],
    ] as const) {
      Object.assign(tokens[at] as Token, { type: tag, tag, nesting, content: "" });
    }
  }
  // The "~" of a closing "~~~" belongs behind all tags that end there.
  for (let at = lone.pop(); at !== undefined; at = lone.pop()) {
    let to = at;
    while (tokens[to + 1]?.tag === "s" && tokens[to + 1]?.nesting === -1) to += 1;
    [tokens[at], tokens[to]] = [tokens[to] as Token, tokens[at] as Token];
  }
}
