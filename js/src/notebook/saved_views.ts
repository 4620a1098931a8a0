// What the notebook's file holds in place of a view.
//
// A view is a widget, and without its kernel a widget is "model not found". So each save of the notebook writes the
// words that the view shows. The page keeps the view. A page that opens the file while the kernel lives finds the name
// of the widget beside the words, and shows the view again.
//
// A document that several pages share is written by its server. If words stood there, all pages would lose the view. So
// the last page that leaves puts them there.
//
// Only where the host shows us its notebook (JupyterLab, Notebook 7). It says when it saves, before it reads the cells.

import { fields } from "../transcript/guards";
import { managerOf, outputsOf, type SavedOutput, shownBy, shownWidgets, widgetData } from "./cells";
import { isAlone, trustAsShared } from "./shared_document";

const HTML = "text/html";
const PLAIN = "text/plain";

type Texts = Readonly<Record<string, unknown>>;

interface Widget {
  get(trait: string): unknown;
}

export class SavedViews {
  #model: Widget;
  #make: () => object;
  #saves = false;
  #shownBy = new Set<string>(); // the ids of the model, and of the boxes and tabs around its views

  /** `make` gives the words of `model`, a text for each media type. */
  constructor(model: Widget, make: () => object, life: AbortSignal) {
    this.#model = model;
    this.#make = make;
    const { context, restored } = managerOf(model) ?? {};
    const save = (_: unknown, state: unknown) => this.#try(() => state === "started" && this.#save());
    const restore = () => this.#try(() => this.#restore());
    const notebook = context?.model?.collaborative ? context.model : undefined;
    // The output comes with the document, before its widget or after it.
    const appear = () => void setTimeout(() => this.#try(() => this.#trust()));
    const leave = () => this.#try(() => isAlone(notebook) && this.#leave());
    if (notebook) {
      appear();
      addEventListener("pagehide", leave, { signal: life });
    }
    this.#try(() => {
      context?.saveState?.connect(save);
      restored?.connect(restore); // a box may come later than what is in it
      notebook?.contentChanged?.connect(appear);
      life.addEventListener("abort", () => {
        context?.saveState?.disconnect?.(save);
        restored?.disconnect?.(restore);
        notebook?.contentChanged?.disconnect?.(appear);
      });
    });
    restore();
  }

  /** Call it when a view of the model was made. */
  mounted(): void {
    this.#try(() => {
      for (const { id } of shownWidgets(this.#model)) {
        void this.#widget(id).then((shown) => shown && this.#isIn(shown) && this.#shownBy.add(id));
      }
    });
  }

  // In a page beside the one that ran the cell.
  #trust(): void {
    for (const { id, cell } of shownWidgets(this.#model)) {
      if (cell.trusted === false)
        void this.#widget(id).then((shown) => shown && this.#isIn(shown) && trustAsShared(cell));
    }
  }

  // anywidget hides the id of its model, but not its state.
  #isIn(shown: Widget): boolean {
    if (shown.get("state") === this.#model.get("state")) return true;
    const children = shown.get("children");
    return Array.isArray(children) && children.some((child) => this.#isIn(child));
  }

  #save(): void {
    if (this.#saves) return;
    this.#saves = true;
    const cells = new Set([...shownWidgets(this.#model)].map(({ cell }) => cell.sharedModel));
    for (const cell of cells) {
      const read = cell?.getOutputs;
      if (cell && read) cell.getOutputs = () => read.call(cell).map((output) => this.#words(output));
    }
    // The host has read the cells by then. They have the method of their class again.
    setTimeout(() => {
      this.#saves = false;
      for (const cell of cells) if (cell) Reflect.deleteProperty(cell, "getOutputs");
    });
  }

  #leave(): void {
    for (const { data, metadata, replace } of outputsOf(this.#model)) {
      const output = { data, metadata };
      const words = this.#words(output);
      if (words !== output) replace(words.data ?? {}, words.metadata);
    }
  }

  #words(output: SavedOutput): SavedOutput {
    const beside = standsFor(output); // the words of another view in the same box are there
    const id = beside ?? shownBy(output);
    if (id === null || !this.#shownBy.has(id)) return output;
    try {
      const made = this.#make() as Texts;
      const data = beside === null ? made : { ...output.data, ...made, ...joined(output.data ?? {}, made) };
      return { ...output, data, metadata: { ...output.metadata, streamwidget: { view: id } } };
    } catch {
      return output; // the notebook is saved, whatever happens here
    }
  }

  #restore(): void {
    for (const { data, metadata, replace } of outputsOf(this.#model)) {
      const id = standsFor({ metadata });
      if (id === null) continue;
      const plain = data?.[PLAIN] ?? "";
      void this.#widget(id).then((widget) => widget && replace({ ...widgetData(id), [PLAIN]: plain }));
    }
  }

  async #widget(id: string): Promise<Widget | null> {
    try {
      return (await managerOf(this.#model)?.get_model?.(id)) ?? null;
    } catch {
      return null; // its kernel is gone
    }
  }

  #try(act: () => void): void {
    try {
      act();
    } catch (error) {
      console.debug("[streamwidget] saved as a widget", error);
    }
  }
}

/** The id of the widget that the words of an output stand for. Null if it holds none. */
function standsFor({ metadata }: SavedOutput): string | null {
  const id = fields(metadata?.streamwidget)?.view;
  return typeof id === "string" ? id : null;
}

function joined(one: Texts, two: Texts): Texts {
  return Object.fromEntries([HTML, PLAIN].map((type) => [type, `${one[type] ?? ""}\n\n${two[type] ?? ""}`]));
}
