// The prompt box, its buttons and its files. It keeps the typed text until the kernel has taken it. While a turn is
// edited, the box stands in its place.

import { makeStop, stopWord } from "../answer/head";
import { hideFocused, make, makeButton, setHidden, setText } from "../dom/elements";
import { oneLine } from "../text/one_line";
import { type Attached, Attachments, kept } from "./attachments";
import type { Chat } from "./chat";
import { filesOf } from "./files";
import { Options } from "./options";
import { Settings } from "./settings";
import type { Turn } from "./turn";

const RUNNING = "An answer is still being written. Esc stops it.";
const READING = "A file is still being read";
const GROWS = CSS.supports("field-sizing", "content");

export class Composer {
  readonly root = make("div", "streamwidget-composer");
  readonly stop: HTMLButtonElement;
  #chat: Chat;
  readonly text = make("textarea", "streamwidget-input");
  #send: HTMLButtonElement;
  #settings: Settings;
  #commands: Options;
  #editing = make("p", "streamwidget-editing");
  #editingWords = make("small");
  #cancelEdit: HTMLButtonElement;
  #note = make("small", "streamwidget-note");
  #files: Attachments;
  #edited: Turn | null = null;
  /** The content of the box before a turn was edited. */
  #draft: readonly [text: string, files: readonly Attached[]] = ["", []];
  #sent: string | null = null;
  #modelWanted = 0;
  #onSent: () => void;
  #place: (edited: Turn | null) => void;

  /**
   * @param onSent is called when a prompt of this box was sent
   * @param place  puts the box into the place of the turn that is edited, or back
   */
  constructor(chat: Chat, onSent: () => void, place: (edited: Turn | null) => void) {
    this.#chat = chat;
    this.#onSent = onSent;
    this.#place = place;
    this.#modelWanted = chat.modelWanted;
    this.stop = makeStop(() => chat.stop());
    this.#send = makeButton("streamwidget-send", "Send", () => this.#submit());
    this.#send.title = "Send (Enter)";
    this.#settings = new Settings(chat);
    this.#commands = new Options(this.text, "Commands", (name) => {
      this.text.value = `${name} `;
      this.#commands.hide();
      this.#grow();
    });
    this.#cancelEdit = makeButton("", "Cancel", () => this.#cancel());
    this.#note.role = "status";

    const text = this.text;
    text.rows = 1;
    text.ariaLabel = "Prompt";
    text.placeholder = "Ask something";
    text.dir = "auto";
    text.addEventListener("input", () => {
      this.#grow();
      this.#listCommands();
    });
    text.addEventListener("blur", () => this.#commands.hide());
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
    bar.append(this.#settings.button, files.button, files.picker, this.#note, this.#send, this.stop);
    this.root.append(this.#editing, files.root, this.#commands.root, text, bar, this.#settings.panel);
  }

  paint(): void {
    const chat = this.#chat;
    const live = chat.live?.transcript;
    if (this.#sent !== null && chat.pending !== this.#sent) this.#settle();
    const waits = this.#sent !== null;
    this.text.readOnly = waits || chat.gone;
    this.#send.ariaDisabled = String(waits || chat.gone);
    if (live) {
      setHidden(this.stop, false);
      hideFocused(this.#send, this.stop);
      setText(this.stop, stopWord(live));
    } else {
      setHidden(this.#send, false);
      hideFocused(this.stop, this.text);
    }
    this.#settings.paint();
    const wanted = chat.modelWanted > this.#modelWanted;
    if (wanted && this.root.closest(".streamwidget-chat:focus-within")) this.#settings.openModels();
    this.#modelWanted = chat.modelWanted;
    if (!waits && this.#edited && !chat.turns.includes(this.#edited)) {
      // The edited turn was removed, and its files with it. The typed text stays.
      this.#edited = null;
      const own = this.#files.list.filter(({ send }) => !("keep" in send));
      this.#fill(this.text.value, own);
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
    if (!this.#edited) this.#draft = [this.text.value, this.#files.list];
    this.#edited = turn;
    const number = this.#chat.turns.indexOf(turn) + 1;
    setText(this.#editingWords, `Editing message ${number}. The old one, and what follows it, is kept as a branch.`);
    this.#fill(turn.text, kept(turn.files));
    this.text.focus({ preventScroll: true });
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
    if (this.#isCommand(event) && this.#commands.key(event)) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.#submit();
    } else if (event.key === "Escape" && !this.#chat.live && this.#edited) {
      event.preventDefault();
      this.#cancel();
    } else if (event.key === "ArrowUp" && this.text.value === "" && !this.#edited && this.#files.list.length === 0) {
      const last = this.#chat.last;
      if (!last) return;
      event.preventDefault();
      this.edit(last);
    }
  }

  #listCommands(): void {
    const typed = /^\/\S*$/.exec(this.text.value)?.[0];
    const found = typed ? this.#chat.setup.commands.filter(({ name }) => name.startsWith(typed)) : [];
    this.#commands.show(found, 0);
  }

  // Enter sends a command that is typed in full.
  #isCommand(event: KeyboardEvent): boolean {
    const typed = this.text.value;
    return event.key !== "Enter" || !this.#chat.setup.commands.some(({ name }) => name === typed);
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
    if (this.text.value.trim() === "" && this.#files.list.length === 0) return;
    const files = this.#files.list.map(({ send }) => send);
    this.#commands.hide();
    this.#sent = chat.send(this.text.value, files, this.#edited?.key ?? null);
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
    const focused = this.root.matches(":focus-within");
    this.#place(this.#edited);
    if (focused) this.text.focus({ preventScroll: true }); // an element that is moved loses the focus
    this.text.value = text;
    this.#files.become(files);
    if (this.#edited) setHidden(this.#editing, false);
    else hideFocused(this.#editing, this.text);
    this.#grow();
  }

  /** Adds files to the prompt, wherever in the chat they were dropped. */
  attach(files: readonly File[]): void {
    this.#files.add(files);
  }

  #grow(): void {
    if (GROWS) return;
    const { style } = this.text;
    style.height = "auto";
    style.height = `${this.text.scrollHeight + 2}px`;
  }

  #take(event: Event, transfer: DataTransfer | null): void {
    const files = filesOf(transfer);
    if (files.length === 0) return;
    event.preventDefault();
    this.attach(files);
  }
}
