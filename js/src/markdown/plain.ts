// A text that is not shown as Markdown. It stands in several blocks, because browsers lay them out faster than one huge
// block. streamwidget/_saved/answer.py makes the same blocks.

import { countCodePoints, indexAfter } from "../text/code_points";

const PIECE = 30_000; // code points: after these a block ends at the next line break, or at twice that without one

export class PlainText {
  #root: HTMLElement;
  #block: HTMLElement | null = null;
  #size = 0; // code points in the block
  #newline = ""; // the line break at its end, which is shown when something follows

  constructor(root: HTMLElement) {
    this.#root = root;
  }

  append(text: string): void {
    let rest = text;
    while (rest !== "") {
      const piece = this.#take(rest);
      rest = rest.slice(piece.length);
      if (!this.#block) {
        this.#block = document.createElement("pre");
        this.#block.setAttribute("style", "white-space:pre-wrap");
        this.#root.append(this.#block, "\n");
        this.#newline = "";
      }
      const all = this.#newline + piece;
      this.#newline = all.endsWith("\n") ? "\n" : "";
      const shown = all.slice(0, all.length - this.#newline.length);
      if (shown) this.#block.append(shown);
      this.#size += countCodePoints(piece);
      if (this.#size >= 2 * PIECE || (this.#size >= PIECE && this.#newline)) {
        this.#block = null;
        this.#size = 0;
      }
    }
  }

  // The beginning of `text` that goes into the block.
  #take(text: string): string {
    const least = indexAfter(text, Math.max(0, PIECE - this.#size - 1));
    const most = indexAfter(text, 2 * PIECE - this.#size);
    const end = text.indexOf("\n", least);
    return text.slice(0, end >= 0 && end < most ? end + 1 : most);
  }
}
