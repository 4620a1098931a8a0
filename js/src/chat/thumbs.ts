// What the person thinks of an answer. The second press on a thumb takes it back.

import { make, makeButton, setHidden } from "../dom/elements";
import type { Chat } from "./chat";
import type { Feedback } from "./messages";
import type { Turn } from "./turn";

const THUMBS: Readonly<Record<Feedback, readonly [sign: string, name: string]>> = {
  up: ["👍", "Good answer"],
  down: ["👎", "Bad answer"],
};

export class Thumbs {
  readonly root = make("div", "streamwidget-bar streamwidget-thumbs");
  #chat: Chat;
  #turn: Turn;
  #buttons = new Map<Feedback, HTMLButtonElement>();

  constructor(chat: Chat, turn: Turn) {
    this.#chat = chat;
    this.#turn = turn;
    for (const [feedback, [sign, name]] of Object.entries(THUMBS) as [Feedback, readonly [string, string]][]) {
      const rate = () => chat.rate(turn, turn.feedback === feedback ? null : feedback);
      const button = makeButton("streamwidget-icon", sign, rate);
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
