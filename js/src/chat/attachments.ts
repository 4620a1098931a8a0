// The files of the prompt that is being written: its chips, and the button that opens the picker.

import { make, makeButton, setHidden } from "../dom/elements";
import { oneLine } from "../text/one_line";
import type { SentFile } from "./chat";
import { chip, sizeOf } from "./chip";
import { readFile } from "./files";
import type { FileState } from "./messages";

const MOST = 20; // files of a prompt, as in _view/chat/uploads.py

export interface Attached {
  readonly send: SentFile;
  readonly bytes: number;
  readonly shown: FileState;
}

interface Owner {
  /** False while the prompt is on its way. */
  canTake(): boolean;
  /** Shows why something was not added. An empty text takes it away. */
  say(note: string): void;
  /** Puts the focus back into the prompt box. */
  focus(): void;
}

/** Files of an earlier prompt, by their places in it. */
export function kept(files: readonly FileState[]): Attached[] {
  return files.map((shown, keep) => ({ send: { keep }, bytes: 0, shown }));
}

export class Attachments {
  /** The chips. */
  readonly root = make("div", "streamwidget-chips");
  readonly button: HTMLButtonElement;
  /** The hidden input of the picker. */
  readonly picker = make("input");
  #owner: Owner;
  #list: readonly Attached[] = [];
  /** How many files are being read. They are read one after the other, because the limit is for all together. */
  #reads = 0;
  #reading = Promise.resolve();
  #refused: string[] = [];

  constructor(owner: Owner) {
    this.#owner = owner;
    this.root.hidden = true;
    const { picker } = this;
    picker.type = "file";
    picker.multiple = true;
    picker.hidden = true;
    picker.addEventListener("change", () => {
      this.add([...(picker.files ?? [])]);
      picker.value = "";
    });
    this.button = makeButton("", "Add file", () => picker.click());
    this.button.title = "Text, CSV, PDF, audio or images. You can also paste or drop them.";
  }

  get list(): readonly Attached[] {
    return this.#list;
  }

  /** A file is still being read. */
  get reading(): boolean {
    return this.#reads > 0;
  }

  become(list: readonly Attached[]): void {
    this.#list = list;
    this.#paint();
  }

  /** Reads these files and adds those that can be sent. The others are named. */
  add(files: readonly File[]): void {
    if (!this.#owner.canTake()) return;
    if (!this.reading) this.#refused = [];
    const taken = files.slice(0, Math.max(0, MOST - this.#list.length - this.#reads));
    const left = files.length - taken.length;
    if (left > 0)
      this.#refused.push(`${left} of ${files.length} files were not added. A prompt takes at most ${MOST}.`);
    for (const file of taken) {
      this.#reads += 1;
      this.#reading = this.#reading.then(() => this.#read(file));
    }
    if (!this.reading) this.#owner.say(this.#refused.join(" "));
  }

  async #read(file: File): Promise<void> {
    const read = await readFile(
      file,
      this.#list.reduce((sum, { bytes }) => sum + bytes, 0),
    );
    this.#reads -= 1;
    if (typeof read === "string") {
      this.#refused.push(read);
    } else {
      const { kind, name, data, bound, thumbnail } = read;
      const label = [sizeOf(data.byteLength), bound].filter(Boolean).join(", ");
      const shown = { kind, name, label, src: thumbnail };
      this.#list = [...this.#list, { send: { data, name, thumbnail }, bytes: data.byteLength, shown }];
    }
    if (!this.reading) this.#owner.say(this.#refused.join(" "));
    this.#paint();
  }

  #paint(): void {
    const chips = this.#list.map((one) => {
      const root = chip(one.shown);
      const remove = makeButton("", "×", () => {
        this.become(this.#list.filter((other) => other !== one));
        this.#owner.focus(); // because the button disappears
      });
      remove.ariaLabel = `Remove ${oneLine(one.shown.name, 100)}`;
      root.append(remove);
      return root;
    });
    this.root.replaceChildren(...chips);
    setHidden(this.root, chips.length === 0);
  }
}
