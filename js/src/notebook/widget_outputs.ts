// The outputs of the notebook that show a widget, and the saved answer that replaces them.
//
// When an answer is over, the kernel replaces its view. The page that displayed the view applies that update. A page
// that was reloaded since does not know the display id: it would keep the view, and the notebook would be saved with a
// widget that nobody can draw. So a view that is still there some time after its end asks for the saved answer, and
// this file puts it into the outputs, where the host shows us its notebook (JupyterLab, Notebook 7). The kernel closes
// the replaced widget when each page has said that its last view left. When the kernel is gone, the page makes the saved
// answer.

import type { PageMessage } from "../transcript/messages";
import { isModel, shownWidgets } from "./cells";

const REPLACED_MS = 1000; // what the kernel's own update may take
const QUIET_MS = 300; // after the last message: a kernel that goes may still have one on the way

type Op = Extract<PageMessage, { page: string }>["op"];

interface Model {
  get(trait: "state"): unknown;
  set(trait: "state", value: unknown): void;
}

export class WidgetOutputs {
  #model: Model;
  #send: (op: Op) => void;
  #views = 0;
  #left = false;
  #asked: ReturnType<typeof setTimeout> | undefined;
  #quiet: ReturnType<typeof setTimeout> | undefined;
  #make: (() => object) | null = null;

  constructor(model: Model, send: (op: Op) => void) {
    this.#model = model;
    this.#send = send;
  }

  /** Notes one more view of the model, and one less when `signal` aborts. */
  mounted(over: boolean, signal: AbortSignal): void {
    this.#views += 1;
    if (this.#left) this.#send("sync");
    this.#left = false;
    if (over) this.ended();
    signal.addEventListener("abort", () => this.#unmounted(), { once: true });
  }

  /** True if a view of the model is mounted, or the notebook has an output with this id that is not drawn yet. */
  isShown(id: unknown): boolean {
    try {
      return this.#views > 0 || [...shownWidgets(this.#model)].some((shown) => shown.id === id);
    } catch {
      return false;
    }
  }

  /** Notes that the stream is over. */
  ended(): void {
    // Ask once. A view that stays after that is one that its owner keeps.
    if (this.#views > 0) this.#asked ??= setTimeout(() => this.#send("saved"), REPLACED_MS);
  }

  /** Notes that the kernel is gone and will not answer. What `make` gives replaces the views. */
  kernelGone(make: () => object): void {
    this.#make = make;
    this.#awaitQuiet(make);
  }

  /** Takes the content of a message, and returns true where it was the saved answer. */
  receive(content: unknown): boolean {
    if (this.#make) this.#awaitQuiet(this.#make);
    const raw = content as { op?: unknown; view?: unknown; mimebundle?: unknown; metadata?: object } | null;
    if (raw?.op !== "saved") return false;
    const texts = Object.entries(raw.mimebundle ?? {}).filter(
      ([, text]) => typeof text === "string" || Array.isArray(text),
    );
    if (typeof raw.view === "string" && texts.length > 0)
      this.#replace(raw.view, Object.fromEntries(texts), raw.metadata ?? {});
    return true;
  }

  /** Call it when the widget was closed. */
  dispose(): void {
    clearTimeout(this.#asked);
    clearTimeout(this.#quiet);
    // A host may keep the model of a closed widget. It shall not keep the text too. Twice, because a model also
    // remembers its previous state.
    for (let n = 0; n < 2; n += 1) this.#model.set("state", { n });
  }

  #awaitQuiet(make: () => object): void {
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => this.#replaceOwn(make), QUIET_MS);
  }

  #replaceOwn(make: () => object): void {
    this.#make = null;
    this.#send = () => {}; // no kernel is there to hear that the views left
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
    this.#send("left");
  }

  #replace(view: string, data: object, metadata = {}): void {
    try {
      for (const { id, replace } of shownWidgets(this.#model)) if (id === view) replace(data, metadata);
    } catch (error) {
      console.debug("[streamwidget] the view stays", error);
    }
  }
}
