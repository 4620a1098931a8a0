// The place of a view in the notebook, and the saved answer that takes it.
//
// The kernel replaces a view that is over, but its update is for the page that displayed the view: a page that was
// reloaded since knows no display id, and would save a widget that nobody can draw. So a view that is still there some
// time after its end asks for the saved answer, and puts it where the host shows us its notebook (JupyterLab,
// Notebook 7). The kernel closes a view that was replaced when the page says that it has left. Where the kernel is gone,
// the page makes the saved answer itself.

import type { PageMessage } from "../transcript/messages";
import { isModel, shownWidgets } from "./cells";

const REPLACED_MS = 1000; // what the kernel's own update may take
const QUIET_MS = 300; // after the last message, which a kernel that goes may still have on the way

type Word = Extract<PageMessage, { page: string }>["op"];

interface Model {
  get(trait: "state"): unknown;
  set(trait: "state", value: unknown): void;
}

export class Place {
  #model: Model;
  #tell: (word: Word) => void;
  #views = 0;
  #left = false;
  #asked: ReturnType<typeof setTimeout> | undefined;
  #quiet: ReturnType<typeof setTimeout> | undefined;
  #make: (() => object) | null = null;

  constructor(model: Model, tell: (word: Word) => void) {
    this.#model = model;
    this.#tell = tell;
  }

  /** Notes one more view of the model; one less when `signal` aborts. */
  mounted(over: boolean, signal: AbortSignal): void {
    this.#views += 1;
    if (this.#left) this.#tell("sync");
    this.#left = false;
    if (over) this.ended();
    signal.addEventListener("abort", () => this.#unmounted(), { once: true });
  }

  /** Notes that the stream is over. */
  ended(): void {
    // Once: a view that stays after that is kept.
    if (this.#views > 0) this.#asked ??= setTimeout(() => this.#tell("saved"), REPLACED_MS);
  }

  /** Notes that the kernel is gone, and will not answer: what `make` gives takes the place of the views. */
  kernelGone(make: () => object): void {
    this.#make = make;
    this.#awaitQuiet(make);
  }

  /** Takes the content of a message; true where it was the saved answer. */
  receive(content: unknown): boolean {
    if (this.#make) this.#awaitQuiet(this.#make);
    const raw = content as { op?: unknown; view?: unknown; bundle?: unknown } | null;
    if (raw?.op !== "saved") return false;
    const texts = Object.entries(raw.bundle ?? {}).filter(([, text]) => typeof text === "string");
    if (typeof raw.view === "string" && texts.length > 0) this.#replace(raw.view, Object.fromEntries(texts));
    return true;
  }

  /** Call it when the widget was closed. */
  dispose(): void {
    clearTimeout(this.#asked);
    clearTimeout(this.#quiet);
    // A host may keep the model of a closed widget: not the text, too. Twice, for it remembers what it was before.
    for (let n = 0; n < 2; n += 1) this.#model.set("state", { n });
  }

  #awaitQuiet(make: () => object): void {
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => this.#replaceOwn(make), QUIET_MS);
  }

  #replaceOwn(make: () => object): void {
    this.#make = null;
    this.#tell = () => {}; // there is nobody to be told that the views left
    try {
      for (const { id } of shownWidgets(this.#model))
        void isModel(id, this.#model).then((own) => own && this.#replace(id, make()));
    } catch (error) {
      console.debug("[streamwidget] the view stays", error);
    }
  }

  #unmounted(): void {
    this.#views -= 1;
    if (this.#views > 0) return;
    this.#left = true;
    clearTimeout(this.#asked);
    this.#asked = undefined;
    this.#tell("left");
  }

  #replace(view: string, data: object): void {
    try {
      for (const { id, replace } of shownWidgets(this.#model)) {
        if (id === view) replace({ output_type: "display_data", data, metadata: {} });
      }
    } catch (error) {
      console.debug("[streamwidget] the view stays", error);
    }
  }
}
