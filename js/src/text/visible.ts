// Makes a model's text visible, by the rules of streamwidget/_core/visible.py. A character that a screen would obey, or
// would not show, is shown as a sign. For example "\u001b" is "␛", and "\u202e" is "[U+202E]".

const TAG_FLAGS = ["gbeng", "gbsct", "gbwls"].map((name) =>
  String.fromCodePoint(0x1f3f4, ...[...name].map((letter) => 0xe0000 + letter.charCodeAt(0)), 0xe007f),
);
// A letter of Thai, Lao, Burmese or Khmer. These scripts have no spaces, and U+200B marks where a word ends. Beside such
// a letter it stays.
const NO_SPACES = "[\\u0e00-\\u0eff\\u1000-\\u109f\\u1780-\\u17ff]";
const HIDDEN = new RegExp(
  `(${TAG_FLAGS.join("|")}|${NO_SPACES}\\u200b|\\u200b(?=${NO_SPACES}))|\\r\\n|[\\0-\\x08\\x0b-\\x1f\\x7f-\\x9f` +
    "\\u200b\\u2060-\\u2064\\u202a-\\u202e\\u2066-\\u206f\\ufeff\\ufff9-\\ufffb\\u{e0000}-\\u{e007f}]",
  "gu",
);
// An end that the next piece of text may complete: of CR LF, of a surrogate pair, of a flag, of a
// U+200B that a letter may follow.
const OPEN_END = /(?:\r|\u200b|[\ud800-\udbff]|\ud83c(?:\udff4(?:\udb40[\udc00-\udc7f]){0,5}\udb40?)?)$/;

const LETTER_AT_END = new RegExp(`${NO_SPACES}$`);

/** `text` with its hidden and controlling characters shown as signs, and well-formed. */
export function visible(text: string): string {
  return text.replace(/\p{Cs}/gu, "\ufffd").replace(HIDDEN, (found, kept: string | undefined) => {
    if (kept) return kept;
    if (found === "\r\n") return "\n";
    const code = found.codePointAt(0) as number;
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    return code === 0x7f ? "\u2421" : `[U+${code.toString(16).toUpperCase().padStart(4, "0")}]`;
  });
}

/** Makes text visible that comes in pieces, cut anywhere. */
export class VisibleStream {
  #held = "";
  #letter = ""; // before the held text, if that matters

  /** The text that is certain by now. `last`: no more will come. */
  push(text: string, last: boolean): string {
    const all = this.#held + text;
    this.#held = last ? "" : (OPEN_END.exec(all)?.[0] ?? "");
    const certain = this.#letter + all.slice(0, all.length - this.#held.length);
    const shown = visible(certain).slice(this.#letter.length);
    this.#letter = LETTER_AT_END.exec(certain)?.[0] ?? "";
    return shown;
  }
}
