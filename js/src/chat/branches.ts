// The branches of a turn: "‹ 2/3 ›". An edit and a retry make one more.

import { make, makeButton, setHidden, setText } from "../dom/elements";
import type { Chat } from "./chat";
import type { Turn } from "./turn";

export class Branches {
  readonly root = make("span", "streamwidget-branches");
  #chat: Chat;
  #turn: Turn;
  #before: HTMLButtonElement;
  #place = make("small");
  #after: HTMLButtonElement;

  constructor(chat: Chat, turn: Turn) {
    this.#chat = chat;
    this.#turn = turn;
    this.#before = makeButton("streamwidget-icon", "‹", () => this.#go(-1));
    this.#before.ariaLabel = "Previous branch";
    this.#after = makeButton("streamwidget-icon", "›", () => this.#go(1));
    this.#after.ariaLabel = "Next branch";
    this.root.role = "group";
    this.root.ariaLabel = "Branches of this turn";
    this.root.title = "Each edit and each retry keeps the old answer, with what followed it";
    this.root.append(this.#before, this.#place, this.#after);
  }

  paint(): void {
    const { branch, branches } = this.#turn;
    setHidden(this.root, branches < 2);
    setText(this.#place, `${branch + 1}/${branches}`);
    const waits = this.#chat.gone || this.#chat.live !== null;
    this.#before.ariaDisabled = String(waits || branch === 0);
    this.#after.ariaDisabled = String(waits || branch === branches - 1);
  }

  #go(step: number): void {
    const { branch, branches } = this.#turn;
    const next = branch + step;
    if (next >= 0 && next < branches && !this.#chat.gone) this.#chat.branch(this.#turn, next);
  }
}
