// The inline rules of links and images: `[a](https://a.example)`, `![a](https://a.example/a.png)`, `[a][1]`,
// `<https://a.example>` and bare addresses. markdown-it has two long rules for the first two, which are one here.

import { normalizeReference } from "markdown-it/lib/common/utils.mjs";
import * as helpers from "markdown-it/lib/helpers/index.mjs";
import type Token from "markdown-it/lib/token.mjs";
import { labelEnd } from "./labels";
import { isLink, normalizeLink, trimmed } from "./links";
import type { Reference } from "./references";
import type { StateInline } from "./state_inline";

// An address or a mail address in brackets: `<https://a.example>`, `<me@a.example>`.
const LABEL = "[a-z\\d](?:[a-z\\d-]{0,61}[a-z\\d])?";
const AUTOLINK = new RegExp(
  `^<(?:([a-z][a-z\\d+.-]{1,31}:[^<>\\0-\\x20]*)|([\\w.!#$%&'*+/=?^\`{|}~-]+@${LABEL}(?:\\.${LABEL})*))>`,
  "i",
);
// The rest of a bare address. It ends before white space, quotes, brackets and East Asian full stops:
// `://a.example/x。` -> `://a.example/x`. The first pattern finds its host, with a user and a port.
const [BARE_HOST, BARE] = ["/?#", ""].map(
  (more) =>
    new RegExp(`^://[^\\s<>"\`\\\\^{}[\\]|\\u3000-\\u303f\\uff00-\\uffef\\u2018-\\u201f\\u00ab\\u00bb${more}]+`),
) as [RegExp, RegExp];

function pushLink(state: StateInline, href: string, text: string): void {
  state.push("link_open", "a", 1).attrs = [["href", href]];
  state.push("text", "", 0).content = text;
  state.push("link_close", "a", -1);
}

export function autolink(state: StateInline, silent: boolean): boolean {
  if (state.src[state.pos] !== "<") return false;
  const found = AUTOLINK.exec(state.src.slice(state.pos, state.posMax));
  if (!found) return false;
  const [all, address, mail] = found as unknown as [string, string?, string?];
  const href = normalizeLink(address ?? `mailto:${mail}`);
  if (!isLink(href)) return false;
  if (!silent) pushLink(state, href, address ?? (mail as string));
  state.pos += all.length;
  return true;
}

/** `[text](address "title")`, `[text][label]`, and both as an image behind "!". The title is not used. */
export function link(state: StateInline, silent: boolean): boolean {
  const { src, pos: start, posMax, md, env } = state;
  const isImage = src[start] === "!";
  const from = start + (isImage ? 2 : 1);
  if (src[from - 1] !== "[") return false;
  const to = labelEnd(state, from - 1, !isImage);
  if (to < 0) return false;
  let href = "";
  let pos = to + 1;
  let isReference = true;
  if (pos < posMax && src[pos] === "(") {
    pos = skipSpace(src, pos + 1, posMax);
    if (pos >= posMax) return false;
    const target = helpers.parseLinkDestination(src, pos, posMax);
    if (target.ok) {
      const url = normalizeLink(target.str);
      if (isLink(url)) {
        href = url;
        pos = target.pos;
      }
      const end = pos;
      pos = skipSpace(src, pos, posMax);
      const title = helpers.parseLinkTitle(src, pos, posMax);
      if (pos > end && pos < posMax && title.ok) pos = skipSpace(src, title.pos, posMax);
    }
    isReference = pos >= posMax || src[pos] !== ")";
    if (isReference && isImage) return false;
    pos += 1;
  }
  if (isReference) {
    let label = "";
    const end = pos < posMax && src[pos] === "[" ? labelEnd(state, pos) : -1;
    if (end >= 0) label = src.slice(pos + 1, end);
    pos = Math.max(to, end) + 1;
    const reference = (env as { references: Record<string, Reference> }).references[
      normalizeReference(label || src.slice(from, to))
    ];
    if (!reference) return false;
    href = reference.href;
  }
  if (!silent && isImage) {
    const children: Token[] = [];
    md.inline.parse(src.slice(from, to), md, env, children);
    const token = state.push("image", "img", 0);
    token.attrs = [["src", href]];
    token.children = children;
  } else if (!silent) {
    state.pos = from;
    state.posMax = to;
    state.push("link_open", "a", 1).attrs = [["href", href]];
    state.linkLevel += 1;
    md.inline.tokenize(state);
    state.linkLevel -= 1;
    state.push("link_close", "a", -1);
    state.posMax = posMax;
  }
  state.pos = pos;
  return true;
}

function skipSpace(src: string, from: number, end: number): number {
  let at = from;
  while (at < end && /[ \t\n]/.test(src[at] as string)) at += 1;
  return at;
}

/**
 * Inline rule: bare addresses are links. `see https://a.example.` has a link to `https://a.example`. An address that is
 * too long is text, and so is whatever looks like an address in it.
 */
export function bareLink(state: StateInline, silent: boolean): boolean {
  const { src, pos, posMax } = state;
  if (!src.startsWith("://", pos) || state.linkLevel > 0 || pos < state.longAddress) return false;
  // After a space, an opening mark or a character of a script without spaces.
  const before = /(?:^|[\s*_~("'[{\u3000-\u9fff\uac00-\ud7af\uff00-\uffef\u2018-\u201f])(https?)$/i;
  const scheme = before.exec(state.pending.slice(-6))?.[1]; // six characters: what is before, and the scheme
  const text = src.slice(pos, posMax);
  // The host is read first, because many texts that begin like an address have none. A "?" may belong to the sentence.
  const host = scheme && BARE_HOST.exec(text)?.[0];
  if (!host) return false;
  const mayEnd = text[host.length] === "?" && normalizeLink(trimmed(scheme + host));
  if (!mayEnd && /[/?#]/.test(text[host.length] ?? "") && !normalizeLink(scheme + host)) return false;
  const rest = BARE.exec(text)?.[0] as string;
  const url = trimmed(scheme + rest);
  const href = normalizeLink(url);
  if (!isLink(href)) {
    if (href) state.longAddress = pos + rest.length;
    return false;
  }
  if (!silent) {
    state.pending = state.pending.slice(0, -scheme.length);
    pushLink(state, href, url);
  }
  state.pos += url.length - scheme.length;
  return true;
}
