// The top-level blocks of a piece of Markdown: their lines and their nodes.

import type Token from "markdown-it/lib/token.mjs";
import { RIGHT_TO_LEFT } from "./links";
import type { References } from "./references";
import { MAX_BRACKETS, MAX_NESTING, parseBlocks, parseInline, unparsed } from "./rules";
import { element, isText, type VElement, type VNode } from "./tree";
import { Writer } from "./writer";

export type Block = {
  open: Token;
  start: number; // first line
  end: number; // line after the last
  items: number[]; // of a list: the first lines of its items
  isDeep: boolean; // nested too deep, so shown as text
  nodes: VNode[]; // an element and the line break after it
  asked: Set<string>; // the link labels that it looks up
  brackets: [line: number, count: number][]; // of the leaves with a "["
  spare: number[]; // of a table: the characters that are left for short rows after each row
};

/** How much is still allowed: characters of links, "[" in the leaves. */
export type Budget = { addresses: number; brackets: number };

/** The budget of a whole text of `length` code points. streamwidget/_saved/markdown.py and html.py have the same. */
export function budgetOf(length: number): Budget {
  return { addresses: 12 * length + 1024, brackets: MAX_BRACKETS };
}

export type Build = {
  blocks: Block[];
  lines: number[];
  left: Budget;
  pending: number; // the line from which on the blocks may still become a formula. Infinity if they cannot
};

const TASK = /^\[([ xX])\](?=[ \t])/;

/** The starts of the lines of `source`, and its end. For example "a\nbc" gives [0, 2, 4]. */
function lineStarts(source: string): number[] {
  const starts = [0];
  for (let at = source.indexOf("\n"); at >= 0; at = source.indexOf("\n", at + 1)) starts.push(at + 1);
  if (starts.at(-1) !== source.length) starts.push(source.length);
  return starts;
}

/**
 * Parses `source` and builds its blocks.
 *
 * @param preview changes the text of the last leaf, if more text may come to it
 * @param parsed  is called after the blocks were parsed, and before their contents are
 * @param spare   what is left after the first row of the first table
 */
export function buildBlocks(
  source: string,
  references: References,
  budget: Budget,
  preview?: (text: string) => string,
  parsed?: (lines: number) => void,
  spare?: number,
): Build {
  const { tokens, pending } = parseBlocks(source, references, preview !== undefined, spare);
  const lines = lineStarts(source);
  const count = lines.length - 1;
  parsed?.(source.endsWith("\n") ? count : count - 1);
  const groups = split(tokens);
  const open = preview ? openLeaf(groups.at(-1) ?? [], count, !source.endsWith("\n")) : undefined;
  const left = { ...budget };
  const blocks = groups.map((group): Block => {
    const [first] = group as [Token];
    const [start, end] = first.map ?? [0, 0];
    const isDeep = group.some((token) => token.level >= MAX_NESTING - 1);
    const items = group.filter((token) => token.level === 1 && token.type === "list_item_open");
    const brackets: Block["brackets"] = [];
    let line = start;
    const writer = new Writer(left.addresses);
    const [nodes, asked] = references.record((): VNode[] => {
      if (isDeep) return asTyped(source.slice(lines[start], lines[end]));
      group.forEach((token, index) => {
        line = token.map?.[0] ?? line;
        if (token.type !== "inline") return;
        let text = token.content.trim(); // as Python does. markdown-it trims only ASCII
        // `- [x] done` -> `☑ done`. The sanitizer of a notebook would remove an input element.
        const { tag, markup } = group[index - 1] as Token;
        if (group[index - 2]?.type === "list_item_open") text = text.replace(TASK, (_, x) => (x === " " ? "☐" : "☑"));
        const count = text.split("[").length - 1;
        left.brackets -= count;
        if (count > 0) brackets.push([line, count]);
        const isFormula = tag === "p" && markup !== "";
        if (preview && token === open && !isFormula) text = preview(text);
        const isWhole = count > 0 && left.brackets < 0;
        const end = isFormula ? openFormula(text) : text.length;
        token.children = isWhole ? [] : parseInline(text.slice(0, end), references, tag[0] === "t");
        if (isWhole || isFormula) token.children.push(...unparsed(text.slice(isWhole ? 0 : end)));
      });
      return writer.blocks(group);
    });
    const shown = nodes[0];
    if (shown && !isText(shown) && shown.tag !== "pre") setDirection(shown);
    left.addresses -= writer.spent;
    const starts = items.map((item) => item.map?.[0] ?? 0);
    return { open: first, start, end, items: starts, isDeep, nodes, asked, brackets, spare: first.meta ?? [] };
  });
  return { blocks, lines, left, pending };
}

// Where a formula begins that has no closing mark yet: at the start, or at the end of a line.
function openFormula(text: string): number {
  return /^(?:\$\$|\\[[b])/.test(text)
    ? 0
    : Math.max(0, text.search(/(?:\$\$|\\\[|\\begin\{[a-zA-Z*]+\})[ \t]*(?:\n|$)/));
}

function split(tokens: Token[]): Token[][] {
  const groups: Token[][] = [];
  let start = 0;
  tokens.forEach((token, index) => {
    if (token.level > 0 || token.nesting > 0) return;
    groups.push(tokens.slice(start, index + 1));
    start = index + 1;
  });
  return groups;
}

// The leaf to which more text may come: a paragraph at the end, or the line that is being written. Undefined if none.
function openLeaf(group: Token[], lines: number, inLine: boolean): Token | undefined {
  const isTable = group[0]?.type === "table_open";
  let index = group.length - 1;
  while (index >= 0 && (group[index]?.type !== "inline" || (isTable && group[index]?.content === ""))) index -= 1;
  const leaf = group[index];
  const end = isTable ? group[0]?.map?.[1] : leaf?.map?.[1];
  return end === lines && (inLine || group[index - 1]?.type === "paragraph_open") ? leaf : undefined;
}

// The direction of the first letter, as a browser finds it for dir="auto". With that, Chromium looks at all children of
// the block again whenever one is added. Not every saved answer has it, so it is only looked for near the beginning.
function setDirection(block: VElement): void {
  const letter = /\p{L}/u.exec(leadingText(block, 200))?.[0];
  if (letter) block.attributes.dir = letter.search(RIGHT_TO_LEFT) < 0 ? "ltr" : "rtl";
}

function leadingText(node: VNode, limit: number): string {
  if (isText(node)) return node.text.slice(0, limit);
  let text = "";
  for (const child of node.children) {
    if (text.length >= limit) break;
    text += leadingText(child, limit - text.length) || " ";
  }
  return text;
}

// A block that is nested too deep is shown as it was typed.
function asTyped(text: string): VNode[] {
  return [element("pre", { style: "white-space:pre-wrap" }, [{ text: text.replace(/\n$/, "") }]), { text: "\n" }];
}
