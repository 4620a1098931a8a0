// Splits a line of code into tokens to colour. These are not parsers: a token that the line alone, with the state at
// its start, does not show stays plain. For example `def f(x): return "a"  # why` has two keywords (def, return), a
// name (f), a string ("a") and a comment (# why).
//
// The time is linear in the length of the line. Each token is one sticky match, and its alternatives begin with
// different characters, so the match never backtracks.

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

const words = (list: string): ReadonlySet<string> => new Set(list.split(" "));

// `0xff`, `12`, `1_000.5e-3`, `2j`, `10n`.
const NUMBER = String.raw`(?<number>0[xXbBoO][\da-fA-F_]+n?|\d[\d_]*(?:\.[\d_]*)?(?:[eE][+-]?\d+)?[jJn]?)`;
// `name`, `$el`, `größe`.
const WORD = String.raw`(?<word>[A-Za-z_$\u0080-\uffff][\w$\u0080-\uffff]*)`;
// `"a \" b"`, and an open `"a`.
const DOUBLE = String.raw`"(?:[^"\\]|\\.)*"?`;
const SINGLE = String.raw`'(?:[^'\\]|\\.)*'?`;

// `patterns` may have groups named comment, open, string and name. The group "open" holds the mark of a span.
function language(
  patterns: readonly string[],
  keywords: string,
  more: Partial<Omit<Language, "token" | "keywords">> = {},
): Language {
  return {
    token: new RegExp([...patterns, NUMBER, WORD, String.raw`[^\w"'$@#/\u0080-\uffff\x60-]+`].join("|"), "y"),
    keywords: words(keywords),
    spans: {},
    defining: new Set(),
    folded: false,
    keyed: false,
    ...more,
  };
}

const BLOCK_COMMENT: Readonly<Record<string, Span>> = { "/*": { kind: "comment", end: /\*\//g } };

const PYTHON = language(
  [
    "(?<comment>#.*)", // # a comment
    `[rRbBuUfFtT]{0,2}(?<open>"""|''')`, // r"""a docstring
    `(?<string>[rRbBuUfFtT]{0,2}(?:${DOUBLE}|${SINGLE}))`, // f"{x}"
    String.raw`(?<name>@[\w.]+)`, // @functools.cache
  ],
  "False None True and as assert async await break case class continue def del elif else except finally for from " +
    "global if import in is lambda match nonlocal not or pass raise return try type while with yield self",
  {
    spans: { '"""': { kind: "string", end: /\\.|"""/g }, "'''": { kind: "string", end: /\\.|'''/g } },
    defining: words("def class"),
  },
);

const JAVASCRIPT = language(
  [
    String.raw`(?<comment>\/\/.*)`, // a comment
    String.raw`(?<open>\/\*|\x60)`,
    `(?<string>${DOUBLE}|${SINGLE})`,
    String.raw`(?<name>@\w+)`,
  ],
  "abstract any as async await boolean break case catch class const continue debugger declare default delete do else " +
    "enum export extends false finally for from function get if implements import in infer instanceof interface is " +
    "keyof let namespace never new null number of private protected public readonly return satisfies set static " +
    "string super switch this throw true try type typeof undefined unknown var void while with yield",
  {
    spans: { ...BLOCK_COMMENT, "`": { kind: "string", end: /\\.|`/g } },
    defining: words("class enum function interface namespace type"),
  },
);

const JSON_ = language([`(?<string>${DOUBLE})`], "false null true", { keyed: true });

const SHELL = language(
  [
    String.raw`(?<comment>(?<![^\s;|&()])#.*)`, // ls # why, and not a#b
    `(?<string>${DOUBLE}|'[^']*'?)`,
    String.raw`(?<name>\$(?:\{[^}]*\}?|\w+|[@*#?$!-]))`, // $HOME, ${x:-1}, $?
  ],
  "alias break case cd continue declare do done echo elif else esac eval exec exit export fi for function if in let " +
    "local read readonly return select set shift source sudo test then trap unset until while",
  { defining: words("function") },
);

const SQL = language(
  ["(?<comment>--.*)", String.raw`(?<open>\/\*)`, `(?<string>'[^']*'?)`],
  "add all alter and as asc between by case check column commit constraint create cross database default delete desc " +
    "distinct drop else end except exists false foreign from full function group having if in index inner insert " +
    "intersect into is join key left like limit not null offset on or order outer over partition primary procedure " +
    "references returning right rollback select set table then transaction trigger true truncate union unique update " +
    "using values view when where window with",
  { spans: BLOCK_COMMENT, folded: true },
);

const NAMES: ReadonlyArray<readonly [Language, string]> = [
  [PYTHON, "python py python3 ipython"],
  [JAVASCRIPT, "javascript js jsx mjs cjs typescript ts tsx"],
  [JSON_, "json jsonc json5 jsonl"],
  [SHELL, "shell sh bash zsh console shell-session"],
  [SQL, "sql sqlite postgresql postgres mysql"],
];

const LANGUAGES = new Map(NAMES.flatMap(([found, names]) => names.split(" ").map((name) => [name, found] as const)));

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
