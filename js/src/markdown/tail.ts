// The open end of the text: what of it is parsed again with each piece, and what is behind us.

import { type Block, type Budget, buildBlocks } from "./blocks";
import { Container } from "./container";
import { closingLine, OpenFence } from "./fence";
import { FinishedBlocks } from "./finished";
import { closeMarkers, holdLines } from "./hold";
import { patch } from "./patch";
import { References } from "./references";
import { MAX_BRACKETS } from "./rules";
import { isText, type VElement, type VNode } from "./tree";
import { codeBlock } from "./writer";

// Blocks that may be skipped while they are off screen. Not a list or quote with paragraphs in it: their margins would
// no longer collapse with those of the neighbours.
const SKIPPABLE = "p, h1, h2, h3, h4, h5, h6, pre, :is(ul, ol):not(:has(p, pre, blockquote))";

export class Tail {
  /** There were more link addresses than the budget allows; which of them go depends on all that comes. */
  isCut = false;
  #root: HTMLElement;
  #tell: (block: HTMLElement) => void;
  #text = "";
  #view: VNode[] = []; // its nodes in the page
  #references = new References();
  #finished: FinishedBlocks;
  #container: Container | null = null;
  #isWhole = false; // the open block is not taken apart
  #fence: OpenFence | null = null;
  #brackets = MAX_BRACKETS; // that are left behind the finished blocks

  /** `tell` gets each element that is finished. */
  constructor(root: HTMLElement, tell: (block: HTMLElement) => void) {
    this.#root = root;
    this.#tell = tell;
    this.#finished = new FinishedBlocks(this.#references, (element) => this.#done(element));
  }

  /** Characters that the next parse takes. */
  get size(): number {
    return this.#text.length;
  }

  get isFence(): boolean {
    return this.#fence !== null;
  }

  /** Append `text` and show it. `addresses` bounds the characters of all link addresses. */
  write(text: string, addresses: number, isLast = false): void {
    let rest = text;
    if (this.#fence) {
      const after = this.#fence.append(text, isLast);
      if (after === null && !isLast) return;
      this.#done(this.#fence.element);
      this.#fence = null;
      rest = after ?? "";
    }
    this.#text += rest;
    this.#show(addresses, isLast);
    if (!isLast) return;
    this.#container?.restore(this.#view[0]);
    for (const node of this.#view) if (!isText(node)) this.#done(node.dom as HTMLElement);
  }

  #show(addresses: number, isLast: boolean): void {
    const prefix = this.#container?.prefix ?? "";
    const source = isLast ? prefix + this.#text : holdLines(prefix + this.#text);
    const budget: Budget = {
      addresses: addresses - this.#finished.addresses,
      brackets: this.#brackets - (this.#container?.brackets ?? 0),
    };
    this.#references.begin();
    const build = buildBlocks(
      source,
      this.#references,
      budget,
      isLast ? undefined : closeMarkers,
      isLast ? undefined : (line) => this.#references.cutAfter(line),
    );
    const { blocks, lines, left } = build;
    const changed = this.#references.changed();
    if (this.#container) {
      // Which brackets are too many depends on their order, and the stub is out of it.
      const isCrossing = this.#brackets >= 0 && left.brackets < 0;
      const verdict = blocks[0] && !isCrossing ? this.#container.strip(blocks[0]) : "whole";
      if (verdict !== "fits" || changed.some((label) => this.#container?.asked.has(label))) {
        this.#dissolve(this.#container, verdict === "whole");
        this.#show(addresses, isLast);
        return;
      }
    }
    this.isCut ||= left.addresses < 0;
    const nodes = blocks.flatMap((block) => block.nodes);
    patch(this.#root, this.#view, nodes);
    this.#view = nodes;
    this.#references.settle();
    this.#finished.changed(changed);
    this.isCut ||= !this.#finished.refresh(addresses);
    if (!isLast && blocks.length > 0) this.#leaveBehind(blocks, source, lines, prefix.length);
  }

  // What was behind us inside the open block is in the tail again.
  #dissolve(container: Container, isWhole: boolean): void {
    container.restore(this.#view[0]);
    this.#text = container.source + this.#text;
    this.#container = null;
    this.#isWhole ||= isWhole;
  }

  #leaveBehind(blocks: Block[], source: string, lines: number[], offset: number): void {
    const isWholeLine = (line: number) => source[(lines[line + 1] ?? 0) - 1] === "\n";
    const newest = blocks.at(-1) as Block;
    // A fence with a "|" may be the head of a table, as the line below tells.
    const opening = newest.open.info.includes("|") ? newest.start + 1 : newest.start;
    const isFence = newest.open.type === "fence" && isWholeLine(opening);
    const last = source.slice(lines[newest.end - 1], lines[newest.end]);
    const isClosed =
      isFence && newest.end - 1 > newest.start && closingLine(newest.open.markup).test(last.replace(/\n$/, ""));
    // A block is finished when the first line of the next is complete; a fence, with its closing line.
    const count = blocks.length - (isClosed && last.endsWith("\n") ? 0 : isWholeLine(newest.start) ? 1 : 2);
    const text = this.#text;
    if (count > 0) this.#finish(blocks.slice(0, count), source, lines, offset);
    if (isFence && !isClosed) {
      this.#references.fix(newest.start);
      this.#openFence(newest, source, lines, text.slice((lines[newest.start + 1] as number) - offset));
    } else if (count === blocks.length - 1 || blocks.length === 1) {
      this.#advance(newest, source, lines, count > 0 ? (lines[blocks[count - 1]?.end ?? 0] as number) : offset);
    }
  }

  #finish(blocks: Block[], source: string, lines: number[], offset: number): void {
    let start = offset;
    blocks.forEach((block, index) => {
      const container = index === 0 ? this.#container : null;
      container?.restore(block.nodes[0]);
      const end = lines[block.end] as number;
      const text = (container?.source ?? "") + source.slice(start, end);
      this.#finished.add(text, block.nodes, [...block.asked, ...(container?.asked ?? [])], this.#brackets);
      this.#brackets -= (container?.brackets ?? 0) + block.brackets.reduce((sum, [, count]) => sum + count, 0);
      this.#done((block.nodes[0] as VElement).dom as HTMLElement);
      start = end;
    });
    this.#references.fix(blocks.at(-1)?.end ?? 0);
    this.#text = this.#text.slice(start - offset);
    this.#view = this.#view.slice(2 * blocks.length);
    this.#container = null;
    this.#isWhole = false;
  }

  // `origin` is where the tail starts in `source`.
  #advance(block: Block, source: string, lines: number[], origin: number): void {
    if (this.#isWhole || !Container.fits(block)) return;
    const container = this.#container ?? new Container(block, source, lines);
    const boundary = container.advance(block, source, lines, this.#container ? 1 : 0);
    if (boundary < 0) return;
    this.#container = container;
    this.#references.fix(boundary);
    this.#text = this.#text.slice((lines[boundary] as number) - origin);
  }

  #openFence(block: Block, source: string, lines: number[], rest: string): void {
    const nodes: VNode[] = [codeBlock(block.open.info, ""), { text: "\n" }];
    patch(this.#root, this.#view, nodes);
    const indent = /^ */.exec(source.slice(lines[block.start]))?.[0].length ?? 0;
    this.#fence = new OpenFence((nodes[0] as VElement).dom as HTMLElement, block.open.markup, indent);
    this.#view = [];
    this.#text = "";
    this.#fence.append(rest, false);
  }

  #done(block: HTMLElement): void {
    if (block.matches(SKIPPABLE)) block.classList.add("streamwidget-finished");
    this.#tell(block);
  }
}
