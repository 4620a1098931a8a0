// The tools that wait for the person: the name and the arguments of each, and what the person may answer.
//
// It stands outside of the answer's text, and all that the model wrote is shown as text. It never takes the focus. The
// header says that a tool waits, and a screen reader reads that out. The answer carries the key that the kernel sent to
// this view. Nothing else counts there.

import { hideFocused, make, makeButton } from "../dom/elements";
import { oneLine } from "../text/one_line";
import { visible } from "../text/visible";
import type { Ask, Decision } from "../transcript/messages";
import type { Transcript } from "../transcript/transcript";

export type Confirm = (key: string, decision: Decision, reason: string) => void;

const BUTTONS: readonly (readonly [Decision, string])[] = [
  ["once", "Run once"],
  ["always", "Always in this session"],
  ["refuse", "Refuse"],
];

export class Consent {
  readonly root = make("div", "streamwidget-asks");
  #transcript: Transcript;
  #confirm: Confirm;
  #boxes = new Map<string, HTMLElement>();

  constructor(transcript: Transcript, confirm: Confirm) {
    this.#transcript = transcript;
    this.#confirm = confirm;
  }

  /** `next` gets the focus when a box that had it goes. */
  paint(next: HTMLElement): void {
    const { asks, over, gone } = this.#transcript;
    const waiting = over || gone ? [] : asks;
    for (const [key, box] of this.#boxes) {
      if (waiting.some((ask) => ask.key === key)) continue;
      hideFocused(box, next);
      box.remove();
      this.#boxes.delete(key);
    }
    for (const ask of waiting) {
      if (this.#boxes.has(ask.key)) continue;
      const box = this.#box(ask);
      this.#boxes.set(ask.key, box);
      this.root.append(box);
    }
  }

  #box({ key, name, arguments: given }: Ask): HTMLElement {
    const box = make("div", "streamwidget-ask");
    box.role = "group";
    box.ariaLabel = `Run ${oneLine(name)}?`;
    const line = make("p");
    line.append("Run ", make("code", "", oneLine(name)), "?");
    const code = make("pre", "", visible(given));
    code.tabIndex = 0; // a keyboard must be able to scroll it
    code.role = "region";
    code.ariaLabel = "Arguments";
    const reason = make("input");
    reason.placeholder = reason.ariaLabel = "Why not? The model is told";
    reason.maxLength = 2000;
    const answer = (decision: Decision) => this.#confirm(key, decision, decision === "refuse" ? reason.value : "");
    reason.addEventListener("keydown", (event) => {
      if (event.key === "Enter") answer("refuse");
    });
    const bar = make("p", "streamwidget-ask-bar");
    for (const [decision, words] of BUTTONS) bar.append(makeButton("", words, () => answer(decision)));
    bar.append(reason);
    box.append(line, code, bar);
    return box;
  }
}
