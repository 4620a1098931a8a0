// Which addresses are followed, and what of them is shown: the rules of streamwidget/_saved/links.py.

import type StateInline from "markdown-it/lib/rules_inline/state_inline.mjs";

const MAX_URL = 2048;
const URL_START = /^(?:https?:\/\/[^/?#\s]|mailto:\S)/i;
const AUTHORITY = /^(https?:\/\/(?:[^/?#\\\s]*@)?)([^/?#\\\s@:]+)/i;
const HOST = /^(?:https?:\/\/(?:[^/?#]*@)?([^/?#]+)|mailto:[^?]*@([^?@]+))/i;
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

/** Where a normalised address really leads: its host (with port), or the domain of a mail address; "" if neither. */
export function hostOf(url: string): string {
  const found = HOST.exec(url);
  return found?.[1] ?? found?.[2] ?? "";
}

/** Whether a reader of the link's text already sees where it leads. */
export function showsHost(text: string, host: string): boolean {
  const address = text.replace(/^(?:https?:\/\/|mailto:[^@]*@)/i, "").split(/[/?#]/, 1)[0] as string;
  const mail = /^[^\s@/]+@([^\s@/]+)$/.exec(address);
  return (mail?.[1] ?? address).toLowerCase() === host.toLowerCase();
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
