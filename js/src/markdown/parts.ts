// Long code stands in parts: the first as it is, each further one in a span, which the style sheet makes a block. A
// browser lays out a whole block anew when its end grows, so that is not the whole code. The line breaks are in the text:
// where there is no style sheet, in a saved answer, it looks the same. The rule is that of
// streamwidget/_saved/html.py.

export const PART = 64; // lines

/** Where the part of `text` ends that begins at `from` and has `lines` already; -1 where it is not full. */
export function partEnd(text: string, from: number, lines = 0): number {
  let at = from;
  for (let line = lines; line < PART; line += 1) {
    at = text.indexOf("\n", at) + 1;
    if (at === 0) return -1;
  }
  return at;
}

/** The parts of a whole text; there is at least one. */
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
