// Splits a line of code into tokens to colour. These are not parsers: a token that the line alone, with the state at
// its start, does not show stays plain. For example `def f(x): return "a"  # why` has two keywords (def, return), a
// name (f), a string ("a") and a comment (# why).
//
// The time is linear in the length of the line. Each token is one sticky match, and its alternatives begin with
// different characters, so the match never backtracks.
//
// The languages are a table that the kernel reads too (streamwidget/_saved/code.py), so that the saved answer has the
// same colours.

import table from "../../../streamwidget/_saved/languages.json";

export type Kind = "keyword" | "string" | "number" | "comment" | "name";

/** A comment or string that may go on over the end of a line, like `"""` in Python. */
interface Span {
  readonly kind: Kind;
  /** Finds the closing mark, and the escapes before it, like `\"`. */
  readonly end: RegExp;
}

export interface Language {
  readonly token: RegExp;
  readonly spans: Readonly<Record<string, Span>>;
  readonly keywords: ReadonlySet<string>;
  /** Words before the name that they define: `def f`. */
  readonly defining: ReadonlySet<string>;
  readonly folded: boolean;
  /** A string before a colon is a name: `"key": 1`. */
  readonly keyed: boolean;
}

/** The mark of the span in which a line begins, like `"""`. "" if it begins in none. */
export type State = string;
export type Emit = (kind: Kind, from: number, to: number) => void;

interface Row {
  readonly names: string;
  readonly token: readonly string[];
  readonly keywords: string;
  readonly spans?: Readonly<Record<string, readonly [Kind, string]>>;
  readonly defining?: string;
  readonly folded?: boolean;
  readonly keyed?: boolean;
}

const words = (list: string): ReadonlySet<string> => new Set(list.split(" "));

function languageFrom({ token, keywords, spans = {}, defining = "", folded = false, keyed = false }: Row): Language {
  return {
    token: new RegExp(token.join("|"), "y"),
    keywords: words(keywords),
    spans: Object.fromEntries(
      Object.entries(spans).map(([mark, [kind, end]]) => [mark, { kind, end: new RegExp(end, "g") }]),
    ),
    defining: words(defining),
    folded,
    keyed,
  };
}

const LANGUAGES = new Map(
  (table as unknown as readonly Row[]).flatMap((row) => {
    const found = languageFrom(row);
    return row.names.split(" ").map((name) => [name, found] as const);
  }),
);

/** The language with a fence's name. Undefined if it is not coloured. */
export function languageOf(name: string): Language | undefined {
  return LANGUAGES.get(name.toLowerCase());
}

// The index after the closing mark of `span`, or -1.
function spanEnd(span: Span, line: string, from: number): number {
  span.end.lastIndex = from;
  for (let found = span.end.exec(line); found; found = span.end.exec(line)) {
    if (found[0][0] !== "\\") return span.end.lastIndex;
  }
  return -1;
}

/** Calls `emit` for each token of `line`, a line without its line break. Returns the state at its end. */
export function scanLine(language: Language, line: string, state: State, emit: Emit): State {
  const { token } = language;
  let at = 0;
  let open = state;
  let start = 0; // of the open span
  let defining = false;
  for (;;) {
    const span = language.spans[open];
    if (span) {
      const end = spanEnd(span, line, at);
      emit(span.kind, start, end < 0 ? line.length : end);
      if (end < 0) return open;
      at = end;
      open = "";
    }
    if (at >= line.length) return "";
    token.lastIndex = at;
    const groups = token.exec(line)?.groups;
    start = at;
    at = groups ? token.lastIndex : at + 1;
    const { comment, open: mark, string, number, word, name } = groups ?? {};
    if (mark) open = mark;
    else if (comment) emit("comment", start, at);
    else if (string) emit(isKey(language, line, at) ? "name" : "string", start, at);
    else if (number) emit("number", start, at);
    else if (name) emit("name", start, at);
    else if (word) {
      const known = language.keywords.has(language.folded ? word.toLowerCase() : word);
      if (known) emit("keyword", start, at);
      else if (defining) emit("name", start, at);
      defining = language.defining.has(word);
    } else if (line.slice(start, at).trim() !== "") defining = false;
  }
}

const COLON = /\s*:/y;

function isKey(language: Language, line: string, at: number): boolean {
  COLON.lastIndex = at;
  return language.keyed && COLON.test(line);
}
