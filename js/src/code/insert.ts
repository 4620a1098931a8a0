// A new code cell under the one that holds an answer, where the host lets a widget reach the notebook: JupyterLab and
// Notebook 7 (by the widget manager's document context) and nbclassic (by its global). Never runs anything.

interface SharedCell {
  readonly cell_type: string;
  readonly execution_count?: number | null;
}

interface SharedNotebook {
  readonly cells: readonly SharedCell[];
  insertCell(index: number, cell: object): unknown;
}

interface DocumentModel {
  readonly readOnly?: boolean;
  readonly sharedModel?: SharedNotebook;
}

type WidgetManager = { readonly context?: { readonly model?: DocumentModel } | null };

interface ClassicNotebook {
  get_cells(): ReadonlyArray<{ readonly element?: ArrayLike<Element> }>;
  insert_cell_at_index(type: string, index: number): { set_text(text: string): void };
}

// Of each notebook's element, so that saved answers, which have no model, find theirs. Two notebooks may be open.
const managers = new WeakMap<Element, WeakRef<object>>();

/** Notes the notebook that `element`, now in the page, stands in: `model` is the model of the widget in it. */
export function rememberNotebook(element: Element, model: object): void {
  const notebook = element.closest(".jp-Notebook");
  const manager = (model as { widget_manager?: object }).widget_manager;
  if (notebook && manager) managers.set(notebook, new WeakRef(manager));
}

/** Inserts a code cell with `code` under the cell that holds `element`; false where that cannot be done. */
export function insertBelow(element: Element, code: string): boolean {
  try {
    return insertInLab(element, code) || insertInClassic(element, code);
  } catch {
    return false; // a host of another version: nothing of this is a promised interface
  }
}

function insertInLab(element: Element, code: string): boolean {
  const cell = element.closest(".jp-Notebook .jp-Cell");
  const notebook = cell?.closest(".jp-Notebook");
  const manager = notebook && (managers.get(notebook)?.deref() as WidgetManager | undefined);
  const model = manager?.context?.model;
  const shared = model?.sharedModel;
  if (!cell || !notebook || !shared || model?.readOnly) return false;
  const index = cellIndex(cell, notebook, shared);
  if (index < 0) return false;
  shared.insertCell(index + 1, { cell_type: "code", source: code, metadata: { trusted: true } });
  return true;
}

// Its place among the cells in the page, where all of them are there; else the place that the notebook wrote on it. And
// the number in its prompt must be the one of the model's cell.
function cellIndex(cell: Element, notebook: Element, shared: SharedNotebook): number {
  const inPage = [...notebook.querySelectorAll(".jp-Cell")];
  const noted = Number.parseInt((cell as HTMLElement).dataset.windowedListIndex ?? "", 10);
  const index = inPage.length === shared.cells.length ? inPage.indexOf(cell) : noted;
  const found = shared.cells[index];
  if (found?.cell_type !== "code") return -1;
  const prompt = /\d+/.exec(cell.querySelector(".jp-InputPrompt")?.textContent ?? "")?.[0];
  return prompt && found.execution_count && prompt !== String(found.execution_count) ? -1 : index;
}

function insertInClassic(element: Element, code: string): boolean {
  const notebook = (globalThis as { Jupyter?: { notebook?: ClassicNotebook } }).Jupyter?.notebook;
  const index = notebook?.get_cells().findIndex((cell) => cell.element?.[0]?.contains(element)) ?? -1;
  if (!notebook || index < 0) return false;
  notebook.insert_cell_at_index("code", index + 1).set_text(code);
  return true;
}
