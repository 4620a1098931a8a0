// markdown-it's rules for CommonMark, tables and strikethrough, in its order. Raw HTML is left out, and so are the
// parts of the package that are not used here (typographer, renderer, linkify-it, entity tables). That is 12 of 46 KB
// gzipped.

import * as helpers from "markdown-it/lib/helpers/index.mjs";
import blockquote from "markdown-it/lib/rules_block/blockquote.mjs";
import code from "markdown-it/lib/rules_block/code.mjs";
import fence from "markdown-it/lib/rules_block/fence.mjs";
import heading from "markdown-it/lib/rules_block/heading.mjs";
import hr from "markdown-it/lib/rules_block/hr.mjs";
import list from "markdown-it/lib/rules_block/list.mjs";
import reference from "markdown-it/lib/rules_block/reference.mjs";
import StateBlock from "markdown-it/lib/rules_block/state_block.mjs";
import balancePairs from "markdown-it/lib/rules_inline/balance_pairs.mjs";
import entity from "markdown-it/lib/rules_inline/entity.mjs";
import fragmentsJoin from "markdown-it/lib/rules_inline/fragments_join.mjs";
import newline from "markdown-it/lib/rules_inline/newline.mjs";
import Token from "markdown-it/lib/token.mjs";
import { countCodePoints } from "../text/code_points";
import { backticks } from "./backticks";
import { emphasis, tagPairs } from "./emphasis";
import { formulaBlock, leaf } from "./leaf";
import { autolink, bareLink, link } from "./link_rules";
import { isLink, normalizeLink } from "./links";
import { Formulas, formula } from "./math";
import type { References } from "./references";
import { StateInline } from "./state_inline";
import { table } from "./table";
import { escaped, text } from "./text_rules";

export const MAX_NESTING = 20; // of blocks, for example 9 lists in one another
const MAX_INLINE = 8_192; // code points: a longer paragraph, heading or cell is not parsed
export const MAX_BRACKETS = 5_000; // "[" in all of them together
const MAX_SEARCH = 600_000; // "[" times code points of one of them: for each "[" the rest may be searched

type BlockRule = (state: StateBlock, startLine: number, endLine: number, silent: boolean) => boolean;
type InlineRule = (state: StateInline, silent: boolean) => boolean;

/** The rule of link definitions. It records where each one ends, because one in an unfinished line may change. */
const definition: BlockRule = (state, startLine, endLine, silent) => {
  const found = reference(state, startLine, endLine, silent);
  if (found) (state.env as { found: References }).found.ended(state.line);
  return found;
};

/** The rule of line breaks in a table's cell, which has no other ones: `a<br>b`. Elsewhere `<br>` is text. */
const lineBreak: InlineRule = (state, silent) => {
  const { isCell } = state.env as { isCell?: boolean };
  const found = isCell && /^<br[ \t]*\/?>/i.exec(state.src.slice(state.pos, state.posMax));
  if (!found) return false;
  if (!silent) state.push("br", "br", 0);
  state.pos += found[0].length;
  return true;
};

// The block rules in order, each with the blocks that it may end. A `# heading` ends a paragraph, an indented `code`
// block does not.
const BLOCK: [BlockRule, string][] = [
  [formulaBlock, "paragraph reference blockquote list"],
  [table, "paragraph reference"],
  [code, ""],
  [fence, "paragraph reference blockquote list"],
  [blockquote, "paragraph reference blockquote list"],
  [hr, "paragraph reference blockquote list"],
  [list, "paragraph reference blockquote"],
  [definition, ""],
  [heading, "paragraph reference blockquote"],
  [leaf, ""],
];
const BLOCK_RULES: Record<string, BlockRule[]> = { "": BLOCK.map(([rule]) => rule) };
for (const name of ["paragraph", "reference", "blockquote", "list"]) {
  BLOCK_RULES[name] = [quick(BLOCK.filter(([, ends]) => ends.split(" ").includes(name)).map(([rule]) => rule))];
}

// No block but a table begins with a letter. In a quote of 18 levels each line goes through the rules 18 times.
function quick(rules: BlockRule[]): BlockRule {
  const tables = rules.filter((rule) => rule === table);
  return (state, line, endLine, silent) => {
    const start = (state.bMarks[line] as number) + (state.tShift[line] as number);
    const isLetter =
      start < (state.eMarks[line] as number) && /[a-zA-Z\u0400-\u1fff\u3040-\uffdc]/.test(state.src[start] ?? "");
    return (isLetter ? tables : rules).some((rule) => rule(state, line, endLine, silent));
  };
}

