// The line under the prompt box: what the conversation holds, and the buttons for the whole of it. The kernel writes the
// transcript, because only it has all: images, branches and feedback.

import { insertCells } from "../code/insert";
import { copyText } from "../dom/clipboard";
import { hideFocused, make, makeButton, setHidden, setText } from "../dom/elements";
import { oneLine } from "../text/one_line";
import type { Chat, TranscriptFile } from "./chat";
import { ClearButton } from "./clear_button";
import { Popover } from "./popover";

const UNDO: Readonly<Record<string, string>> = {
  prompt: "the last prompt",
  edit: "the edit",
  retry: "the retry",
  delete: "the deletion",
  clear: "the clearing",
};

export class Footer {
  readonly root = make("div", "streamwidget-footer");
  #chat: Chat;
  #total = make("small", "streamwidget-total streamwidget-quiet");
  #undo: HTMLButtonElement;
  #redo: HTMLButtonElement;
  #clear: ClearButton;
  #transcript: Popover;
  #next: HTMLElement;

  /** @param next gets the focus when a button that had it disappears */
  constructor(chat: Chat, next: HTMLElement) {
    this.#chat = chat;
    this.#next = next;
    this.#undo = makeButton("", "Undo", () => chat.undo());
    this.#redo = makeButton("", "Redo", () => chat.redo());
    this.#clear = new ClearButton(chat, next);
    this.#transcript = new Popover("Transcript", () =>
      this.#transcript.panel.querySelector("button")?.focus({ preventScroll: true }),
    );
    this.#transcript.button.title = "Copy or download the conversation";
    this.#transcript.panel.append(
      this.#action("Copy as Markdown", "markdown", ({ text }) => this.#copy(text)),
      this.#action("Copy as JSON", "json", ({ text }) => this.#copy(text)),
      this.#action("Download Markdown", "markdown", download),
      this.#action("Download JSON", "json", download),
      this.#action("Download notebook", "notebook", download),
      this.#action("Insert as cells below", "notebook", ({ text }) => this.#insert(text)),
    );
    const bar = make("div", "streamwidget-bar");
    bar.append(this.#undo, this.#redo, this.#transcript.button, this.#clear.root);
    this.root.append(this.#total, bar, this.#transcript.panel);
    this.root.addEventListener("keydown", (event) => this.key(event));
  }

  paint(): void {
    const { undoable, redoable, gone, turns } = this.#chat;
    setHidden(this.root, turns.length === 0 && undoable === null && redoable === null);
    for (const [button, step, word] of [
      [this.#undo, undoable, "Undo"],
      [this.#redo, redoable, "Redo"],
    ] as const) {
      const about = step === null ? word : `${word} ${UNDO[step] ?? step}`;
      button.title = about;
      if (step === null || gone) hideFocused(button, this.#next);
      else setHidden(button, false);
    }
    if (turns.length === 0 || gone) {
      this.#transcript.close();
      hideFocused(this.#transcript.button, this.#next);
    } else setHidden(this.#transcript.button, false);
    this.#clear.paint();
    setText(this.#total, totals(this.#chat));
    this.#total.title = "Tokens as the provider counts them. Each request sends the earlier turns again.";
  }

  /** Ctrl+Z and Shift+Ctrl+Z, outside of text fields, where they undo typing. */
  key(event: KeyboardEvent): void {
    if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z" || event.defaultPrevented) return;
    if ((event.target as Element).matches("input, textarea")) return;
    event.preventDefault();
    if (event.shiftKey) this.#chat.redo();
    else this.#chat.undo();
  }

  #action(label: string, format: string, use: (file: TranscriptFile) => void): HTMLButtonElement {
    return makeButton("streamwidget-menu-item", label, () => {
      this.#transcript.close();
      this.#chat.transcript(format, use);
    });
  }

  async #copy(text: string): Promise<void> {
    const copied = await copyText(text);
    this.#chat.say(copied ? "Transcript copied" : "The page may not copy here. Download the transcript instead.");
  }

  #insert(text: string): void {
    const done = insertCells(this.root, (JSON.parse(text) as { cells: object[] }).cells);
    this.#chat.say(done ? "Cells inserted below" : "This page takes no new cells. Download the notebook instead.");
  }
}

function download({ text, name, type }: TranscriptFile): void {
  const link = make("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // the browser reads it later
}

function count(value: number, word: string): string {
  return `${value.toLocaleString("en")} ${word}${value === 1 ? "" : "s"}`;
}

function totals({ turns, trimmed, tokens }: Chat): string {
  if (turns.length === 0) return "";
  const parts = [count(turns.length, "turn")];
  if (tokens.prompt > 0) parts.push(count(tokens.prompt, "prompt token"));
  if (tokens.answer > 0) parts.push(count(tokens.answer, "answer token"));
  if (tokens.context > 0 && tokens.window > 0) {
    const share = (100 * tokens.context) / tokens.window;
    parts.push(
      `${share < 1 ? "under 1" : Math.round(share)} % of ${tokens.window.toLocaleString("en")} context tokens`,
    );
  }
  if (tokens.cost) parts.push(oneLine(tokens.cost));
  if (trimmed > 0) parts.push(`${count(trimmed, "earlier turn")} not sent`);
  return parts.join(" · ");
}
