// Counts and cuts text by code points, as Python does. "😀" is one code point, and its `length` in JavaScript is 2.

export function countCodePoints(text: string): number {
  return text.length - (text.match(/[\ud800-\udbff][\udc00-\udfff]/g)?.length ?? 0);
}

/** The index in `text` after its first `count` code points, or its length if it has fewer. */
export function indexAfter(text: string, count: number): number {
  if (text.length <= count) return text.length;
  let at = 0;
  for (let seen = 0; seen < count && at < text.length; seen += 1)
    at += (text.codePointAt(at) as number) > 0xffff ? 2 : 1;
  return at;
}

/** The first `count` code points of `text`. */
export function firstCodePoints(text: string, count: number): string {
  return text.slice(0, indexAfter(text, count));
}
