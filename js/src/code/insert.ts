// Inserts a code cell under the cell that holds an answer. A widget can reach the notebook in JupyterLab and Notebook 7
// (by the document context of the widget manager) and in nbclassic (by its global). Nothing here runs a cell.

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

// The manager of each notebook's element. Saved answers have no model, so they find their notebook by this. Two
// notebooks may be open. All bundles of a page share it: the tools of a saved answer may come from the chat's bundle,
// and the notebook's only model from that of the answers.
const MANAGERS = Symbol.for("streamwidget.notebooks");
const page = document as Document & { [MANAGERS]?: WeakMap<Element, WeakRef<object>> };
page[MANAGERS] ??= new WeakMap();
const managers = page[MANAGERS];

/** Notes which notebook holds `element`. `model` is the model of a widget in it. */
export function rememberNotebook(element: Element, model: object): void {
  const notebook = element.closest(".jp-Notebook");
  const manager = (model as { widget_manager?: object }).widget_manager;
  if (notebook && manager) managers.set(notebook, new WeakRef(manager));
}

/** Inserts cells as a notebook's file has them. Returns false if it cannot. Only JupyterLab and Notebook 7 take them. */
export function insertCells(element: Element, cells: readonly object[]): boolean {
  try {
    return insertInLab(element, cells);
  } catch {
    return false;
  }
}

/** Inserts a code cell with `code` under the cell that holds `element`. Returns false if it cannot. */
export function insertBelow(element: Element, code: string): boolean {
  try {
    const cell = { cell_type: "code", source: code, metadata: { trusted: true } };
    return insertInLab(element, [cell]) || insertInClassic(element, code);
  } catch {
    return false; // the host has another version: these interfaces may change at any time
  }
}

function insertInLab(element: Element, cells: readonly object[]): boolean {
  const cell = element.closest(".jp-Notebook .jp-Cell");
  const notebook = cell?.closest(".jp-Notebook");
  const manager = notebook && (managers.get(notebook)?.deref() as WidgetManager | undefined);
  const model = manager?.context?.model;
  const shared = model?.sharedModel;
  if (!cell || !notebook || !shared || model?.readOnly) return false;
  const index = cellIndex(cell, notebook, shared);
  if (index < 0) return false;
  // Without the ids of a file, which the notebook may have already.
  for (const [place, made] of cells.entries()) shared.insertCell(index + 1 + place, { ...made, id: undefined });
  // The person sees what was inserted.
  requestAnimationFrame(() => cell.nextElementSibling?.scrollIntoView({ block: "nearest" }));
  return true;
}

// The index of the cell. If all cells are in the page, it is the index among them. Otherwise the notebook wrote it on
// the cell. And the number in the cell's prompt must be the number in the model.
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
