// How a chat begins: a greeting, and prompts to choose from. A prompt may have variables. For "Translate {{text}} into
// {{language}}" the person fills in two fields first.

import { withTools } from "../code/later";
import { make, makeButton, setHidden } from "../dom/elements";
import { renderOnce } from "../markdown/stream";
import { TEXT_CLASS } from "../saved/shape";
import { visible } from "../text/visible";
import type { Chat } from "./chat";

const VARIABLE = /\{\{\s*([\p{L}_][\p{L}\p{N}_ ]*?)\s*\}\}/gu;

/** The names of the variables of a prompt, each once. */
export function variablesOf(prompt: string): string[] {
  return [...new Set([...prompt.matchAll(VARIABLE)].map(([, name]) => name as string))];
}

export function fillIn(prompt: string, values: ReadonlyMap<string, string>): string {
  return prompt.replace(VARIABLE, (whole, name) => values.get(name) ?? whole);
}

export class Starters {
  readonly root = make("div", "streamwidget-starters");
  #chat: Chat;
  #choices = make("div", "streamwidget-choices");
  #form: HTMLElement | null = null;
  #next: HTMLElement;

  /** @param next gets the focus when a prompt was sent */
  constructor(chat: Chat, next: HTMLElement, model: object, signal: AbortSignal) {
    this.#chat = chat;
    this.#next = next;
    if (chat.setup.greeting) {
      const greeting = make("div", `streamwidget-greeting streamwidget-text ${TEXT_CLASS}`);
      renderOnce(greeting, chat.setup.greeting);
      withTools(greeting, signal, (tools) => tools.attachCode(greeting, model, signal));
      this.root.append(greeting);
    }
    this.#choices.role = "group";
    this.#choices.ariaLabel = "Prompts to begin with";
    for (const prompt of chat.setup.prompts) {
      const button = makeButton("streamwidget-choice", visible(prompt), () => this.#choose(prompt, button));
      this.#choices.append(button);
    }
    this.root.append(this.#choices);
  }

  paint(): void {
    const begun = this.#chat.turns.length > 0 || this.#chat.gone;
    setHidden(this.#choices, begun || this.#form !== null || this.#chat.setup.prompts.length === 0);
    if (begun) this.#close();
    setHidden(this.root, this.#chat.setup.greeting === "" && begun);
  }

  #choose(prompt: string, button: HTMLElement): void {
    const names = variablesOf(prompt);
    if (names.length === 0) this.#send(prompt);
    else this.#ask(prompt, names, button);
  }

  #ask(prompt: string, names: string[], button: HTMLElement): void {
    const form = make("form", "streamwidget-variables");
    const inputs = new Map<string, HTMLInputElement>();
    form.append(make("p", "streamwidget-quiet", visible(prompt)));
    for (const name of names) {
      const label = make("label", "streamwidget-field");
      const input = make("input");
      input.required = true;
      input.autocomplete = "off";
      input.dir = "auto";
      label.append(make("span", "", name), input);
      inputs.set(name, input);
      form.append(label);
    }
    const cancel = () => {
      this.#close();
      this.paint();
      button.focus({ preventScroll: true });
    };
    const send = makeButton("streamwidget-send", "Send", () => {});
    send.type = "submit";
    const bar = make("div", "streamwidget-bar");
    bar.append(send, makeButton("", "Cancel", cancel));
    form.append(bar);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send(fillIn(prompt, new Map([...inputs].map(([name, { value }]) => [name, value]))));
    });
    form.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || event.isComposing) return;
      event.stopPropagation();
      cancel();
    });
    this.#form = form;
    this.root.append(form);
    this.paint();
    inputs.get(names[0] as string)?.focus({ preventScroll: true });
  }

  // The prompts stay until the first turn is there, so a refused one can be sent again.
  #send(prompt: string): void {
    if (this.#chat.send(prompt, [], null) !== null) this.#next.focus({ preventScroll: true });
  }

  #close(): void {
    this.#form?.remove();
    this.#form = null;
  }
}
