// Shows a growing text as Markdown, frame by frame.

import { type MarkdownOptions, MarkdownStream } from "../markdown/stream";
import { type GrowingText, Reader } from "../transcript/growing_text";

export class GrowingMarkdown {
  #source: GrowingText;
  #reader: Reader;
  #markdown: MarkdownStream;
  #isFinished = false;

  constructor(root: HTMLElement, source: GrowingText, options: MarkdownOptions = {}) {
    this.#source = source;
    this.#reader = new Reader(source);
    this.#markdown = new MarkdownStream(root, options);
  }

  /** Shows the text that has come. `over`: no more will come. Returns true if some of it waits for the next frame. */
  paint(over: boolean): boolean {
    let { fresh, piece } = this.#reader.next();
    const reopened = this.#isFinished && !over;
    if (fresh || reopened || (this.#isFinished && piece !== "")) {
      this.#markdown.clear();
      this.#isFinished = false;
      piece = this.#source.text;
    }
    if (piece !== "" || (over ? this.#markdown.isFarBehind : this.#markdown.isBehind)) this.#markdown.append(piece);
    if (over && !this.#isFinished && !this.#markdown.isFarBehind) {
      this.#markdown.finish();
      this.#isFinished = true;
    }
    return this.#markdown.isBehind;
  }
}
