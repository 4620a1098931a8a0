// Colours code with an element around each token: in a saved answer, and in a page without the Custom Highlight API
// (Firefox before 140, Safari before 17.2).

import { colours } from "../../../streamwidget/_saved/dress.json";
import type { Coloured } from "./highlight";
import type { Kind, Language } from "./languages";
import { Lines } from "./lines";

const TAG = 52; // characters around a token

/** Puts each token of a code element into the element that `make` returns. Returns false if the code is too long. */
export function wrapTokens(code: HTMLElement, language: Language, make: (kind: Kind) => HTMLElement): boolean {
  const lines = new Lines(code, language);
  lines.read();
  if (lines.isTooLong) return false;
  const tokens: [Kind, number, number][] = [];
  for (let line = 0; line < lines.count; line += 1) {
    const start = lines.start(line);
    lines.scan(line, (kind, from, to) => tokens.push([kind, start + from, start + to]));
  }
  // Tags have at most 12 times as many characters as the code, as in streamwidget/_saved/html.py.
  tokens.splice((12 * lines.length + 1024) / TAG);
  // From the last to the first, so that the places before stay right.
  for (const [kind, from, to] of tokens.reverse()) {
    const [node, at] = lines.locate(from);
    if (at + to - from > node.length) continue;
    const token = make(kind);
    const text = node.splitText(at);
    text.splitText(to - from);
    text.replaceWith(token);
    token.append(text);
  }
  return true;
}

/** The colours of a live answer, once it is complete. Before that its nodes belong to the renderer. */
export class ElementColours implements Coloured {
  #code: HTMLElement;
  #language: Language;
  #ended = new MutationObserver(() => this.update());

  constructor(code: HTMLElement, language: Language) {
    this.#code = code;
    this.#language = language;
    const answer = this.#answer();
    if (answer) this.#ended.observe(answer, { attributeFilter: ["data-outcome"] });
    this.update();
  }

  update(): void {
    if (this.#answer()?.dataset.outcome !== "complete" || this.#code.querySelector("[style]")) return;
    wrapTokens(this.#code, this.#language, (kind) => {
      const token = document.createElement("span");
      token.setAttribute("style", `color:${colours[kind][2]}`); // tools.ts knows these as ours
      return token;
    });
  }

  dispose(): void {
    this.#ended.disconnect();
  }

  #answer(): HTMLElement | null {
    return this.#code.closest<HTMLElement>(".streamwidget");
  }
}
