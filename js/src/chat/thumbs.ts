// What the person thinks of an answer. The second press on a thumb takes it back.

import { make, makeButton, setHidden } from "../dom/elements";
import type { Chat } from "./chat";
import type { Feedback } from "./messages";
import type { Turn } from "./turn";

// Not as a character, because not every font has one.
const THUMB =
  "M1 9h4v11H1zM7 20V9l4-8c2 0 3 1.5 2.5 3.5L12.5 8H19c1.5 0 2 1 1.700 2.200l-1.800 8c-.3 1.200-1 1.800-2.200 1.800z";
const NAMES: Readonly<Record<Feedback, string>> = { up: "Good answer", down: "Bad answer" };

export class Thumbs {
  readonly root = make("div", "streamwidget-bar streamwidget-thumbs");
  #chat: Chat;
  #turn: Turn;
  #buttons = new Map<Feedback, HTMLButtonElement>();

  constructor(chat: Chat, turn: Turn) {
    this.#chat = chat;
    this.#turn = turn;
    for (const [feedback, name] of Object.entries(NAMES) as [Feedback, string][]) {
      const rate = () => chat.rate(turn, turn.feedback === feedback ? null : feedback);
      const button = makeButton("streamwidget-icon", "", rate);
      button.append(drawThumb());
      button.ariaLabel = button.title = name;
      this.#buttons.set(feedback, button);
      this.root.append(button);
    }
  }

  paint(): void {
    setHidden(this.root, this.#turn.outcome === null || this.#chat.gone);
    for (const [feedback, button] of this.#buttons) button.ariaPressed = String(this.#turn.feedback === feedback);
  }
}

function drawThumb(): SVGElement {
  const [svg, path] = ["svg", "path"].map((tag) => document.createElementNS("http://www.w3.org/2000/svg", tag));
  (path as Element).setAttribute("d", THUMB);
  (svg as Element).setAttribute("viewBox", "0 0 22 22");
  (svg as Element).setAttribute("aria-hidden", "true");
  (svg as Element).append(path as Element);
  return svg as SVGElement;
}
