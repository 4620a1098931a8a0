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
    hidden: boolean;
  }
}

declare module "markdown-it/lib/rules_block/state_block.mjs" {
  import type Token from "markdown-it/lib/token.mjs";
  export default class StateBlock {
    constructor(src: string, md: object, env: object, tokens: Token[]);
    env: object;
    line: number;
    lineMax: number;
    level: number;
    blkIndent: number;
    sCount: number[];
    tight: boolean;
    isEmpty(line: number): boolean;
    skipEmptyLines(from: number): number;
  }
}

declare module "markdown-it/lib/rules_inline/state_inline.mjs" {
  import type Token from "markdown-it/lib/token.mjs";
  export default class StateInline {
    constructor(src: string, md: object, env: object, tokens: Token[]);
    src: string;
    pos: number;
    posMax: number;
    level: number;
    linkLevel: number;
    pending: string;
    cache: Record<number, number>;
    pushPending(): Token;
    push(type: string, tag: string, nesting: -1 | 0 | 1): Token;
  }
}

declare module "markdown-it/lib/helpers/index.mjs";

declare module "markdown-it/lib/rules_block/*" {
  import type StateBlock from "markdown-it/lib/rules_block/state_block.mjs";
  export default function rule(state: StateBlock, startLine: number, endLine: number, silent: boolean): boolean;
}

declare module "markdown-it/lib/rules_inline/*" {
  import type StateInline from "markdown-it/lib/rules_inline/state_inline.mjs";
  export default function rule(state: StateInline, silent?: boolean): boolean;
}

declare module "markdown-it/lib/rules_inline/emphasis.mjs" {
  import type StateInline from "markdown-it/lib/rules_inline/state_inline.mjs";

  const rules: {
    tokenize(state: StateInline, silent: boolean): boolean;
    postProcess(state: StateInline): void;
  };
  export default rules;
}

declare module "markdown-it/lib/rules_inline/strikethrough.mjs" {
  export { default } from "markdown-it/lib/rules_inline/emphasis.mjs";
}
