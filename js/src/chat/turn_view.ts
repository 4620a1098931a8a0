// One turn in the page: the prompt as it was typed, and the answer in a view. Until the turn comes near the screen, its
// answer is plain text. That costs little, and a search in the page finds it.

import { mountView } from "../answer/view";
import { hideFocused, make, makeButton, setHidden, setText } from "../dom/elements";
import { visible } from "../text/visible";
import { outcomeOf } from "../transcript/outcomes";
import { Branches } from "./branches";
import type { Chat } from "./chat";
import { chip } from "./chip";
import { Thumbs } from "./thumbs";
import type { Turn } from "./turn";

const LONG = 1500; // characters: a longer prompt scrolls in a box of its own
const LEFT_OUT = "hidden from the model";

interface TurnOptions {
  readonly model: object;
  readonly stop: HTMLButtonElement;
  edit(turn: Turn): void;
}

export class TurnView {
  readonly root = make("div", "streamwidget-turn");
  readonly turn: Turn;
  #chat: Chat;
  #options: TurnOptions;
  #prompt = make("div", "streamwidget-prompt");
  #asked: HTMLElement[] = [];
  #answer = make("div", "streamwidget-answer");
  #edition = -1;
  #life = new AbortController();
  #shown = false;
  #buttons: {
    edit: HTMLButtonElement;
    retry: HTMLButtonElement;
    include: HTMLButtonElement;
    remove: HTMLButtonElement;
    note: HTMLElement;
    time: HTMLTimeElement;
  } | null = null;
  #branches: Branches | null = null;
  #thumbs: Thumbs | null = null;

  constructor(chat: Chat, turn: Turn, options: TurnOptions) {
    this.turn = turn;
    this.#chat = chat;
    this.#options = options;
    this.#prompt.role = "group";
    this.#prompt.ariaLabel = "Your prompt";
    this.#answer.textContent = visible(turn.preview);
    this.#answer.classList.add("streamwidget-plain");
    this.root.append(this.#prompt, this.#answer);
    this.paint();
  }

  /** Shows the turn in full. */
  show(): void {
    if (this.#shown) return;
    this.#shown = true;
    this.#makeButtons();
    this.paint();
  }

  /** Call it when the chat changed. */
  paint(): void {
    const { turn } = this;
    if (this.#edition !== turn.edition) {
      this.#edition = turn.edition;
      this.#paintPrompt();
    }
    if (turn.streams) this.show();
    const transcript = this.#shown ? turn.transcript : null;
    if (transcript && this.#answer.classList.contains("streamwidget-plain")) {
      this.#answer.classList.remove("streamwidget-plain");
      this.#answer.replaceChildren();
      const { model, stop } = this.#options;
      const actions = {
        stop: () => this.#chat.stop(turn),
        ask: (remedy: "retry" | "continue") => this.#chat.ask(turn, remedy),
        confirm: (...answer: Parameters<Chat["confirm"]>) => this.#chat.confirm(...answer),
      };
      mountView(this.#answer, transcript, actions, { model, maxHeight: null, stop }, this.#life.signal);
    }
    this.#paintButtons();
  }

  /** Puts the prompt box into the place of the prompt, while that is edited. Null ends it. */
  edit(box: HTMLElement | null): void {
    if (box) this.root.dataset.editing = "";
    else delete this.root.dataset.editing;
    if (box) this.#prompt.prepend(box);
  }

  dispose(): void {
    this.#life.abort();
    this.root.remove();
  }

  #paintPrompt(): void {
    const text = make("p", "streamwidget-asked", visible(this.turn.text));
    text.dir = "auto";
    if (text.textContent && text.textContent.length > LONG) {
      text.tabIndex = 0; // a keyboard must be able to scroll it
      text.role = "region";
      text.ariaLabel = "Prompt text";
    }
    const files = make("div", "streamwidget-chips");
    files.append(...this.turn.files.map(chip));
    // The bar stays, because it may have the focus.
    for (const old of this.#asked) old.remove();
    this.#asked = this.turn.files.length > 0 ? [text, files] : [text];
    this.#prompt.prepend(...this.#asked);
  }

  #makeButtons(): void {
    const { turn } = this;
    const edit = makeButton("", "Edit", () => this.#options.edit(turn));
    edit.title = "Edit this prompt. The old one, and what follows it, is kept as a branch.";
    const retry = makeButton("", "Retry", () => this.#chat.ask(turn, "retry"));
    retry.title = "Ask again. The old answer is kept as a branch.";
    const include = makeButton("", "", () => this.#chat.include(turn, !turn.sent));
    const remove = makeButton("", "Delete", () => this.#chat.remove(turn));
    remove.title = "Delete this turn. Undo brings it back.";
    const note = make("small", "streamwidget-quiet");
    const time = make("time", "streamwidget-time streamwidget-quiet");
    const tools = make("span", "streamwidget-bar streamwidget-turn-tools");
    tools.append(time, include, retry, edit, remove);
    this.#branches = new Branches(this.#chat, turn);
    const bar = make("span", "streamwidget-bar");
    bar.append(note, this.#branches.root, tools);
    this.#prompt.append(bar);
    this.#buttons = { edit, retry, include, remove, note, time };
    if (!this.#chat.setup.feedback) return;
    this.#thumbs = new Thumbs(this.#chat, turn);
    this.root.append(this.#thumbs.root);
  }

  #paintButtons(): void {
    if (!this.#buttons) return;
    const { edit, retry, include, remove, note, time } = this.#buttons;
    const { turn } = this;
    const over = turn.outcome !== null;
    const { gone } = this.#chat;
    const whole = over && !outcomeOf(turn.outcome).cut;
    for (const button of [edit, remove]) {
      if (gone) hideFocused(button, null);
      else setHidden(button, false);
    }
    // After a cut answer the answer's own view offers it.
    if (gone || !whole || turn !== this.#chat.last) hideFocused(retry, edit);
    else setHidden(retry, false);
    if (gone || !over || (whole && turn.sent)) hideFocused(include, edit);
    else setHidden(include, false);
    retry.ariaDisabled = edit.ariaDisabled = String(gone || this.#chat.live !== null);
    setText(include, turn.sent ? "Hide from model" : "Send to model");
    include.title = turn.sent ? "Do not send this turn with later prompts" : "Send this turn with later prompts";
    setText(note, over && !turn.sent ? LEFT_OUT : "");
    if (turn.at !== null) paintTime(time, new Date(turn.at * 1000));
    this.#branches?.paint();
    this.#thumbs?.paint();
  }
}

function paintTime(time: HTMLTimeElement, at: Date): void {
  if (time.dateTime === at.toISOString()) return;
  time.dateTime = at.toISOString();
  setText(time, at.toLocaleTimeString([], { timeStyle: "short" }));
  time.title = at.toLocaleString();
}
