// Markdown that grows in the page, at a cost that does not grow with it.
//
// Only the open tail of the text is parsed. A block is finished when the first line of the next block is complete.
// Then its nodes are not touched again, except when a link definition comes late. Inside the tail, finished rows of a
// table and finished items of a list are not parsed again either, and an open code fence needs no parser. After
// finish() the page holds the same as renderOnce() makes of the whole text.

import { countCodePoints } from "../text/code_points";
import { VisibleStream, visible } from "../text/visible";
import { budgetOf, buildBlocks } from "./blocks";
import { create, elementsMade } from "./patch";
import { PlainText } from "./plain";
import { References } from "./references";
import { Tail } from "./tail";

const MAX_MARKDOWN = 1_000_000; // code points: a longer text is shown as it is
// Characters that one append() takes at most. More, if still more is parsed again with them. Each element costs the
// browser time for its layout, so a step of many small ones is shorter: 2,048 characters of `|a|b|`, or more of a long
// text, because a long list or table is laid out anew with each step.
const [LEAST, FIRST, STEP] = [2048, 4096, 16_384];
const ELEMENTS = 1500; // that one step makes, about
const STEPS = 16;
const CHEAP = 2; // ms for a parse. After a longer one the next parse waits until enough text came
const CHARACTERS_PER_MS = 256;
// An open block is parsed again whenever so much of it is new. A block that never ends is parsed about 8 times over.
const NEW_PART = 1 / 8;
const HUGE = 1 << 20; // characters: an open block of half as many is parsed again when it has grown by a half

export interface MarkdownOptions {
  /** Gets each top-level element that will not change any more, and its replacement after a late link definition. */
  finished?: (block: HTMLElement) => void;
}

export class MarkdownStream {
  #root: HTMLElement;
  #onFinished: (block: HTMLElement) => void;
  #input = new VisibleStream();
  #chunks: string[] = []; // the whole text, which may have to be rendered again
  #length = 0; // its code points
  #waiting = ""; // the end of the text, which is not shown yet
  #most = FIRST; // characters that the next step takes
  #cost = 0; // ms of the last parse
  #tail: Tail;
  #plain: PlainText | null = null;

  constructor(container: HTMLElement, options: MarkdownOptions = {}) {
    this.#root = container;
    this.#onFinished = options.finished ?? (() => {});
    this.#tail = new Tail(container, this.#onFinished);
  }

  /** Whether text waits, so that frames stay short. append("") shows it. */
  get isBehind(): boolean {
    return this.#waiting !== "";
  }

  /** Whether more text waits than finish() should take in one frame. append("") shows some of it. */
  get isFarBehind(): boolean {
    return this.#waiting.length > this.#step;
  }

  get #step(): number {
    return Math.max(this.#most, this.#tail.size >> 2, this.#patience());
  }

  /** Appends text. Call it at most once a frame. */
  append(text: string): void {
    this.#take(this.#input.push(text, false));
    const isDue = text === "" || this.#tail.isFence || this.#plain !== null || this.#waiting.length >= this.#patience();
    if (isDue && this.#waiting !== "") this.#write(false);
  }

  /** Ends the text. */
  finish(): void {
    this.#take(this.#input.push("", true));
    while (this.isFarBehind) this.#write(false);
    this.#write(true);
    if (!this.#tail.isCut || this.#plain) return;
    this.#root.replaceChildren();
    render(this.#root, this.#chunks.join(""));
  }

  /** Forgets all text. Another text may follow. */
  clear(): void {
    this.#root.replaceChildren();
    this.#input = new VisibleStream();
    this.#chunks = [];
    this.#length = 0;
    this.#waiting = "";
    this.#most = FIRST;
    this.#cost = 0;
    this.#tail = new Tail(this.#root, this.#onFinished);
    this.#plain = null;
  }

  #take(text: string): void {
    this.#chunks.push(text);
    this.#length += countCodePoints(text);
    this.#waiting += text;
    if (this.#plain || this.#length <= MAX_MARKDOWN) return;
    this.#root.replaceChildren();
    this.#plain = new PlainText(this.#root);
    this.#waiting = this.#chunks.join("");
    this.#chunks = [];
  }

  // How much text must wait for a parse. While parses are cheap or the tail is short, each piece is shown as it comes.
  #patience(): number {
    return Math.max(
      this.#tail.size * Math.max(NEW_PART, this.#tail.size / HUGE),
      this.#cost > CHEAP ? this.#cost * CHARACTERS_PER_MS : 0,
    );
  }

  #write(isLast: boolean): void {
    if (this.#plain) {
      this.#plain.append(this.#waiting);
      this.#waiting = "";
      return;
    }
    let end = Math.min(this.#step, this.#waiting.length);
    if (/[\ud800-\udbff]/.test(this.#waiting.charAt(end - 1))) end += 1;
    const piece = this.#waiting.slice(0, end);
    this.#waiting = this.#waiting.slice(end);
    const [start, before] = [performance.now(), elementsMade()];
    this.#tail.write(piece, this.#length, isLast);
    const fitting = (ELEMENTS / (elementsMade() - before)) * piece.length;
    this.#most = Math.min(Math.max(LEAST, this.#length / STEPS, Math.min(fitting || STEP, 2 * this.#most)), STEP);
    // One slow parse, like the first of a page, does not mean that the next is slow.
    this.#cost = Math.min(performance.now() - start, 2 * this.#cost + CHEAP);
  }
}

/** Renders a whole text into `container`. A stream of the same text ends in the same nodes. */
export function renderOnce(container: HTMLElement, text: string): void {
  render(container, visible(text));
}

function render(container: HTMLElement, text: string): void {
  const length = countCodePoints(text);
  if (length > MAX_MARKDOWN) {
    new PlainText(container).append(text);
    return;
  }
  const { blocks } = buildBlocks(text, new References(), budgetOf(length));
  for (const block of blocks) container.append(...block.nodes.map((node) => create(node)));
}