const INLINE: InlineRule[] = [
  text,
  bareLink,
  newline,
  formula,
  escaped,
  backticks,
  emphasis,
  link,
  lineBreak,
  autolink,
  entity,
];
const AFTER = [balancePairs, tagPairs, joinSpecial, fragmentsJoin];

// The parts of a MarkdownIt object that its rules use.
const md = {
  options: { html: false, maxNesting: MAX_NESTING },
  helpers,
  normalizeLink,
  normalizeLinkText: (url: string) => url,
  validateLink: isLink,
  block: { ruler: { getRules: (name: string) => BLOCK_RULES[name] }, tokenize: tokenizeBlocks },
  inline: { tokenize: tokenizeInline, skipToken, parse: parseInlineTokens },
};

function tokenizeBlocks(state: StateBlock, startLine: number, endLine: number): void {
  let line = startLine;
  let emptyLines = false;
  while (line < endLine) {
    line = state.skipEmptyLines(line);
    state.line = line;
    if (line >= endLine || (state.sCount[line] as number) < state.blkIndent) break;
    if (state.level >= MAX_NESTING) {
      state.line = endLine; // the text is not in the tokens. blocks.ts looks for this level and shows it as typed
      break;
    }
    for (const rule of BLOCK_RULES[""] as BlockRule[]) if (rule(state, line, endLine, false)) break;
    state.tight = !emptyLines;
    line = state.line;
    if (state.isEmpty(line - 1)) emptyLines = true;
    if (line < endLine && state.isEmpty(line)) {
      emptyLines = true;
      line += 1;
      state.line = line;
    }
  }
}

function skipToken(state: StateInline): void {
  const { pos, cache } = state;
  const known = cache[pos];
  if (known !== undefined) {
    state.pos = known;
    return;
  }
  let ok = false;
  if (state.level < MAX_NESTING) {
    for (const rule of INLINE) {
      state.level += 1;
      ok = rule(state, true);
      state.level -= 1;
      if (ok) break;
    }
  } else {
    state.pos = state.posMax;
  }
  if (!ok) state.pos += 1;
  cache[pos] = state.pos;
}

function tokenizeInline(state: StateInline): void {
  while (state.pos < state.posMax) {
    if (state.level < MAX_NESTING && INLINE.some((rule) => rule(state, false))) continue;
    state.pending += state.src[state.pos];
    state.pos += 1;
  }
  if (state.pending) state.pushPending();
}

// Lets escaped characters and character references be joined with the text around them.
function joinSpecial({ tokens }: StateInline): void {
  for (const token of tokens) if (token.type === "text_special") token.type = "text";
}

function parseInlineTokens(source: string, _md: object, env: object, tokens: Token[]): void {
  const state = new StateInline(source, md, env, tokens);
  tokenizeInline(state);
  for (const rule of AFTER) rule(state);
}

export type Parsed = {
  tokens: Token[];
  pending: number; // the line from which on the blocks may still become a formula. Infinity if they cannot
};

/**
 * Block tokens of `source`. Link definitions go into `references`. The texts of the leaves are not parsed yet.
 *
 * @param isOpen more text may come
 * @param spare  what is left after the first row of the first table
 */
export function parseBlocks(source: string, references: References, isOpen: boolean, spare?: number): Parsed {
  const tokens: Token[] = [];
  const formulas = { formulas: new Formulas(source, true), isOpen, open: "", pending: Number.POSITIVE_INFINITY };
  const env = { references: references.proxy, found: references, spare, ...formulas };
  if (source !== "") {
    const state = new StateBlock(source, md, env, tokens);
    tokenizeBlocks(state, 0, state.lineMax);
  }
  return { tokens, pending: env.pending };
}

/** Inline tokens of one leaf's text. */
export function parseInline(source: string, references: References, isCell: boolean): Token[] {
  const brackets = source.split("[").length - 1;
  const isLong = (size: number) => size > MAX_INLINE || brackets * size > MAX_SEARCH;
  if (isLong(source.length) && isLong(countCodePoints(source))) return unparsed(source);
  const tokens: Token[] = [];
  parseInlineTokens(source, md, { references: references.proxy, isCell }, tokens);
  return tokens;
}

/** A leaf's text as it was typed. */
export function unparsed(source: string): Token[] {
  const token = new Token("text", "", 0);
  token.content = source;
  return [token];
}
