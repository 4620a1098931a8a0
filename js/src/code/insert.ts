// Inserts a code cell under the cell that holds an answer. A widget can reach the notebook in JupyterLab and Notebook 7
// (by the document context of the widget manager) and in nbclassic (by its global). Nothing here runs a cell.

import type { SavedOutput } from "../notebook/cells";

interface SharedCell {
  readonly id?: string;
  readonly cell_type: string;
  source: string;
  readonly execution_count?: number | null;
  getOutputs?(): readonly SavedOutput[];
}

interface SharedNotebook {
  readonly cells: readonly SharedCell[];
  insertCell(index: number, cell: object): SharedCell;
  deleteCell(index: number): void;
}

interface DocumentModel {
  readonly readOnly?: boolean;
  readonly sharedModel?: SharedNotebook;
}

type WidgetManager = { readonly context?: { readonly model?: DocumentModel } | null };

interface ClassicCell {
  readonly element?: ArrayLike<Element>;
  get_text(): string;
  set_text(text: string): void;
}

interface ClassicNotebook {
  get_cells(): readonly ClassicCell[];
  insert_cell_at_index(type: string, index: number): ClassicCell;
  delete_cell(index: number): void;
  select?(index: number): void;
}

// The manager of each notebook's element. Saved answers have no model, so they find their notebook by this. Two
// notebooks may be open. All bundles of a page share it: the tools of a saved answer may come from the chat's bundle,
// and the notebook's only model from that of the answers.
const MANAGERS = Symbol.for("streamwidget.notebooks");
const page = document as Document & { [MANAGERS]?: WeakMap<Element, WeakRef<object>> };
page[MANAGERS] ??= new WeakMap();
const managers = page[MANAGERS];

// The managers of which only the model is known, because no widget of theirs is shown.
const unseen = new Set<WeakRef<object>>();

/** Notes the notebook of `model`, a widget that is not in the page. */
export function knowNotebook(model: object): void {
  const { widget_manager: manager } = model as { widget_manager?: object };
  if (manager && ![...unseen].some((one) => one.deref() === manager)) unseen.add(new WeakRef(manager));
}

/** Notes which notebook holds `element`. `model` is the model of a widget in it. */
export function rememberNotebook(element: Element, model: object): void {
  const notebook = element.closest(".jp-Notebook");
  const manager = (model as { widget_manager?: object }).widget_manager;
  if (notebook && manager) managers.set(notebook, new WeakRef(manager));
}

/** Inserts cells as a notebook's file has them. Returns false if it cannot. Only JupyterLab and Notebook 7 take them. */
export function insertCells(element: Element, cells: readonly object[]): boolean {
  try {
    return insertInLab(element, cells) !== null;
  } catch {
    return false;
  }
}

/** Takes the inserted cells out again. Returns false if the person has changed one since. */
type Undo = () => boolean;

/** Inserts a code cell with `code` under the cell that holds `element`, and selects it. Returns null if it cannot. */
export function insertBelow(element: Element, code: string): Undo | null {
  try {
    const cell = { cell_type: "code", source: code, metadata: { trusted: true } };
    return insertInLab(element, [cell]) ?? insertInClassic(element, code);
  } catch {
    return null; // the host has another version: these interfaces may change at any time
  }
}

/** Puts `made` into the cell with this id, in the notebook of `model`. Returns null if it does not hold `old`. */
export function replaceSource(model: object, id: string, old: string, made: string): Undo | null {
  try {
    const notebook = (model as { widget_manager?: WidgetManager }).widget_manager?.context?.model;
    const cell = notebook?.sharedModel?.cells.find((one) => one.id === id);
    if (!cell || notebook?.readOnly || cell.source.trimEnd() !== old) return null;
    const before = cell.source;
    cell.source = made;
    return () => {
      const kept = cell.source !== made;
      if (!kept) cell.source = before;
      return !kept;
    };
  } catch {
    return null;
  }
}

// The cell with `element` in the model of its notebook. Null if it cannot be found.
function find(element: Element) {
  const cell = element.closest(".jp-Notebook .jp-Cell");
  const notebook = cell?.closest(".jp-Notebook");
  if (!cell || !notebook) return null;
  const seen = managers.get(notebook);
  const found = (seen ? [seen] : [...unseen])
    .map((manager) => (manager.deref() as WidgetManager | undefined)?.context?.model)
    .flatMap((model) => (model?.sharedModel ? [{ cell, model, shared: model.sharedModel }] : []))
    .map((place) => ({ ...place, index: cellIndex(cell, notebook, place.shared) }))
    .filter(({ index }) => index >= 0);
  return found.length === 1 ? (found[0] ?? null) : null; // which notebook it is must be sure
}

/** The source of the cell with `element`, or nothing. */
export function sourceOf(element: Element): string {
  const place = find(element);
  return place?.shared.cells[place.index]?.source ?? "";
}

/** The outputs of the cell with `element`. */
export function savedOutputs(element: Element): readonly SavedOutput[] {
  const place = find(element);
  return place?.shared.cells[place.index]?.getOutputs?.() ?? [];
}

function insertInLab(element: Element, cells: readonly object[]): Undo | null {
  const place = find(element);
  if (!place || place.model.readOnly) return null;
  const { cell, shared, index } = place;
  // Without the ids of a file, which the notebook may have already.
  const inserted = cells.map((made, place) => shared.insertCell(index + 1 + place, { ...made, id: undefined }));
  const sources = inserted.map(({ source }) => source);
  // The host may need a frame to show it.
  requestAnimationFrame(() => requestAnimationFrame(() => select(cell.nextElementSibling)));
  return () => {
    if (inserted.some(({ source, execution_count: run }, place) => source !== sources[place] || run)) return false;
    for (const one of inserted) if (shared.cells.includes(one)) shared.deleteCell(shared.cells.indexOf(one));
    select(cell);
    return true;
  };
}

/** Selects a cell. The host does that when a cell is pressed, and the page has no other way to its selection. */
export function select(cell: Element | null): void {
  const prompt = cell?.querySelector(".jp-InputPrompt");
  for (const type of ["mousedown", "mouseup"])
    prompt?.dispatchEvent(new MouseEvent(type, { bubbles: true, cancelable: true, button: 0, view: window }));
  cell?.scrollIntoView({ block: "nearest" });
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
  return prompt && prompt !== String(found.execution_count) ? -1 : index;
}

function insertInClassic(element: Element, code: string): Undo | null {
  const notebook = (globalThis as { Jupyter?: { notebook?: ClassicNotebook } }).Jupyter?.notebook;
  const index = notebook?.get_cells().findIndex((cell) => cell.element?.[0]?.contains(element)) ?? -1;
  if (!notebook || index < 0) return null;
  const inserted = notebook.insert_cell_at_index("code", index + 1);
  inserted.set_text(code);
  notebook.select?.(index + 1);
  inserted.element?.[0]?.scrollIntoView({ block: "nearest" });
  return () => {
    const at = notebook.get_cells().indexOf(inserted);
    if (at < 0 || inserted.get_text() !== code) return false;
    notebook.delete_cell(at);
    return true;
  };
}
