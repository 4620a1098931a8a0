// The place of a view in the notebook, and the saved answer that takes it.
//
// The kernel replaces a view that is over, but its update is for the page that displayed the view: a page that was
// reloaded since knows no display id, and would save a widget that nobody can draw. So a view that is still there some
// time after its end asks for the saved answer, and puts it where the host shows us its notebook (JupyterLab,
// Notebook 7). The kernel closes a view that was replaced when the page says that it has left.

import { shownWidgets } from "./cells";
import type { PageMessage } from "./messages";

const REPLACED_MS = 1000; // what the kernel's own update may take

type Word = Extract<PageMessage, { page: string }>["op"];

export class Place {
  #model: object;
  #tell: (word: Word) => void;
  #views = 0;
  #left = false;
  #asked: ReturnType<typeof setTimeout> | undefined;

  constructor(model: object, tell: (word: Word) => void) {
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

  /** Takes the content of a message; true where it was the saved answer. */
  receive(content: unknown): boolean {
    const raw = content as { op?: unknown; view?: unknown; bundle?: unknown } | null;
    if (raw?.op !== "saved") return false;
    const texts = Object.entries(raw.bundle ?? {}).filter(([, text]) => typeof text === "string");
    if (typeof raw.view === "string" && texts.length > 0) this.#replace(raw.view, Object.fromEntries(texts));
    return true;
  }

  dispose(): void {
    clearTimeout(this.#asked);
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
