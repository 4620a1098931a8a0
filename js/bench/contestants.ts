// Ways to show an answer that grows. Each makes its element in `parent` and returns a function that takes the next
// text.

import { marked } from "marked";
import * as smd from "streaming-markdown";
import { attachCode } from "../src/code/attach";
import { make } from "../src/dom/elements";
import { MarkdownStream } from "../src/markdown/stream";
import { typesetFormulas } from "../src/notebook/mathjax";
import { TEXT_CLASS, TEXT_STYLE } from "../src/saved/shape";

type Contestant = (parent: HTMLElement, signal: AbortSignal) => (text: string) => void;

const BLOCK = 1500; // characters

function put<E extends HTMLElement>(parent: HTMLElement, element: E): E {
  parent.append(element);
  return element;
}

/** As answer/view.ts does it, with colours and buttons for code. */
function ours(parent: HTMLElement, signal: AbortSignal): (text: string) => void {
  const root = put(parent, make("div", "streamwidget jp-RenderedHTMLCommon rendered_html"));
  root.dataset.phase = "streaming";
  const text = put(root, make("div", `streamwidget-text ${TEXT_CLASS}`));
  text.style.cssText = TEXT_STYLE;
  const markdown = new MarkdownStream(text, { finished: (block) => void typesetFormulas(block, {}) });
  attachCode(text, {}, signal);
  return (piece) => markdown.append(piece);
}

/** The cheapest way to show text: plain text, in blocks of bounded length. */
function floor(parent: HTMLElement): (text: string) => void {
  let last: Text | null = null;
  return (piece) => {
    if (!last || last.length > BLOCK) {
      const block = put(parent, make("div", ""));
      block.style.whiteSpace = "pre-wrap";
      last = document.createTextNode("");
      block.append(last);
    }
    last.appendData(piece);
  };
}

/** As most chat panels do it: the whole answer anew in each frame. */
function naive(parent: HTMLElement): (text: string) => void {
  const root = put(parent, make("div", ""));
  let text = "";
  return (piece) => {
    text += piece;
    root.innerHTML = marked.parse(text, { async: false });
  };
}

function streamingMarkdown(parent: HTMLElement): (text: string) => void {
  const parser = smd.parser(smd.default_renderer(put(parent, make("div", ""))));
  return (piece) => smd.parser_write(parser, piece);
}

export const contestants: Record<string, Contestant> = { ours, floor, naive, streamingMarkdown };
