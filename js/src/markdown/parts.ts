// Long code stands in parts of 64 lines. The first part is plain, each further one is in a span, which the style sheet
// makes a block. A browser lays out a whole block anew when its end grows, so the block must not be the whole code.
// The line breaks are in the text, so a saved answer looks the same without our style sheet.
// streamwidget/_saved/html.py has the same rule.

export const PART = 64; // lines

/** The end of the part that begins at `from` in `text` and has `lines` lines already. -1 if the part is not full. */
export function partEnd(text: string, from: number, lines = 0): number {
  let at = from;
  for (let line = lines; line < PART; line += 1) {
    at = text.indexOf("\n", at) + 1;
    if (at === 0) return -1;
  }
  return at;
}

/** The parts of a whole text, at least one. */
export function parts(text: string): [string, ...string[]] {
  const end = partEnd(text, 0);
  if (end < 0 || end === text.length) return [text];
  const found: [string, ...string[]] = [text.slice(0, end)];
  for (let at = end; at < text.length; ) {
    const next = partEnd(text, at);
    found.push(text.slice(at, next < 0 ? text.length : next));
    at = next < 0 ? text.length : next;
  }
  return found;
}
