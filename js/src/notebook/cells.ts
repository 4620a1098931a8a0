// The cells of the host's notebook. Only JupyterLab and Notebook 7 show them to us.

const WIDGET = "application/vnd.jupyter.widget-view+json";

interface Outputs {
  readonly length: number;
  get(index: number): { readonly data: Record<string, unknown>; readonly metadata?: object };
  set(index: number, output: object): void;
}

interface Cell {
  readonly outputs?: Outputs;
  /** "running" while the cell is queued (with empty outputs) and while it runs. */
  readonly executionState?: string | null;
}

/** As the host tells of a change. */
export interface Signal {
  connect(slot: () => void): unknown;
}

/** The cells in their order, and when they change. */
export type Cells<C> = Iterable<C> & { readonly changed?: Signal };

interface Manager {
  readonly context?: { readonly model?: { readonly cells?: object } };
  get_model?(id: string): Promise<{ get(trait: string): unknown }>;
}

export function managerOf(model: object): Manager | undefined {
  return (model as { widget_manager?: Manager }).widget_manager;
}

/** The cells of the notebook of `model`. `C` has the fields that the caller needs. May throw. */
export function cellsOf<C>(model: object): Cells<C> | undefined {
  return managerOf(model)?.context?.model?.cells as Cells<C> | undefined;
}

/** The outputs of the notebook of `model`, each with its cell and a function that replaces it. May throw. */
export function* outputsOf(model: object) {
  for (const cell of cellsOf<Cell>(model) ?? []) {
    for (let index = 0; index < (cell.outputs?.length ?? 0); index += 1) {
      const { data, metadata } = (cell.outputs as Outputs).get(index);
      const replace = (data: object, metadata: object = {}) =>
        cell.outputs?.set(index, { output_type: "display_data", data, metadata });
      yield { data, metadata, cell, replace };
    }
  }
}

/** Those that show a widget, with the id of its model. May throw. */
export function* shownWidgets(model: object) {
  for (const { data, cell, replace } of outputsOf(model)) {
    const shown = data?.[WIDGET] as { model_id?: unknown } | undefined;
    if (typeof shown?.model_id === "string") yield { id: shown.model_id, cell, replace };
  }
}

/** What an output holds that shows the widget with this id. */
export function widgetData(id: string): object {
  return { [WIDGET]: { version_major: 2, version_minor: 0, model_id: id }, "text/plain": "" };
}

/** True if the widget with this id is `model`. anywidget hides the id of its model, but not its state. */
export async function isModel(id: string, model: { get(trait: "state"): unknown }): Promise<boolean> {
  try {
    const other = await managerOf(model)?.get_model?.(id);
    return other?.get("state") === model.get("state");
  } catch {
    return false; // the widget is gone
  }
}

/** True if a cell that runs now shows `model`. May throw. */
export async function ownCellRuns(model: { get(trait: "state"): unknown }): Promise<boolean> {
  const running = [...shownWidgets(model)].filter(({ cell }) => cell.executionState === "running");
  for (const { id, cell } of running) {
    if ((await isModel(id, model)) && cell.executionState === "running") return true;
  }
  return false;
}
