// What markdown-it's rules import from `entities`, `uc.micro` and `mdurl`, by the means a browser has; see aliases.mjs.

/** Unicode punctuation and symbols, as `uc.micro` gives them. */
export const P: RegExp = /\p{P}/u;
export const S: RegExp = /\p{S}/u;

const known = new Map<string, string>();

/** The characters of a named character reference: "&copy;" -> "©". An unknown one is returned as it is. */
export function decodeHTML(reference: string): string {
  let decoded = known.get(reference);
  if (decoded === undefined) {
    // This is safe: the document has no window, and only letters and digits get here.
    const named = /^&[a-z][a-z0-9]*;$/i.test(reference);
    decoded = named ? (new DOMParser().parseFromString(reference, "text/html").body.textContent ?? "") : reference;
    // The browser decodes `&copyx;` to `©x;`, but it is not an entity.
    if (decoded.endsWith(";") && reference !== "&semi;") decoded = reference;
    if (known.size > 500) known.clear();
    known.set(reference, decoded);
  }
  return decoded;
}

export { decodeHTML as decodeHTMLStrict };
