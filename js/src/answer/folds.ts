// The parts of an answer beside its text: reasoning, tool calls and the earlier steps of an agent in folds, and a marked
// refusal. Only the person opens or closes a fold.

import { make, setHidden, setText } from "../dom/elements";
import { renderOnce } from "../markdown/stream";
import { FOLD_STYLE, NAME_STYLE, STEP_STYLE, SUMMARY_STYLE, TEXT_CLASS, TEXT_STYLE, toolNames } from "../saved/shape";
import { oneLine } from "../text/one_line";
import { VisibleStream } from "../text/visible";
import { Reader } from "../transcript/growing_text";
import { thoughtLabel } from "../transcript/status";
import type { Step, ToolCall, Transcript } from "../transcript/transcript";
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
      setText(this.#label, thoughtLabel(this.#transcript));
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

interface StepPlaces {
  /** The steps are put before it. */
  readonly text: Element;
  /** The calls are put before it. */
  readonly end: Element;
  /** Gets the text of a step, when its fold is in the page. */
  prepare(body: HTMLElement): void;
}

/** The tool calls, and the steps of an agent that are over. A call keeps its fold, open or not, when its step ends. */
export class Steps {
  #transcript: Transcript;
  #places: StepPlaces;
  #calls: { call: ToolCall; fold: Call }[] = [];
  #steps = new Map<Step, HTMLElement>();

  constructor(transcript: Transcript, places: StepPlaces) {
    this.#transcript = transcript;
    this.#places = places;
  }

  paint(over: boolean): void {
    const { calls, steps } = this.#transcript;
    for (const [step, root] of this.#steps) {
      if (steps.includes(step)) continue;
      root.remove();
      this.#steps.delete(step);
    }
    for (const [index, step] of steps.entries()) if (!this.#steps.has(step)) this.#fold(index + 1, step);

    const { end } = this.#places;
    this.#calls = this.#calls.filter(({ call, fold: shown }, index) => {
      const same = calls[index] === call;
      if (!same && shown.root.parentElement === end.parentElement) shown.root.remove(); // or it is in its step
      return same;
    });
    for (const [index, call] of calls.entries()) {
      let shown = this.#calls[index];
      if (!shown) {
        shown = { call, fold: new Call(call) };
        this.#calls.push(shown);
        end.before(shown.fold.root);
      }
      shown.fold.paint(call, over);
    }
  }

  #fold(number: number, step: Step): void {
    const { root, summary } = fold("streamwidget-step");
    summary.append(`Step ${number}: `);
    for (const [index, name] of toolNames(step.calls).entries()) {
      const code = make("code", "", name);
      code.style.cssText = NAME_STYLE;
      summary.append(index > 0 ? ", " : "", code);
    }
    if (step.calls.length > 0) summary.append(" ");
    summary.append(make("small", "", oneLine(step.text, PREVIEW)));
    const body = make("div", `streamwidget-step-text ${TEXT_CLASS}`);
    body.style.cssText = TEXT_STYLE;
    renderOnce(body, step.text);
    const inside = make("div");
    inside.style.cssText = STEP_STYLE;
    inside.append(body);
    root.append(inside);
    let focused = false;
    for (const call of step.calls) {
      const shown = this.#calls.find((one) => one.call === call)?.fold ?? new Call(call);
      shown.paint(call, true);
      focused ||= shown.root.matches(":focus-within");
      inside.append(shown.root);
    }
    this.#steps.set(step, root);
    this.#places.text.before(root);
    if (focused) summary.focus({ preventScroll: true });
    this.#places.prepare(body);
  }
}
