// The state of the inline rules, as in markdown-it, with a rule of its own for emphasis beside Chinese, Japanese and
// Korean characters, which have no spaces between words: `**注意：**请` has emphasis. Beside a CJK character each run of
// "*" or "~" may begin and end emphasis, unless white space is on its other side. This is the rule of
// markdown-it-cjk-friendly. streamwidget/_saved/emphasis.py has the same rule.

import Token from "markdown-it/lib/token.mjs";

// Wide, fullwidth and halfwidth characters and Hangul, without emoji: "注", "：", "「", "ｱ", "단". Not "“". A variation
// selector of an ideograph counts too.
const CJK =
  /[\u1100-\u11ff\u2e80-\ua4cf\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\ufe10-\ufe1f\ufe30-\ufe6f\uff01-\uffee\u{16fe0}-\u{1b2ff}\u{20000}-\u{3ffff}]|[\u{e0100}-\u{e01ef}]/u;
const WHITE_SPACE = /[\p{Zs}\t-\r]/u;
const PUNCTUATION = /[\p{P}\p{S}]/u;

/** How a run of "*", "_" or "~" between two characters may be used. `canSplit` is false for "_". */
export function flanking(before: string, after: string, canSplit: boolean): { can_open: boolean; can_close: boolean } {
  const [isSpaceBefore, isMarkBefore, isCjkBefore] = kindOf(before);
  const [isSpaceAfter, isMarkAfter, isCjkAfter] = kindOf(after);
  if (isSpaceBefore || isSpaceAfter) return { can_open: !isSpaceAfter, can_close: !isSpaceBefore };
  const isFree = canSplit && (isCjkBefore || isCjkAfter);
  return {
    can_open: isMarkBefore || isFree || (canSplit && !isMarkAfter),
    can_close: isMarkAfter || isFree || (canSplit && !isMarkBefore),
  };
}

type Kind = [isSpace: boolean, isMark: boolean, isCjk: boolean];
const kinds = new Map<string, Kind>(); // because the patterns are slow

function kindOf(char: string): Kind {
  const kind = kinds.get(char) ?? [WHITE_SPACE.test(char), PUNCTUATION.test(char), CJK.test(char)];
  kinds.set(char, kind);
  return kind;
}

export type Delimiter = {
  marker: string;
  length: number; // of the whole run
  token: number; // its index
  end: number; // the index of the delimiter that closes it, or -1
  open: boolean;
  close: boolean;
};

/** The parts of a MarkdownIt object that inline rules use. */
export type Markdown = {
  inline: {
    tokenize(state: StateInline): void;
    skipToken(state: StateInline): void;
    parse(source: string, md: Markdown, env: object, tokens: Token[]): void;
  };
};

export class StateInline {
  pos = 0;
  posMax: number;
  level = 0;
  linkLevel = 0; // above 0 in the text of a link
  pending = ""; // text that is not a token yet
  longAddress = 0; // the end of the last address that is too long to be a link
  cache: Record<number, number> = {};
  delimiters: Delimiter[] = [];
  tokens_meta: ({ delimiters: Delimiter[] } | null)[] = [];
  #outer: Delimiter[][] = [];
  #pendingLevel = 0;

  constructor(
    readonly src: string,
    readonly md: Markdown,
    readonly env: object,
    readonly tokens: Token[],
  ) {
    this.posMax = src.length;
  }

  pushPending(): void {
    const token = new Token("text", "", 0);
    token.content = this.pending;
    token.level = this.#pendingLevel;
    this.tokens.push(token);
    this.pending = "";
  }

  push(type: string, tag: string, nesting: -1 | 0 | 1): Token {
    if (this.pending) this.pushPending();
    const token = new Token(type, tag, nesting);
    if (nesting < 0) {
      this.level -= 1;
      this.delimiters = this.#outer.pop() ?? [];
    }
    token.level = this.level;
    if (nesting > 0) {
      this.level += 1;
      this.#outer.push(this.delimiters);
      this.delimiters = [];
    }
    this.#pendingLevel = this.level;
    this.tokens.push(token);
    this.tokens_meta.push(nesting > 0 ? { delimiters: this.delimiters } : null);
    return token;
  }

  scanDelims(start: number, canSplit: boolean): { can_open: boolean; can_close: boolean; length: number } {
    const { src, posMax } = this;
    let end = start;
    while (end < posMax && src[end] === src[start]) end += 1;
    // The beginning and the end of the text count as white space.
    const unit = src[start - 1] ?? " ";
    const before = unit >= "\udc00" && unit <= "\udfff" ? src.slice(start - 2, start) : unit;
    const after = end < posMax ? String.fromCodePoint(src.codePointAt(end) as number) : " ";
    return { ...flanking(before, after, canSplit), length: end - start };
  }
}
