// Makes a model's text visible, by the rules of streamwidget/_core/visible.py. A character that a screen would obey, or
// would not show, is shown as a sign. For example "\u001b" is "␛", and "\u202e" is "[U+202E]".

const TAG_FLAGS = ["gbeng", "gbsct", "gbwls"].map((name) =>
  String.fromCodePoint(0x1f3f4, ...[...name].map((letter) => 0xe0000 + letter.charCodeAt(0)), 0xe007f),
);
// What scripts and emoji need, each once behind its letter. streamwidget/_core/visible.py says what it is.
const NO_SPACES = "[\\u0e00-\\u0eff\\u1000-\\u109f\\u1780-\\u17b3\\u17b6-\\u17ff]";
const EMOJI =
  "[\\u00a9\\u00ae\\u203c-\\u2049\\u2100-\\u27ff\\u2900-\\u2bff\\u3030\\u303d\\u3297\\u3299\\u{1f000}-\\u{1faff}]";
const JOINED =
  "[\\u0600-\\u061b\\u061d-\\u08ff\\u0900-\\u0dff\\u0f00-\\u0fff\\u1000-\\u109f\\u1780-\\u17b3\\u17b6-\\u17ff\\ufb50-\\ufdff\\ufe70-\\ufefc]";
const IDEOGRAPH = "[\\u3400-\\u9fff\\uf900-\\ufaff\\u{20000}-\\u{3ffff}]";
const MONGOLIAN = "[\\u1820-\\u18aa]";
// What may be hidden is searched for among these only. Most texts have none, and this search is quick.
const UNUSUAL =
  /[^\t\n -~\u00a0-\u00ac\u00ae-\u034e\u0370-\u05ff\u2010-\u2027\u2030-\u205f\u2070-\u27ff\u3000-\u3163\u3165-\ud7ff]/;
const HIDDEN = new RegExp(
  `(${TAG_FLAGS.join("|")}|${EMOJI}(?:[\\ufe0e\\ufe0f]\\u200d?|\\u200d)|[#*0-9]\\ufe0f\\u20e3` +
    `|${IDEOGRAPH}[\\u{e0100}-\\u{e011f}]|${MONGOLIAN}[\\u180b-\\u180f]|${JOINED}[\\u200c\\u200d]|${NO_SPACES}\\u200b` +
    `|\\u200b(?=${NO_SPACES})|[\\u2801-\\u28ff]\\u2800+)|\\r\\n|[\\0-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u00ad\\u034f\\u061c` +
    "\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200d\\u2028-\\u202e\\u2060-\\u206f\\u2800\\u3164\\ufe00-\\ufe0f\\ufeff" +
    "\\uffa0\\ufff0-\\ufffb\\u{1bca0}-\\u{1bca3}\\u{1d159}\\u{1d173}-\\u{1d17a}\\u{e0000}-\\u{e0fff}]",
  "gu",
);
// An end that the next piece of text may complete: of CR LF, of a surrogate pair, of a flag, of a key such as "1" in a
// box, of a U+200B that a letter may follow.
const OPEN_END =
  /(?:\r|\u200b|(?:^|[#*0-9])\ufe0f|[\ud800-\udbff]|\ud83c(?:\udff4(?:\udb40[\udc00-\udc7f]){0,5}\udb40?)?)$/;
// What was shown last, if it changes how the next piece is shown.
const LETTER_AT_END = new RegExp(
  `(?:[#*0-9]|${EMOJI}[\\ufe0e\\ufe0f]?|${IDEOGRAPH}|${MONGOLIAN}|${JOINED}|${NO_SPACES}|[\\u2801-\\u28ff]\\u2800*)$`,
  "u",
);

/** `text` with its hidden and controlling characters shown as signs, and well-formed. */
export function visible(text: string): string {
  if (!UNUSUAL.test(text)) return text;
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
