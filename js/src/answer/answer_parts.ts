// The answer's text as Markdown, and what came beside it at its places. An output ends the Markdown before it: what
// comes after it is a text of its own.

import { make } from "../dom/elements";
import type { MarkdownOptions } from "../markdown/stream";
import { TEXT_CLASS, TEXT_STYLE } from "../saved/shape";
import { GrowingText } from "../transcript/growing_text";
import type { OutputState } from "../transcript/messages";
import type { Transcript } from "../transcript/transcript";
import { GrowingMarkdown } from "./growing_markdown";

type Part = { readonly text: GrowingText; readonly markdown: GrowingMarkdown };

export class AnswerParts {
  #root: HTMLElement;
  #transcript: Transcript;
  #options: MarkdownOptions;
  #show: (output: OutputState) => Element;
  /** The whole answer, until something comes beside its text. */
  #whole: GrowingMarkdown;
  #outputs: OutputState[] = [];
  #parts: Part[] = [];

  constructor(
    root: HTMLElement,
    transcript: Transcript,
    options: MarkdownOptions,
    show: (output: OutputState) => Element,
  ) {
    this.#root = root;
    this.#transcript = transcript;
    this.#options = options;
    this.#show = show;
    this.#whole = new GrowingMarkdown(root, transcript.answer, options);
  }

  /** Shows what has come. `over`: no more will come. Returns true if some of it waits for the next frame. */
  paint(over: boolean): boolean {
    const { outputs, answer } = this.#transcript;
    this.#divide(outputs);
    if (outputs.length === 0) return this.#whole.paint(over);
    const { text } = answer;
    let behind = false;
    for (const [index, part] of this.#parts.entries()) {
      part.text.become(text.slice(outputs[index - 1]?.at ?? 0, outputs[index]?.at));
      behind = part.markdown.paint(over || index < outputs.length) || behind;
    }
    return behind;
  }

  // What is shown already stays in its place.
  #divide(outputs: readonly OutputState[]): void {
    if (!this.#outputs.every((one, index) => one === outputs[index])) {
      this.#root.replaceChildren();
      this.#whole = new GrowingMarkdown(this.#root, this.#transcript.answer, this.#options);
      this.#outputs = [];
      this.#parts = [];
    }
    for (const output of outputs.slice(this.#outputs.length)) {
      if (this.#parts.length === 0) {
        this.#root.replaceChildren();
        this.#add();
      }
      this.#outputs.push(output);
      this.#root.append(this.#show(output));
      this.#add();
    }
  }

  #add(): void {
    const root = make("div", TEXT_CLASS);
    root.style.cssText = TEXT_STYLE;
    const text = new GrowingText();
    this.#parts.push({ text, markdown: new GrowingMarkdown(root, text, this.#options) });
    this.#root.append(root);
  }
}
