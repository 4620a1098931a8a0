// The answer as plain text in one text node, a part of which can be lit without touching the text.

import { make } from "../dom";

const NAME = "streamwidget-wire";

// One for all views of the page: a style sheet knows highlights by their name.
function sharedHighlight(): Highlight | null {
  if (typeof Highlight === "undefined" || !CSS.highlights) return null;
  let shared = CSS.highlights.get(NAME);
  if (!shared) {
    shared = new Highlight();
    CSS.highlights.set(NAME, shared);
  }
  return shared;
}

export class Answer {
  readonly root = make("div", "streamwidget-text streamwidget-wire-answer");
  following = true;

  #node = document.createTextNode("");
  #lit: Range | null = null;
  #ownScroll = -1;

  constructor(signal: AbortSignal) {
    this.root.role = "region";
    this.root.tabIndex = 0;
    this.root.ariaLabel = "Answer";
    this.root.append(this.#node);
    this.root.addEventListener("scroll", () => {
      const { scrollTop, clientHeight, scrollHeight } = this.root;
      if (Math.abs(scrollTop - this.#ownScroll) > 1) this.following = scrollTop + clientHeight >= scrollHeight - 4;
    });
    signal.addEventListener("abort", () => this.light(0, 0), { once: true });
  }

  /** Shows the first `length` units of `text`, which only ever grows. */
  paint(text: string, length: number, hold: boolean): void {
    const node = this.#node;
    if (length > node.length) node.appendData(text.slice(node.length, length));
    else if (length < node.length) node.deleteData(length, node.length - length);
    else return;
    if (this.following && !hold) this.#scroll(this.root.scrollHeight);
  }

  /** Lights text[start:end]; nothing where that is empty. */
  light(start: number, end: number): void {
    const highlight = sharedHighlight();
    const to = Math.min(end, this.#node.length);
    if (this.#lit && this.#lit.startOffset === start && this.#lit.endOffset === to) return;
    if (this.#lit) highlight?.delete(this.#lit);
    this.#lit = null;
    if (start >= to) return;
    this.#lit = new Range();
    this.#lit.setStart(this.#node, start);
    this.#lit.setEnd(this.#node, to);
    highlight?.add(this.#lit);
  }

  /** Brings what is lit into sight, within the box only. */
  reveal(): void {
    const lit = this.#lit?.getClientRects()[0];
    if (!lit) return;
    const box = this.root.getBoundingClientRect();
    if (lit.top < box.top || lit.bottom > box.bottom) {
      this.#scroll(this.root.scrollTop + lit.top - box.top - (box.height - lit.height) / 2);
    }
  }

  /** The place in the text of the character under a point of the window, or -1. */
  offsetAt(x: number, y: number): number {
    const near = caretAt(this.#node, x, y);
    if (near === null) return -1;
    // A caret stands between two characters: the one under the point is at either side.
    for (const place of [near, near - 1]) {
      const start = isLow(this.#node.data.charCodeAt(place)) ? place - 1 : place;
      if (start >= 0 && start < this.#node.length && this.#covers(start, x, y)) return start;
    }
    return -1;
  }

  #covers(start: number, x: number, y: number): boolean {
    const range = new Range();
    range.setStart(this.#node, start);
    range.setEnd(this.#node, Math.min(start + (isHigh(this.#node.data.charCodeAt(start)) ? 2 : 1), this.#node.length));
    return [...range.getClientRects()].some(
      (box) => x >= box.left && x < box.right && y >= box.top - 1 && y < box.bottom + 1,
    );
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

// The standard's way, and that of Safari.
function caretAt(node: Text, x: number, y: number): number | null {
  if (typeof document.caretPositionFromPoint === "function") {
    const caret = document.caretPositionFromPoint(x, y);
    return caret?.offsetNode === node ? caret.offset : null;
  }
  const range = document.caretRangeFromPoint?.(x, y);
  return range?.startContainer === node ? range.startOffset : null;
}
