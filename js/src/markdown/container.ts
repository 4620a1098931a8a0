// A list or table that is still open. Its finished items or rows are done, which means that they are not parsed again.
// The open ones are parsed behind a stub, so that they stay what they are: behind an item, or below the head of the
// table. For example, after `- a` and `- b` are done, the item `- c` is parsed as `-    0` and `- c`.

import type { Block } from "./blocks";
import { LongTable } from "./long_table";
import { References } from "./references";
import { parseBlocks } from "./rules";
import { isText, type VElement, type VNode } from "./tree";

export class Container {
  /** The Markdown of the done items or rows. */
  source = "";
  /** Their nodes, before the open ones: line break, item, line break, item, ... */
  readonly done: VNode[] = [];
  readonly asked = new Set<string>();
  /** How many "[" their leaves have. */
  brackets = 0;
  /** Of a table: what is left for short rows after the done ones. */
  spare: number | undefined;
  #isList: boolean;
  #marker = ""; // of a list
  #head = ""; // of a table, two lines
  #isLoose = false; // the done items make the list loose, whatever comes
  #direction = ""; // by the first letter
  #looksLoose = false; // the done items are shown as in a loose list
  #table: LongTable | null = null;

  constructor(block: Block, source: string, lines: number[]) {
    this.#isList = block.open.type !== "table_open";
    if (this.#isList) {
      const { markup } = block.open;
      const ordered = block.open.type === "ordered_list_open";
      this.#marker = ordered ? `${block.open.attrs?.[0]?.[1] ?? 1}${markup}` : markup;
    } else {
      this.#head = source.slice(lines[block.start], lines[block.start + 2]);
      this.source = this.#head;
    }
  }

  static fits(block: Block): boolean {
    return !block.isDeep && /^(?:table|bullet_list|ordered_list)_open$/.test(block.open.type);
  }

  get prefix(): string {
    // The stub's text is indented so far that no later item can be inside it. It is not a letter, because then the
    // block would get a direction, and without a letter in its items a browser would read them all with each change.
    return this.#isList ? this.#stub(this.#isLoose) : `${this.#head}|\\||\n`;
  }

  #stub(isLoose: boolean): string {
    return `${this.#marker}    0\n${isLoose ? "\n" : ""}`;
  }

  /**
   * Takes the stub out of `block`. "fits": all is well. "again": the done items must be parsed again with the open
   * ones. "whole": the same, and from now on the block is always parsed whole.
   */
  strip(block: Block): "fits" | "again" | "whole" {
    const body = block.isDeep ? undefined : this.bodyOf(block.nodes[0]);
    const [, stub] = body?.children.splice(0, 2) ?? [];
    if (!body || !stub || isText(stub)) return "whole";
    if (this.#direction) (block.nodes[0] as VElement).attributes.dir = this.#direction;
    return this.#isList && isLoose(stub) !== this.#looksLoose ? "again" : "fits";
  }

  /** Gives `block` the done nodes. */
  restore(block: VNode | undefined): void {
    this.#table?.release();
    const body = this.bodyOf(block);
    if (body) body.children = this.done.concat(body.children); // a call takes no 100,000 arguments
  }

  /** The element that holds the items or rows. */
  bodyOf(root: VNode | undefined): VElement | undefined {
    if (!root || isText(root)) return undefined;
    if (this.#isList) return root.tag === "ul" || root.tag === "ol" ? root : undefined;
    return root.children.find((child): child is VElement => !isText(child) && child.tag === "tbody");
  }

  /** Moves the finished items or rows of `block` to the done ones. Returns the first line of the open ones, or -1. */
  advance(block: Block, source: string, lines: number[], skipped: number): number {
    const isWhole = (line: number) => source[(lines[line + 1] ?? 0) - 1] === "\n";
    const starts = this.#isList ? block.items : range(block.start + 2, block.end);
    let past = starts.length;
    // A row is finished when its line is. An item is finished when the first line of the next item is.
    if (this.#isList) past -= isWhole(starts.at(-1) ?? 0) ? 1 : 2;
    else if (past > 0 && !isWhole(starts[past - 1] as number)) past -= 1;
    const body = this.bodyOf(block.nodes[0]);
    const count = past - skipped;
    if (count <= 0 || !body) return -1;
    this.#direction = (block.nodes[0] as VElement).attributes.dir ?? "";
    const moved = body.children.slice(0, 2 * count);
    const boundary = this.#isList ? (starts[past] as number) : block.start + 2 + past;
    const piece = source.slice(lines[starts[skipped] as number], lines[boundary]);
    if (this.#isList) {
      // Items without a paragraph do not show it.
      if (this.done.length === 0)
        this.#looksLoose = this.#makesLoose(source.slice(lines[block.start], lines[block.end]));
      this.#isLoose ||= this.#makesLoose(piece + source.slice(lines[boundary], lines[boundary + 1]));
    } else {
      this.spare = block.spare[past - 1];
      this.#table ??= new LongTable((block.nodes[0] as VElement).dom as HTMLElement, body.dom as HTMLElement);
      this.#table.grow();
    }
    body.children.splice(0, 2 * count);
    for (const node of moved) this.done.push(node);
    this.source += piece;
    for (const label of block.asked) this.asked.add(label);
    const first = starts[skipped] as number;
    for (const [line, count] of block.brackets) if (line >= first && line < boundary) this.brackets += count;
    return boundary;
  }

  #makesLoose(items: string): boolean {
    const { tokens } = parseBlocks(this.#stub(this.#isLoose) + items, new References(), false);
    return tokens[2]?.hidden === false; // the stub's paragraph, behind the list and its first item
  }
}

function isLoose(item: VElement): boolean {
  return item.children.some((child) => !isText(child) && child.tag === "p");
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index);
}
