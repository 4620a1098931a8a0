// The parts of an answer beside its text: reasoning and tool calls in folds, and a marked refusal. Only the person
// opens or closes a fold.

import { make, setHidden, setText } from "../dom/elements";
import { FOLD_STYLE, NAME_STYLE, SUMMARY_STYLE, TEXT_CLASS, TEXT_STYLE } from "../saved/shape";
import { countCodePoints } from "../text/code_points";
import { oneLine } from "../text/one_line";
import { VisibleStream } from "../text/visible";
import { Reader } from "../transcript/growing_text";
import type { ToolCall, Transcript } from "../transcript/transcript";
import { GrowingMarkdown } from "./growing_markdown";

const COUNT_MS = 500;
const PREVIEW = 120;

function fold(className: string): { root: HTMLDetailsElement; summary: HTMLElement } {
  const root = make("details", className);
  root.style.cssText = FOLD_STYLE;
  const summary = make("summary");
  summary.style.cssText = SUMMARY_STYLE;
  summary.dataset.lmSuppressShortcuts = "true"; // Space and Enter open it
  root.append(summary);
  return { root, summary };
}

/** The reasoning. It is rendered only once it was opened, so that unread reasoning costs nothing but its count. */
export class Reasoning {
  readonly root: HTMLDetailsElement;
  #transcript: Transcript;
  #label = make("span");
  #dot = make("span", "streamwidget-dot");
  #prose: GrowingMarkdown;
  #seen = false;
  #countedAt = Number.NEGATIVE_INFINITY;

  constructor(transcript: Transcript, changed: () => void) {
    this.#transcript = transcript;
    const { root, summary } = fold("streamwidget-reasoning");
    summary.append(this.#label, this.#dot);
    const body = make("div", TEXT_CLASS);
    body.style.cssText = TEXT_STYLE;
    root.append(body);
    this.root = root;
    this.#prose = new GrowingMarkdown(body, transcript.reasoning);
    root.addEventListener("toggle", () => {
      this.#seen ||= root.open;
      changed();
    });
  }

  paint(now: number): void {
    const { reasoning, answer, refusal, calls, over, gone } = this.#transcript;
    setHidden(this.root, reasoning.length === 0);
    if (reasoning.length === 0) return;
    const coming = !over && !gone && answer.length + refusal.length + calls.length === 0;
    setHidden(this.#dot, !coming);
    if (!coming || now - this.#countedAt > COUNT_MS) {
      this.#countedAt = now;
      const n = countCodePoints(reasoning.text);
      setText(this.#label, `Reasoning (${n} character${n === 1 ? "" : "s"})`);
    }
    if (this.#seen) this.#prose.paint(over);
  }
}

export class Refusal {
  readonly roots: readonly HTMLElement[];
  #reader: Reader;
  #visible = new VisibleStream();
  #text = make("p");

  constructor(transcript: Transcript) {
    this.#reader = new Reader(transcript.refusal);
    const mark = make("p", "streamwidget-refusal");
    mark.style.cssText = FOLD_STYLE;
    mark.append(make("strong", "", "The model refused:"));
    const quote = make("blockquote");
    quote.append(this.#text);
    this.roots = [mark, quote];
    for (const root of this.roots) root.hidden = true;
  }

  paint(over: boolean): void {
    const { fresh, piece } = this.#reader.next();
    if (fresh) {
      this.#visible = new VisibleStream();
      this.#text.replaceChildren();
    }
    for (const [index, line] of this.#visible.push(piece, over).split("\n").entries()) {
      if (index > 0) this.#text.append(make("br"));
      if (line) this.#text.append(line);
    }
    for (const root of this.roots) setHidden(root, this.#text.childNodes.length === 0);
  }
}

/** One tool call: a line with its name and the beginning of its arguments. The arguments come bit by bit. */
class Call {
  readonly root: HTMLDetailsElement;
  #reader: Reader;
  #name = make("code");
  #preview = make("small");
  #visible = new VisibleStream();
  #arguments = document.createTextNode("");

  constructor(call: ToolCall) {
    this.#reader = new Reader(call.arguments);
    const { root, summary } = fold("streamwidget-call");
    this.#name.style.cssText = NAME_STYLE;
    summary.append("Tool call: ", this.#name, " ", this.#preview);
    const block = make("pre");
    const code = make("code");
    code.append(this.#arguments);
    block.append(code);
    root.append(block);
    this.root = root;
  }

  paint(call: ToolCall, over: boolean): void {
    setText(this.#name, oneLine(call.name ?? "?"));
    const { fresh, piece } = this.#reader.next();
    if (fresh) {
      this.#visible = new VisibleStream();
      this.#arguments.data = "";
    }
    const shown = this.#visible.push(piece, over);
    if (shown) this.#arguments.appendData(shown);
    if (fresh || (this.#preview.textContent ?? "").length < PREVIEW)
      setText(this.#preview, oneLine(call.arguments.text, PREVIEW));
  }
}

export class Calls {
  #transcript: Transcript;
  #end: Element;
  #shown: { call: ToolCall; fold: Call }[] = [];

  /** The calls are put before `end`. */
  constructor(transcript: Transcript, end: Element) {
    this.#transcript = transcript;
    this.#end = end;
  }

  paint(over: boolean): void {
    const { calls } = this.#transcript;
    this.#shown = this.#shown.filter(({ call, fold: shown }, index) => {
      const same = calls[index] === call;
      if (!same) shown.root.remove();
      return same;
    });
    for (const [index, call] of calls.entries()) {
      let shown = this.#shown[index];
      if (!shown) {
        shown = { call, fold: new Call(call) };
        this.#shown.push(shown);
        this.#end.before(shown.fold.root);
      }
      shown.fold.paint(call, over);
    }
  }
}
