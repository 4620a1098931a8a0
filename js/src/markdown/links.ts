// The addresses in a model's text: which become links, and which host is shown. streamwidget/_saved/links.py has the
// same rules.

export const MAX_URL = 2048;
// An address that may become a link: `https://a.example`, `mailto:a@b.example`. Not `ftp://a.example`, not `x.html`.
const URL_START = /^(?:https?:\/\/[^/?#\s]|mailto:\S)/i;
// The part up to the host, and the host: `https://me@straße.de/x` -> `https://me@`, `straße.de`.
const AUTHORITY = /^(https?:\/\/(?:[^/?#\\\s]*@)?)([^/?#\\\s@:]+)/i;
// Where an address leads: `https://me@a.example:8/x` -> `a.example:8`, `mailto:a@b.example?subject=x` -> `a@b.example`.
const DESTINATION = /^(?:https?:\/\/(?:[^/?#]*@)?([^/?#]+)|mailto:([^?]*@[^?@]+))/i;
// ASCII that is not part of a host's name: all but letters, digits, "-" and ".".
const NO_HOST = /[\0-,/:-@[-`{-\x7f]/;
// Characters to percent-encode: `a b` -> `a%20b`, `100%` -> `100%25`. `%20` stays.
const NOT_IN_URL = /%(?![0-9a-fA-F]{2})|[^A-Za-z0-9;/?:@&=+$,\-_.!~*'()#%]+/gu;

/** Whether a normalised address becomes a link. */
export function isLink(url: string): boolean {
  return url.length <= MAX_URL && URL_START.test(url);
}

/** The address with its host in ASCII and the rest percent-encoded. "" if it has no valid host. */
export function normalizeLink(url: string): string {
  const address = AUTHORITY.exec(url);
  const name = address?.[2] ?? "";
  let full = url;
  if (address && /[^\0-\x7f]/.test(name)) {
    if (NO_HOST.test(name)) return "";
    try {
      full = address[1] + new URL(`http://${name}`).hostname + url.slice(address[0].length);
    } catch {
      return "";
    }
  }
  return full.replace(NOT_IN_URL, encodeURIComponent);
}

/**
 * Where a normalised address leads: a host with its port, or a whole mail address. "" if neither. For example
 * `https://user@docs.example:8/a` leads to "docs.example:8", and `mailto:a@b.example?subject=x` to "a@b.example".
 */
export function destinationOf(url: string): string {
  const found = DESTINATION.exec(url);
  return found?.[1] ?? found?.[2] ?? "";
}

/** Whether the text of a link already shows where it leads. `docs.example/a` shows "docs.example", `docs` does not. */
export function showsDestination(text: string, destination: string): boolean {
  const address = text.replace(/^(?:https?:\/\/|mailto:)/i, "").split(/[/?#]/, 1)[0] as string;
  const host = /^[^\s@/]+@([^\s@/]+)$/.exec(address)?.[1]; // of "user@docs.example"
  return [address, host].some((seen) => seen?.toLowerCase() === destination.toLowerCase());
}
