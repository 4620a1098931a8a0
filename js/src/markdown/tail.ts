// The open end of the text. It is parsed again with each piece. Parts of it that are finished leave it, and are done.

import { type Block, type Budget, type Build, budgetOf, buildBlocks } from "./blocks";
import { Container } from "./container";
import { closingLine, OpenFence } from "./fence";
import { FinishedBlocks } from "./finished";
import { closeMarkers, holdLines } from "./hold";
import { patch } from "./patch";
import { References } from "./references";
import { isText, type VElement, type VNode } from "./tree";
import { codeBlock } from "./writer";

// Blocks that the browser may skip while they are off the screen. A list or quote with paragraphs is not among them:
// its margins would no longer collapse with those of the neighbours.
const isSkippable = (block: HTMLElement) =>
  /^(?:P|H\d|PRE)$/.test(block.tagName) || (/L$/.test(block.tagName) && !block.querySelector("p, pre, blockquote"));

export class Tail {
  /** The text has more links than the budget allows. The whole text decides which of them are dropped. */
  isCut = false;
  #root: HTMLElement;
  #onFinished: (block: HTMLElement) => void;
  #text = "";
  #view: VNode[] = []; // its nodes in the page
  #references = new References();
  #finished: FinishedBlocks;
  #container: Container | null = null;
  #isWhole = false; // the open block is always parsed whole
  #fence: OpenFence | null = null;
  #brackets = 0; // of the finished blocks

  /** `onFinished` gets each finished element. */
  constructor(root: HTMLElement, onFinished: (block: HTMLElement) => void) {
    this.#root = root;
    this.#onFinished = onFinished;
    this.#finished = new FinishedBlocks(this.#references, (element) => this.#done(element));
  }

  /** How many characters the next parse reads. */
  get size(): number {
    return this.#text.length;
  }

  get isFence(): boolean {
    return this.#fence !== null;
  }

  /** Appends `text` and shows it. `length` is that of the whole text. */
  write(text: string, length: number, isLast = false): void {
    let rest = text;
    if (this.#fence) {
      const after = this.#fence.append(text, isLast);
      if (after === null && !isLast) return;
      this.#done(this.#fence.element);
      this.#fence = null;
      rest = after ?? "";
    }
    this.#text += rest;
    this.#show(budgetOf(length), isLast);
    if (!isLast) return;
    this.#container?.restore(this.#view[0]);
    for (const node of this.#view) if (!isText(node)) this.#done(node.dom as HTMLElement);
  }

  #show(whole: Budget, isLast: boolean): void {
    const prefix = this.#container?.prefix ?? "";
    const source = isLast ? prefix + this.#text : holdLines(prefix + this.#text);
    const budget: Budget = {
      addresses: whole.addresses - this.#finished.addresses,
      brackets: whole.brackets - this.#brackets - (this.#container?.brackets ?? 0),
    };
    this.#references.begin();
    const build = buildBlocks(
      source,
      this.#references,
      budget,
      isLast ? undefined : closeMarkers,
      isLast ? undefined : (line) => this.#references.cutAfter(line),
      this.#container?.spare,
    );
    const { blocks, left } = build;
    const changed = this.#references.changed();
    if (this.#container) {
      // The first brackets count, in the order of the text. With a stub that order is not known.
      const isCrossing = whole.brackets >= this.#brackets && left.brackets < 0;
      const verdict = blocks[0] && !isCrossing ? this.#container.strip(blocks[0]) : "whole";
      if (verdict !== "fits" || changed.some((label) => this.#container?.asked.has(label))) {
        this.#dissolve(this.#container, verdict === "whole");
        this.#show(whole, isLast);
        return;
      }
    }
    this.isCut ||= left.addresses < 0;
    const nodes = blocks.flatMap((block) => block.nodes);
    patch(this.#root, this.#view, nodes);
    this.#view = nodes;
    this.#references.settle();
    this.#finished.changed(changed);
    this.isCut ||= !this.#finished.refresh(whole.addresses);
    if (!isLast && blocks.length > 0) this.#leaveBehind(build, source, prefix.length, whole);
  }

  // Puts the done items or rows of the open block back into the tail.
  #dissolve(container: Container, isWhole: boolean): void {
    container.restore(this.#view[0]);
    this.#text = container.source + this.#text;
    this.#container = null;
    this.#isWhole ||= isWhole;
  }

  #leaveBehind({ blocks, lines, pending }: Build, source: string, offset: number, whole: Budget): void {
    const isWholeLine = (line: number) => source[(lines[line + 1] ?? 0) - 1] === "\n";
    const newest = blocks.at(-1) as Block;
    // A fence with a "|" may be the head of a table. The next line decides.
    const opening = newest.open.info.includes("|") ? newest.start + 1 : newest.start;
    const isFence = newest.open.type === "fence" && isWholeLine(opening);
    const last = source.slice(lines[newest.end - 1], lines[newest.end]);
    const isClosed =
      isFence && newest.end - 1 > newest.start && closingLine(newest.open.markup).test(last.replace(/\n$/, ""));
    // A table is one when the line below its head is whole. A formula without its closing mark may still turn out to be
    // something else.
    const isTable = newest.open.type === "table_open";
    const isKnown = isWholeLine(newest.start + (isTable ? 1 : 0)) && !(newest.open.tag === "p" && newest.open.markup);
    // A block is finished when the first line of the next is complete. A fence is finished with its closing line.
    let count = blocks.length - (isClosed && last.endsWith("\n") ? 0 : isKnown ? 1 : 2);
    const isPending = pending < newest.end;
    if (isPending) count = Math.min(count, blocks.filter(({ end }) => end <= pending).length);
    const text = this.#text;
    if (count > 0) this.#finish(blocks.slice(0, count), source, lines, offset, whole);
    if (isPending) return;
    if (isFence && !isClosed) {
      this.#references.fix(newest.start);
      this.#openFence(newest, source, lines, text.slice((lines[newest.start + 1] as number) - offset));
    } else if (count === blocks.length - 1 || blocks.length === 1) {
      this.#advance(newest, source, lines, count > 0 ? (lines[blocks[count - 1]?.end ?? 0] as number) : offset);
    }
  }

  #finish(blocks: Block[], source: string, lines: number[], offset: number, whole: Budget): void {
    let start = offset;
    blocks.forEach((block, index) => {
      const container = index === 0 ? this.#container : null;
      container?.restore(block.nodes[0]);
      const end = lines[block.end] as number;
      const text = (container?.source ?? "") + source.slice(start, end);
      const budget = { ...whole, brackets: whole.brackets - this.#brackets };
      this.#finished.add(text, block.nodes, [...block.asked, ...(container?.asked ?? [])], budget);
      this.#brackets += (container?.brackets ?? 0) + block.brackets.reduce((sum, [, count]) => sum + count, 0);
      this.#done((block.nodes[0] as VElement).dom as HTMLElement);
      start = end;
    });
    this.#references.fix(blocks.at(-1)?.end ?? 0);
    this.#text = this.#text.slice(start - offset);
    this.#view = this.#view.slice(2 * blocks.length);
    this.#container = null;
    this.#isWhole = false;
  }

  // `origin` is the start of the tail in `source`.
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
    if (isSkippable(block)) block.classList.add("streamwidget-finished");
    this.#onFinished(block);
  }
}
