// The top-level blocks of a piece of Markdown: their lines and their nodes.

import type Token from "markdown-it/lib/token.mjs";
import type { References } from "./references";
import { MAX_NESTING, parseBlocks, parseInline, unparsed } from "./rules";
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
};

/** How many characters of link addresses, and how many "[" in the leaves, are still allowed. */
export type Budget = { addresses: number; brackets: number };

export type Build = {
  blocks: Block[];
  lines: number[];
  left: Budget;
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
 */
export function buildBlocks(
  source: string,
  references: References,
  budget: Budget,
  preview?: (text: string) => string,
  parsed?: (lines: number) => void,
): Build {
  const tokens = parseBlocks(source, references, preview !== undefined);
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
        const isWhole = isFormula || (count > 0 && left.brackets < 0);
        token.children = isWhole ? unparsed(text) : parseInline(text, references, tag[0] === "t");
      });
      return writer.blocks(group);
    });
    const shown = nodes[0];
    if (shown && !isText(shown) && hasDirection(shown)) shown.attributes.dir = "auto";
    left.addresses -= writer.spent;
    const starts = items.map((item) => item.map?.[0] ?? 0);
    return { open: first, start, end, items: starts, isDeep, nodes, asked, brackets };
  });
  return { blocks, lines, left };
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

// A browser looks for the first letter again with each change. So a block gets dir="auto" only if a letter is near.
function hasDirection(block: VElement): boolean {
  return block.tag !== "pre" && /\p{L}/u.test(leadingText(block, 200));
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
