// Text of a model made visible, by the same rules as streamwidget/_core/visible.py: what a screen would obey, or not show at
// all, is shown as a sign.

const TAG_FLAGS = ["gbeng", "gbsct", "gbwls"].map((name) =>
  String.fromCodePoint(0x1f3f4, ...[...name].map((letter) => 0xe0000 + letter.charCodeAt(0)), 0xe007f),
);
const HIDDEN = new RegExp(
  `(${TAG_FLAGS.join("|")})|\\r\\n|[\\0-\\x08\\x0b-\\x1f\\x7f-\\x9f` +
    "\\u200b\\u2060-\\u2064\\u202a-\\u202e\\u2066-\\u206f\\ufeff\\ufff9-\\ufffb\\u{e0000}-\\u{e007f}]",
  "gu",
);
// What the next piece of text may complete: CR LF, a surrogate pair, a flag.
const OPEN_END = /(?:\r|[\ud800-\udbff]|\ud83c(?:\udff4(?:\udb40[\udc00-\udc7f]){0,5}\udb40?)?)$/;

/** `text` with its hidden and controlling characters shown as signs, and well-formed. */
export function visible(text: string): string {
  return text.replace(/\p{Cs}/gu, "\ufffd").replace(HIDDEN, (found, flag: string | undefined) => {
    if (flag) return flag;
    if (found === "\r\n") return "\n";
    const code = found.codePointAt(0) as number;
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    return code === 0x7f ? "\u2421" : `[U+${code.toString(16).toUpperCase().padStart(4, "0")}]`;
  });
}

/** Makes text visible that comes in pieces cut anywhere. */
export class VisibleStream {
  #held = "";

  /** What is certain of the text so far; `last` when no more will come. */
  push(text: string, last: boolean): string {
    const all = this.#held + text;
    this.#held = last ? "" : (OPEN_END.exec(all)?.[0] ?? "");
    return visible(all.slice(0, all.length - this.#held.length));
  }
}
