// The search for the end of a link's text: for the "]" of `[a](https://a.example)`. A rule looks ahead before it writes,
// and without a "]" each search reads the rest of the paragraph. So what a search found is remembered.
// streamwidget/_saved/labels.py has the same search.

import parseLinkLabel from "markdown-it/lib/helpers/parse_link_label.mjs";
import type { StateInline } from "./state_inline";

const known = new WeakMap<StateInline, Map<string, number>>();

/** The index of the "]" that belongs to the "[" at `start`, or -1. With `isFlat` also -1 if a link is between them. */
export function labelEnd(state: StateInline, start: number, isFlat = false): number {
  const found = known.get(state) ?? new Map<string, number>();
  known.set(state, found);
  const key = `${start} ${state.posMax}`;
  // Without a "]" there is not one before a link either.
  if (found.get(key) === -1) return -1;
  const name = isFlat ? `${key} flat` : key;
  const end = found.get(name) ?? parseLinkLabel(state, start, isFlat);
  found.set(name, end);
  return end;
}
