// The settings of the next question: model, temperature, limit of the answer, system prompt. The button has the name of
// the model. The models are listed when the panel is opened for the first time.

import { make, setText } from "../dom/elements";
import { oneLine } from "../text/one_line";
import type { Chat, Setting } from "./chat";
import { Options } from "./options";
import { Popover } from "./popover";

const SHOWN = 200; // models in the list

interface Field {
  readonly input: HTMLInputElement | HTMLTextAreaElement;
  /** The value that the kernel has. */
  known: string | null;
}

export class Settings {
  readonly button: HTMLButtonElement;
  readonly panel: HTMLElement;
  #chat: Chat;
  #popover: Popover;
  #models: Options;
  #note = make("small", "streamwidget-quiet");
  #listed: readonly string[] | null = null;
  #asked = false;
  #fields = new Map<Setting, Field>();
  #labels = new Map<Setting, HTMLElement>();

  constructor(chat: Chat) {
    this.#chat = chat;
    this.#popover = new Popover("Settings", () => this.#opened());
    this.button = this.#popover.button;
    this.button.classList.add("streamwidget-model-button");
    this.button.title = "Model and settings of the next question";
    this.panel = this.#popover.panel;
    const model = this.#add("model", "Model", make("input"));
    model.role = "combobox";
    model.ariaExpanded = "false";
    this.#models = new Options(model, "Models", (name) => {
      model.value = name;
      this.#choose("model");
      this.#models.hide();
      this.#popover.close();
    });
    model.addEventListener("input", () => this.#list(model.value));
    model.addEventListener("blur", () => this.#models.hide());
    model.addEventListener("click", () => this.#list());
    this.#labels.get("model")?.after(this.#models.root, this.#note);
    this.#number("temperature", "Temperature", { min: "0", step: "0.1" });
    this.#number("max_tokens", "Max. answer tokens", { min: "1", step: "1" });
    const system = make("textarea");
    system.rows = 3;
    this.#add("system", "System prompt", system).placeholder = "none";
    for (const [name, { input }] of this.#fields) {
      input.addEventListener("change", () => this.#choose(name));
      input.addEventListener("keydown", (event) => this.#key(event as KeyboardEvent, name));
    }
  }

  /** Opens the panel with the list of models, because a model must be chosen. */
  openModels(): void {
    this.#popover.open();
  }

  paint(): void {
    const { model, settings, models, modelsNote } = this.#chat;
    const named = oneLine(model ?? "", 60);
    setText(this.button, named || (this.#chat.needsModel ? "Choose a model" : "Settings"));
    this.button.ariaLabel = named ? `Settings: ${named}` : "Settings";
    for (const [setting, field] of this.#fields) {
      const value = settings.get(setting) ?? null;
      const label = this.#labels.get(setting) as HTMLElement;
      label.hidden = value === null;
      if (value === field.known || field.input.matches(":focus")) continue;
      field.known = value;
      field.input.value = value ?? "";
    }
    setText(this.#note, modelsNote);
    if (models === this.#listed) return;
    this.#listed = models;
    const input = this.#fields.get("model")?.input;
    // Not :focus, because the window may lose the focus while the list is on its way.
    if (input && (input.getRootNode() as Document | ShadowRoot).activeElement === input) this.#list();
  }

  #opened(): void {
    if (!this.#asked) this.#chat.listModels();
    this.#asked = true;
    const input = this.#fields.get("model")?.input as HTMLInputElement;
    input.focus({ preventScroll: true });
    input.select();
    this.#list();
  }

  #list(typed = ""): void {
    const part = typed.trim().toLowerCase();
    const found = this.#chat.models.filter((name) => name.toLowerCase().includes(part));
    this.#models.show(found.slice(0, SHOWN).map((name) => ({ name })));
  }

  #key(event: KeyboardEvent, name: Setting): void {
    if (event.isComposing || (name === "model" && this.#models.key(event))) return;
    if (event.key !== "Enter" || (name === "system" && !event.ctrlKey && !event.metaKey)) return;
    event.preventDefault();
    this.#choose(name);
    this.#popover.close();
  }

  #choose(name: Setting): void {
    const field = this.#fields.get(name) as Field;
    const value = name === "system" ? field.input.value : field.input.value.trim();
    if (value === field.known || !field.input.checkValidity()) return;
    field.known = value;
    if (name === "model") this.#chat.choose(value);
    else this.#chat.set(name, value);
  }

  #number(name: Setting, label: string, limits: { min: string; step: string }): void {
    const input = this.#add(name, label, make("input"));
    input.type = "number";
    Object.assign(input, limits);
    input.placeholder = "default";
    // A step is for the arrows. Any number is taken.
    if (name === "temperature") input.step = "any";
  }

  #add<E extends HTMLInputElement | HTMLTextAreaElement>(name: Setting, words: string, input: E): E {
    const label = make("label", "streamwidget-field");
    input.spellcheck = false;
    input.autocomplete = "off";
    input.ariaLabel = words; // without the list that follows
    label.append(make("span", "", words), input);
    this.#fields.set(name, { input, known: null });
    this.#labels.set(name, label);
    this.#popover.panel.append(label);
    return input;
  }
}
