// The answer as plain text. Any part of it can be lit without touching the text.
//
// The text stands in blocks that end with a line. A browser lays out a whole text node again when its end changes: in
// one node, a step among 10,000 events took 76 ms.

import { make } from "../dom/elements";
import { canHighlight, sharedHighlight } from "../dom/highlights";
import { lastAtMost } from "../text/search";

const NAME = "streamwidget-wire";
const BLOCK = 1500; // UTF-16 units: a block ends with the first line that makes it as long as this
const LONGEST = 6000; // UTF-16 units: without such a line it ends here

export class AnswerPane {
  readonly root = make("div", "streamwidget-text streamwidget-wire-answer");
  following = true;

  #text = "";
  #length = 0;
  #nodes: Text[] = [];
  #starts: number[] = [0]; // of the blocks of the text so far
  #lit: Range | null = null;
  #boxes = make("div");
  #ownScroll = -1;

  constructor(signal: AbortSignal) {
    this.root.role = "region";
    this.root.tabIndex = 0;
    this.root.ariaLabel = "Answer";
    this.root.addEventListener("scroll", () => {
      const { scrollTop, clientHeight, scrollHeight } = this.root;
      if (Math.abs(scrollTop - this.#ownScroll) > 1) this.following = scrollTop + clientHeight >= scrollHeight - 4;
    });
    signal.addEventListener("abort", () => this.light(0, 0), { once: true });
  }

  /** Shows the first `length` units of `text`. The text only grows. */
  paint(text: string, length: number, hold: boolean): void {
    if (length === this.#length) return;
    this.#text = text;
    this.#findBlocks();
    const count = length === 0 ? 0 : lastAtMost(this.#starts, length - 1) + 1;
    while (this.#nodes.length > count) this.#nodes.pop()?.parentElement?.remove();
    // The blocks before the last one are complete.
    const last = Math.max(0, this.#nodes.length - 1);
    for (let block = last; block < count; block += 1) this.#fill(block, length);
    this.#length = length;
    if (this.following && !hold) this.#scroll(this.root.scrollHeight);
  }

  /** Call it when the size of the text changed. A box that was at the end stays there. */
  resized(): void {
    if (!canHighlight) this.#drawBoxes();
    if (this.following) this.#scroll(this.root.scrollHeight);
  }

  /** Lights the text from `start` to `end`. Nothing is lit if that is empty. */
  light(start: number, end: number): void {
    const highlight = canHighlight ? sharedHighlight(NAME) : null;
    if (this.#lit) highlight?.delete(this.#lit);
    this.#lit = this.#range(start, Math.min(end, this.#length));
    if (this.#lit) highlight?.add(this.#lit);
    if (!highlight) this.#drawBoxes();
  }

  /** Scrolls the box to the lit text. */
  reveal(): void {
    const lit = this.#lit?.getClientRects()[0];
    if (!lit) return;
    const box = this.root.getBoundingClientRect();
    if (lit.top < box.top || lit.bottom > box.bottom) {
      this.#scroll(this.root.scrollTop + lit.top - box.top - (box.height - lit.height) / 2);
    }
  }

  /** The index in the text of the character at a point of the window, or -1. */
  offsetAt(x: number, y: number): number {
    const [node, offset] = caretAt(x, y);
    const block = this.#nodes.indexOf(node as Text);
    if (block < 0) return -1;
    const near = (this.#starts[block] as number) + offset;
    // A caret stands between two characters. The character at the point is on either side.
    for (const at of [near, near - 1]) {
      const start = isLow(this.#text.charCodeAt(at)) ? at - 1 : at;
      const boxes = this.#range(start, start + (isHigh(this.#text.charCodeAt(start)) ? 2 : 1))?.getClientRects() ?? [];
      for (const box of boxes) {
        if (x >= box.left && x < box.right && y >= box.top - 1 && y < box.bottom + 1) return start;
      }
    }
    return -1;
  }

  #findBlocks(): void {
    const text = this.#text;
    for (;;) {
      const start = this.#starts.at(-1) as number;
      let end = text.indexOf("\n", start + BLOCK - 1) + 1;
      if (end === 0 || end > start + LONGEST) {
        end = start + LONGEST;
        if (isLow(text.charCodeAt(end))) end += 1;
      }
      if (end >= text.length) return;
      this.#starts.push(end);
    }
  }

  #fill(block: number, length: number): void {
    let node = this.#nodes[block];
    if (!node) {
      node = document.createTextNode("");
      this.#nodes.push(node);
      const element = make("div");
      element.append(node);
      this.root.append(element);
    }
    const start = this.#starts[block] as number;
    const end = Math.min(this.#starts[block + 1] ?? Number.POSITIVE_INFINITY, length);
    if (end - start > node.length) node.appendData(this.#text.slice(start + node.length, end));
    else if (end - start < node.length) node.deleteData(end - start, node.length);
  }

  /** The range from `start` to `end` in the page. Null if it is empty or not shown. */
  #range(start: number, end: number): Range | null {
    if (start < 0 || start >= end || end > this.#length) return null;
    const range = new Range();
    const [first, last] = [lastAtMost(this.#starts, start), lastAtMost(this.#starts, end - 1)];
    range.setStart(this.#nodes[first] as Text, start - (this.#starts[first] as number));
    range.setEnd(this.#nodes[last] as Text, end - (this.#starts[last] as number));
    return range;
  }

  // Without highlights (Firefox before 140, Safari before 17.2) each line of the lit text has a box behind it.
  #drawBoxes(): void {
    if (!this.#boxes.isConnected) this.root.prepend(this.#boxes);
    const { left, top } = this.#boxes.getBoundingClientRect();
    const boxes = [...(this.#lit?.getClientRects() ?? [])].map((line) => {
      const box = make("div", "streamwidget-wire-lit");
      box.style.inset = `${line.top - top}px auto auto ${line.left - left}px`;
      box.style.width = `${line.width}px`;
      box.style.height = `${line.height}px`;
      return box;
    });
    this.#boxes.replaceChildren(...boxes);
  }

  #scroll(top: number): void {
    this.root.scrollTop = Math.max(0, top);
    this.#ownScroll = this.root.scrollTop;
  }
}

function isHigh(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}

function isLow(unit: number): boolean {
  return unit >= 0xdc00 && unit < 0xe000;
}

// The function of the standard, and Safari's.
function caretAt(x: number, y: number): [Node | null, number] {
  if (typeof document.caretPositionFromPoint === "function") {
    const caret = document.caretPositionFromPoint(x, y);
    return [caret?.offsetNode ?? null, caret?.offset ?? 0];
  }
  const range = document.caretRangeFromPoint?.(x, y);
  return [range?.startContainer ?? null, range?.startOffset ?? 0];
}
