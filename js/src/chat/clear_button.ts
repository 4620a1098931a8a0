// The button that removes all turns. It asks first: two other buttons replace it.

import { hideFocused, make, makeButton, setHidden } from "../dom/elements";
import type { Chat } from "./chat";

export class ClearButton {
  readonly root = make("span", "streamwidget-clear");
  #chat: Chat;
  #first: HTMLButtonElement;
  #really = make("span");
  #next: HTMLElement;

  /** @param next gets the focus when there is nothing left to clear */
  constructor(chat: Chat, next: HTMLElement) {
    this.#chat = chat;
    this.#next = next;
    this.#first = makeButton("", "Clear", () => this.#ask(true));
    this.#first.title = "Remove all turns of this conversation";
    const yes = makeButton("streamwidget-bad", "Clear the conversation", () => {
      chat.clear();
      this.#ask(false);
    });
    const no = makeButton("", "Cancel", () => this.#ask(false));
    this.#really.append(yes, no);
    this.#really.hidden = true;
    this.root.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || this.#really.hidden) return;
      event.stopPropagation(); // so that it does not stop an answer
      this.#ask(false);
    });
    this.root.append(this.#first, this.#really);
  }

  paint(): void {
    if (this.#chat.turns.length === 0 || this.#chat.gone) hideFocused(this.root, this.#next);
    else setHidden(this.root, false);
  }

  #ask(really: boolean): void {
    const [shown, hidden] = really ? [this.#really, this.#first] : [this.#first, this.#really];
    shown.hidden = false;
    hidden.hidden = true;
    // Focus the harmless one, because a second Enter must not clear.
    (really ? shown.querySelector<HTMLElement>("button:last-child") : shown)?.focus({ preventScroll: true });
  }
}
