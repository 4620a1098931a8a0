// Tokens of a line of code, for colouring. Not parsers: what cannot be told from the line and the state at its start
// stays plain.
//
// Linear in the line: each token is one sticky match whose alternatives begin with different characters, so there is
// nothing to backtrack into.

export type Kind = "keyword" | "string" | "number" | "comment" | "name";

/** What goes over the end of a line: a comment or a string, from its opening to its closing mark. */
interface Span {
  readonly kind: Kind;
  /** Finds the closing mark, and escapes (which begin with a backslash) on the way there. */
  readonly end: RegExp;
}

export interface Language {
  readonly token: RegExp;
  readonly spans: Readonly<Record<string, Span>>;
  readonly keywords: ReadonlySet<string>;
  /** Words after which a name is defined. */
  readonly defining: ReadonlySet<string>;
  readonly folded: boolean;
  /** A string before a colon is a name. */
  readonly keyed: boolean;
}

/** The mark that opened what the line begins in; "" for none. */
export type State = string;
export type Emit = (kind: Kind, from: number, to: number) => void;

const words = (list: string): ReadonlySet<string> => new Set(list.split(" "));

const NUMBER = String.raw`(?<number>0[xXbBoO][\da-fA-F_]+n?|\d[\d_]*(?:\.[\d_]*)?(?:[eE][+-]?\d+)?[jJn]?)`;
const WORD = String.raw`(?<word>[A-Za-z_$\u0080-\uffff][\w$\u0080-\uffff]*)`;
const DOUBLE = String.raw`"(?:[^"\\]|\\.)*"?`;
const SINGLE = String.raw`'(?:[^'\\]|\\.)*'?`;

// `patterns` may name the groups comment, open, string and name; a group "open" holds the mark.
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
    "(?<comment>#.*)",
    `[rRbBuUfFtT]{0,2}(?<open>"""|''')`,
    `(?<string>[rRbBuUfFtT]{0,2}(?:${DOUBLE}|${SINGLE}))`,
    String.raw`(?<name>@[\w.]+)`,
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
    String.raw`(?<comment>\/\/.*)`,
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
    String.raw`(?<comment>(?<![^\s;|&()])#.*)`,
    `(?<string>${DOUBLE}|'[^']*'?)`,
    String.raw`(?<name>\$(?:\{[^}]*\}?|\w+|[@*#?$!-]))`,
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

/** The language of a fence's name, or undefined where it is not coloured. */
export function languageOf(name: string): Language | undefined {
  return LANGUAGES.get(name.toLowerCase());
}

// The place after the closing mark of `span`, or -1.
function spanEnd(span: Span, line: string, from: number): number {
  span.end.lastIndex = from;
  for (let found = span.end.exec(line); found; found = span.end.exec(line)) {
    if (found[0][0] !== "\\") return span.end.lastIndex;
  }
  return -1;
}

/** Calls `emit` for the tokens of `line` (without its line break), and returns the state at its end. */
export function scanLine(language: Language, line: string, state: State, emit: Emit): State {
  const { token } = language;
  let at = 0;
  let open = state;
  let start = 0; // of what is open
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
