// Which addresses are followed, and what of them is shown: the rules of streamwidget/_saved/links.py.

import type StateInline from "markdown-it/lib/rules_inline/state_inline.mjs";

const MAX_URL = 2048;
const URL_START = /^(?:https?:\/\/[^/?#\s]|mailto:\S)/i;
const AUTHORITY = /^(https?:\/\/(?:[^/?#\\\s]*@)?)([^/?#\\\s@:]+)/i;
const HOST = /^(?:https?:\/\/(?:[^/?#]*@)?([^/?#]+)|mailto:([^?]*@[^?@]+))/i;
// What of ASCII is not in the name of a host: all but letters, digits, "-" and ".".
const NO_HOST = /[\0-,/:-@[-`{-\x7f]/;
const NOT_IN_URL = /%(?![0-9a-fA-F]{2})|[^A-Za-z0-9;/?:@&=+$,\-_.!~*'()#%]+/gu;
// A bare address ends before white space, quotes, brackets and the full stops of East Asian scripts.
const BARE = /^:\/\/[^\s<>"`\\^{}[\]|\u3000-\u303f\uff00-\uffef\u2018-\u201f\u00ab\u00bb]+/;
const TRAILING = /(?:[?!.,:*_~';]|&[a-zA-Z0-9]+;)+$/;

/** Whether a normalised address becomes a link. */
export function isLink(url: string): boolean {
  return url.length <= MAX_URL && URL_START.test(url);
}

/** The address with its host in ASCII and the rest percent-encoded; "" where the host is none. */
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
 * Where a normalised address leads: the host with its port, or the whole mail address; "" if neither. For example
 * `https://user@docs.example:8/a` leads to "docs.example:8", and `mailto:a@b.example?subject=x` to "a@b.example".
 */
export function destinationOf(url: string): string {
  const found = HOST.exec(url);
  return found?.[1] ?? found?.[2] ?? "";
}

/** Whether the text of a link already shows where it leads: `docs.example/a` shows "docs.example", and `docs` does not. */
export function showsDestination(text: string, destination: string): boolean {
  const address = text.replace(/^(?:https?:\/\/|mailto:)/i, "").split(/[/?#]/, 1)[0] as string;
  const host = /^[^\s@/]+@([^\s@/]+)$/.exec(address)?.[1]; // of "user@docs.example"
  return [address, host].some((seen) => seen?.toLowerCase() === destination.toLowerCase());
}

function trimmed(url: string): string {
  for (;;) {
    let shorter = url.replace(TRAILING, "");
    // A closing bracket belongs to the address only if its opening one does.
    if (shorter.endsWith(")") && shorter.split(")").length > shorter.split("(").length) shorter = shorter.slice(0, -1);
    if (shorter === url) return url;
    url = shorter;
  }
}

/** Inline rule: `http://` and `https://` in running text are links. */
export function bareLink(state: StateInline, silent: boolean): boolean {
  if (!state.src.startsWith("://", state.pos) || state.linkLevel > 0) return false;
  const scheme = /(?:^|[\s*_~("'[{\u3000-\u303f\uff00-\uffef\u2018-\u201f])(https?)$/i.exec(state.pending)?.[1];
  const rest = BARE.exec(state.src.slice(state.pos, Math.min(state.posMax, state.pos + MAX_URL)))?.[0];
  if (!scheme || !rest) return false;
  const url = trimmed(scheme + rest);
  const href = normalizeLink(url);
  if (url.length <= scheme.length + 3 || !isLink(href)) return false;
  if (!silent) {
    state.pending = state.pending.slice(0, -scheme.length);
    state.push("link_open", "a", 1).attrs = [["href", href]];
    state.push("text", "", 0).content = url;
    state.push("link_close", "a", -1);
  }
  state.pos += url.length - scheme.length;
  return true;
}
