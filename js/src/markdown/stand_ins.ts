// What markdown-it's rules import from `entities`, `uc.micro` and `mdurl`, by the means a browser has; see aliases.mjs.

/** Unicode punctuation and symbols, as `uc.micro` gives them. */
export const P: RegExp = /\p{P}/u;
export const S: RegExp = /\p{S}/u;

const known = new Map<string, string>();

/** The characters of one named character reference (`&copy;`); the reference itself where it is none. */
export function decodeHTML(reference: string): string {
  let decoded = known.get(reference);
  if (decoded === undefined) {
    // Inert: a document without a window, and of the text nothing but letters and digits gets this far.
    const named = /^&[a-z][a-z0-9]*;$/i.test(reference);
    decoded = named ? (new DOMParser().parseFromString(reference, "text/html").body.textContent ?? "") : reference;
    // Without its semicolon a reference may be one where it is not: `&copyx;` is no entity.
    if (decoded.endsWith(";") && reference !== "&semi;") decoded = reference;
    if (known.size > 500) known.clear();
    known.set(reference, decoded);
  }
  return decoded;
}

export { decodeHTML as decodeHTMLStrict };
