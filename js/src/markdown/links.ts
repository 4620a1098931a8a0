// The addresses in a model's text: which become links, and which host is shown. streamwidget/_saved/links.py has the
// same rules.

const MAX_URL = 2048;
// A web address: its scheme, user, host, port and the rest. There is no "%" and no backslash before the rest.
const WEB = /^(https?):\/\/((?:[\w.~!$&'()*+,;=:%-]*@)?)([^/?#@:\\%[\]\s\0-\x20]+)((?::[0-9]*)?)(|[/?#][\s\S]*)$/i;
// One mail address, with nothing but a subject and a text. `?cc=` and "," would add other receivers.
const MAILTO =
  /^mailto:([a-z0-9.!$&'*+=^_`{|}~-]+)@([a-z0-9.-]+)((?:\?(?:subject|body)=[^&]*(?:&(?:subject|body)=[^&]*)*)?)$/i;
// An address such as `127.0.0.1`. Browsers read `0x7f.1`, `127.1` and `2130706433` as this address too.
const NUMERIC_HOST = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;
const NUMBER = /^(?:\d+|0x[\da-f]*)$/;
const LABEL = /^[a-z0-9_-]{1,63}$/;
// A label that is not in ASCII: letters, marks, digits and emoji.
const NAME = /^(?!\p{M})[a-z0-9_\p{Ll}\p{Lo}\p{Lm}\p{M}\p{Nd}\p{So}-]+$/u;
// Letters that browsers drop or replace in a host's name, and Cherokee, which they replace by capitals.
const DROPPED =
  /[\u034f\u115f\u1160\u13a0-\u13fd\u17b4\u17b5\u3164\uab70-\uabbf\uffa0]|[\u180b-\u180f\ufe00-\ufe0f]|[\u{e0100}-\u{e01ef}]/u;
export const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/gu;
// Where an address leads: `https://me@a.example:8/x` -> `a.example:8`, `mailto:a@b.example?subject=x` -> `a@b.example`.
const DESTINATION = /^(?:https?:\/\/(?:[^/?#]*@)?([^/?#]+)|mailto:([^?]*@[^?@]+))/i;
// Characters to percent-encode: `a b` -> `a%20b`, `100%` -> `100%25`. `%20` stays.
const NOT_IN_URL = /%(?![0-9a-fA-F]{2})|[^A-Za-z0-9;/?:@&=+$,\-_.!~*'()#%]+/gu;
// A mark at the end that belongs to the sentence: `https://a.example/x.` -> `https://a.example/x`.
const MARKS = "?!.,:*_~';";

/** Whether a normalised address becomes a link. */
export function isLink(url: string): boolean {
  return url.length <= MAX_URL && /^(?:https?:\/\/|mailto:)/.test(url);
}

/**
 * The address as browsers read it: scheme and host in small letters, the host in ASCII, no default port. It is "" if it
 * is not a web or mail address, or if a browser might read another host than a person does.
 */
export function normalizeLink(url: string): string {
  const web = WEB.exec(url) as [string, string, string, string, string, string] | null;
  if (web) {
    const scheme = web[1].toLowerCase();
    const host = hostOf(web[3]);
    const port = web[4].slice(1).replace(/^0+(?=.)/, "");
    if (!host || port.length > 5 || Number(port) > 65_535) return "";
    const shown = port === "" || port === (scheme === "https" ? "443" : "80") ? "" : `:${port}`;
    return `${scheme}://${encoded(web[2])}${host}${shown}${encoded(web[5])}`;
  }
  const mail = MAILTO.exec(url) as [string, string, string, string] | null;
  const host = mail && hostOf(mail[2]);
  return host ? `mailto:${encoded(mail[1])}@${host}${encoded(mail[3])}` : "";
}

const encoded = (text: string) => text.replace(NOT_IN_URL, encodeURIComponent);

// A host's name in ASCII, or "" if it is not one, or one that browsers read in another way.
function hostOf(name: string): string {
  const small = name.replace(/[A-Z]+/g, (capitals) => capitals.toLowerCase());
  const labels = small.replace(/\.$/, "").split(".");
  if (NUMBER.test(labels.at(-1) as string)) return NUMERIC_HOST.test(small) ? small : "";
  let host = small;
  if (/[^\0-\x7f]/.test(small)) {
    // `xn--` is another form of a name. A browser has more rules where both forms are in one host.
    if (labels.some((label) => label.startsWith("xn--")) || !isOneDirection(labels)) return "";
    if (!labels.every((label) => LABEL.test(label) || isName(label))) return "";
    try {
      host = new URL(`http://${small}`).hostname;
    } catch {
      return "";
    }
  }
  return host.length <= 254 &&
    host
      .replace(/\.$/, "")
      .split(".")
      .every((label) => LABEL.test(label))
    ? host
    : "";
}

function isName(label: string): boolean {
  return NAME.test(label) && !DROPPED.test(label) && label.toLowerCase() === label && label.normalize("NFKC") === label;
}

// Whether no label has letters of both directions. A browser has more rules for those.
function isOneDirection(labels: string[]): boolean {
  const rest = labels.map((label) => label.replace(RIGHT_TO_LEFT, ""));
  if (rest.every((left, index) => left === labels[index])) return true;
  return rest.every(
    (left, index) => left === "" || (left === labels[index] && /^[a-z](?:[a-z\d-]*[a-z\d])?$/.test(left)),
  );
}

/** A bare address without what belongs to the sentence at its end. A closing bracket stays if it was opened in it. */
export function trimmed(url: string): string {
  let end = url.length;
  let closed = url.split(")").length - url.split("(").length;
  while (end > 0) {
    const last = url[end - 1] as string;
    if (MARKS.includes(last)) {
      const reference = last === ";" ? /&[a-zA-Z0-9]{1,32};$/.exec(url.slice(Math.max(0, end - 34), end)) : null;
      end -= reference ? reference[0].length : 1;
    } else if (last === ")" && closed > 0) {
      end -= 1;
      closed -= 1;
    } else break;
  }
  return url.slice(0, end);
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
