// The parts of markdown-it 14 that are used. Its own types cover the whole package, not the files in `lib`.

declare module "markdown-it/lib/token.mjs" {
  export default class Token {
    constructor(type: string, tag: string, nesting: number);
    type: string;
    tag: string;
    nesting: -1 | 0 | 1;
    level: number;
    attrs: [string, string | number][] | null;
    map: [number, number] | null;
    children: Token[] | null;
    content: string;
    markup: string;
    info: string;
    meta: number[] | null; // of a table: see table.ts
    hidden: boolean;
  }
}

declare module "markdown-it/lib/rules_block/state_block.mjs" {
  import type Token from "markdown-it/lib/token.mjs";
  export default class StateBlock {
    constructor(src: string, md: object, env: object, tokens: Token[]);
    src: string;
    env: object;
    tokens: Token[];
    bMarks: number[];
    eMarks: number[];
    tShift: number[];
    line: number;
    lineMax: number;
    level: number;
    blkIndent: number;
    sCount: number[];
    tight: boolean;
    isEmpty(line: number): boolean;
    skipEmptyLines(from: number): number;
    getLines(begin: number, end: number, indent: number, keepLastLF: boolean): string;
  }
}

declare module "markdown-it/lib/helpers/index.mjs" {
  type Parsed = { ok: boolean; pos: number; str: string };
  export function parseLinkDestination(src: string, start: number, max: number): Parsed;
  export function parseLinkTitle(src: string, start: number, max: number): Parsed;
}

declare module "markdown-it/lib/helpers/parse_link_label.mjs" {
  export default function parseLinkLabel(state: object, start: number, disableNested?: boolean): number;
}

declare module "markdown-it/lib/common/utils.mjs" {
  export function normalizeReference(label: string): string;
}

declare module "markdown-it/lib/rules_block/*" {
  import type StateBlock from "markdown-it/lib/rules_block/state_block.mjs";
  export default function rule(state: StateBlock, startLine: number, endLine: number, silent: boolean): boolean;
}

declare module "markdown-it/lib/rules_inline/*" {
  export default function rule(state: object, silent?: boolean): boolean;
}
