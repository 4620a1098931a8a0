// The prompt box, its buttons and its files. It keeps the typed text until the kernel has taken it.

import { makeStop, stopWord } from "../answer/head";
import { hideFocused, make, makeButton, setHidden, setText } from "../dom/elements";
import { oneLine } from "../text/one_line";
import { type Attached, Attachments, kept } from "./attachments";
import type { Chat } from "./chat";
import { ClearButton } from "./clear_button";
import { filesOf } from "./files";
import { ModelPicker } from "./model_picker";
import type { Turn } from "./turn";

const RUNNING = "An answer is still being written. Esc stops it.";
const READING = "A file is still being read";
const GROWS = CSS.supports("field-sizing", "content");

export class Composer {
  readonly root = make("div", "streamwidget-composer");
  readonly stop: HTMLButtonElement;
  #chat: Chat;
  #text = make("textarea", "streamwidget-input");
  #send: HTMLButtonElement;
  #clear: ClearButton;
  #models: ModelPicker;
  #editing = make("p", "streamwidget-editing");
  #editingWords = make("small");
  #cancelEdit: HTMLButtonElement;
  #note = make("small", "streamwidget-note");
  #files: Attachments;
  #edited: Turn | null = null;
  /** The content of the box before a turn was edited. */
  #draft: readonly [text: string, files: readonly Attached[]] = ["", []];
  #sent: string | null = null;
  #onSent: () => void;

  /** @param onSent is called when a prompt of this box was sent */
  constructor(chat: Chat, onSent: () => void) {
    this.#chat = chat;
    this.#onSent = onSent;
    this.stop = makeStop(() => chat.stop());
    this.#send = makeButton("streamwidget-send", "Send", () => this.#submit());
    this.#send.title = "Send (Enter)";
    this.#clear = new ClearButton(chat, this.#text);
    this.#models = new ModelPicker(chat);
    this.#cancelEdit = makeButton("", "Cancel", () => this.#cancel());
    this.#note.role = "status";

    const text = this.#text;
    text.rows = 1;
    text.ariaLabel = "Prompt";
    text.placeholder = "Ask something";
    text.dir = "auto";
    text.addEventListener("input", () => this.#grow());
    text.addEventListener("keydown", (event) => this.#key(event));
    text.addEventListener("paste", (event) => {
      // A copied cell or paragraph brings a picture of itself. Then only the text counts.
      if (!event.clipboardData?.getData("text/plain").trim()) this.#take(event, event.clipboardData);
    });
    const files = new Attachments({
      canTake: () => this.#sent === null && !chat.gone,
      say: (note) => chat.say(note),
      focus: () => text.focus({ preventScroll: true }),
    });
    this.#files = files;

    this.#editing.append(this.#editingWords, " ", this.#cancelEdit);
    this.#editing.hidden = true;
    const bar = make("div", "streamwidget-bar");
    bar.append(this.#models.root, files.button, files.picker, this.#note, this.#clear.root, this.#send, this.stop);
    this.root.append(this.#editing, files.root, text, bar);
  }

  paint(): void {
    const chat = this.#chat;
    const live = chat.live?.transcript;
    if (this.#sent !== null && chat.pending !== this.#sent) this.#settle();
    const waits = this.#sent !== null;
    this.#text.readOnly = waits || chat.gone;
    this.#send.ariaDisabled = String(waits || chat.gone);
    if (live) {
      setHidden(this.stop, false);
      hideFocused(this.#send, this.stop);
      setText(this.stop, stopWord(live));
    } else {
      setHidden(this.#send, false);
      hideFocused(this.stop, this.#text);
    }
    this.#clear.paint();
    this.#models.paint();
    if (!waits && this.#edited && !chat.turns.includes(this.#edited)) {
      // The edited turn was removed, and its files with it. The typed text stays.
      this.#edited = null;
      const own = this.#files.list.filter(({ send }) => !("keep" in send));
      this.#fill(this.#text.value, own);
    }
    if (!live && chat.note === RUNNING) chat.note = "";
    setText(this.#note, this.#words(waits));
  }

  /** Lets the person edit `turn` in this box. */
  edit(turn: Turn): void {
    if (this.#chat.live) {
      this.#chat.say(RUNNING);
      return;
    }
    if (this.#sent !== null) return;
    if (!this.#edited) this.#draft = [this.#text.value, this.#files.list];
    this.#edited = turn;
    const number = this.#chat.turns.indexOf(turn) + 1;
    setText(this.#editingWords, `Editing message ${number}. Sending replaces it and removes what follows.`);
    this.#fill(turn.text, kept(turn.files));
    this.#text.focus({ preventScroll: true });
  }

  #words(waits: boolean): string {
    const chat = this.#chat;
    if (chat.gone) return "Kernel gone: the conversation so far is kept";
    if (!chat.connection.up) return [chat.connection.words, oneLine(chat.note)].filter(Boolean).join(" · ");
    if (waits && chat.busy) return "Kernel busy: the prompt is queued";
    return oneLine(chat.note);
  }

  #key(event: KeyboardEvent): void {
    // 229 is a key that the input method has taken. Some browsers report it only in this way.
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.#submit();
    } else if (event.key === "Escape" && !this.#chat.live && this.#edited) {
      event.preventDefault();
      this.#cancel();
    } else if (event.key === "ArrowUp" && this.#text.value === "" && !this.#edited && this.#files.list.length === 0) {
      const last = this.#chat.last;
      if (!last) return;
      event.preventDefault();
      this.edit(last);
    }
  }

  #submit(): void {
    if (this.#sent !== null) return; // a second Enter
    const chat = this.#chat;
    const not = chat.live
      ? RUNNING
      : chat.pending
        ? "A prompt is still on its way"
        : this.#files.reading
          ? READING
          : "";
    if (not) {
      chat.say(not);
      return;
    }
    if (this.#text.value.trim() === "" && this.#files.list.length === 0) return;
    const files = this.#files.list.map(({ send }) => send);
    this.#sent = chat.send(this.#text.value, files, this.#edited?.key ?? null);
  }

  // The kernel took the prompt or refused it. A refused prompt stays in the box.
  #settle(): void {
    const taken = this.#chat.taken === this.#sent;
    this.#sent = null;
    if (!taken) return;
    this.#restore();
    this.#onSent();
  }

  #cancel(): void {
    if (this.#sent === null) this.#restore();
  }

  #restore(): void {
    this.#edited = null;
    this.#fill(...this.#draft);
    this.#draft = ["", []];
  }

  #fill(text: string, files: readonly Attached[]): void {
    this.#text.value = text;
    this.#files.become(files);
    if (this.#edited) setHidden(this.#editing, false);
    else hideFocused(this.#editing, this.#text);
    this.#grow();
  }

  /** Adds files to the prompt, wherever in the chat they were dropped. */
  attach(files: readonly File[]): void {
    this.#files.add(files);
  }

  #grow(): void {
    if (GROWS) return;
    const { style } = this.#text;
    style.height = "auto";
    style.height = `${this.#text.scrollHeight + 2}px`;
  }

  #take(event: Event, transfer: DataTransfer | null): void {
    const files = filesOf(transfer);
    if (files.length === 0) return;
    event.preventDefault();
    this.attach(files);
  }
}
