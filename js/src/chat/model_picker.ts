// The model to ask: the person types its name, or picks one that the server lists. The list is fetched on first use.

import { make } from "../dom/elements";
import type { Chat } from "./chat";

let count = 0;

export class ModelPicker {
  readonly root = make("span");
  #chat: Chat;
  #input = make("input", "streamwidget-models");
  #list = make("datalist");
  #listed: readonly string[] = [];
  #shown: string | null = null;
  #asked = false;

  constructor(chat: Chat) {
    this.#chat = chat;
    count += 1;
    this.#list.id = `streamwidget-models-${count}`;
    const input = this.#input;
    input.setAttribute("list", this.#list.id);
    input.ariaLabel = "Model";
    input.title = "The model that is asked next";
    input.placeholder = "default model";
    input.spellcheck = false;
    input.autocomplete = "off";
    input.addEventListener("focus", () => {
      if (!this.#asked) chat.listModels();
      this.#asked = true;
    });
    input.addEventListener("change", () => {
      this.#shown = input.value.trim();
      chat.choose(this.#shown);
    });
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter") event.stopPropagation();
    });
    this.root.append(input, this.#list);
  }

  paint(): void {
    const { model, models } = this.#chat;
    const name = model ?? "";
    if (name !== this.#shown && !this.#input.matches(":focus")) {
      this.#shown = name;
      this.#input.value = name;
    }
    if (models === this.#listed) return;
    this.#listed = models;
    this.#list.replaceChildren(
      ...models.map((one) => {
        const option = make("option");
        option.value = one;
        return option;
      }),
    );
  }
}
