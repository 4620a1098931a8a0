// The cells of the host's notebook. Only JupyterLab and Notebook 7 show them to us.

import { inTurn } from "./shared_document";

const WIDGET = "application/vnd.jupyter.widget-view+json";

/** An output as the notebook's file has it. */
export interface SavedOutput {
  readonly output_type?: string;
  readonly data?: Readonly<Record<string, unknown>> | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

interface Outputs {
  readonly length: number;
  get(index: number): SavedOutput & { toJSON?(): SavedOutput };
  set(index: number, output: object): void;
}

export interface CodeCell {
  readonly outputs?: Outputs;
  /** "running" while the cell is queued (with empty outputs) and while it runs. */
  readonly executionState?: string | null;
  /** What the host saves and shares of the cell. */
  readonly sharedModel?: { getOutputs?: () => SavedOutput[]; updateOutputs?: () => void };
  trusted?: boolean;
  getMetadata?(key: string): unknown;
}

/** As the host tells of a change. */
export interface Signal {
  connect(slot: (sender: unknown, change: unknown) => void): unknown;
  disconnect?(slot: (sender: unknown, change: unknown) => void): unknown;
}

/** The cells in their order, and when they change. */
export type Cells<C> = Iterable<C> & { readonly changed?: Signal };

/** The notebook as the host holds it. */
export interface NotebookModel {
  readonly cells?: object;
  /** True where several pages edit one document. */
  readonly collaborative?: boolean;
  readonly contentChanged?: Signal;
  readonly sharedModel?: { readonly awareness?: { clientID: number; getStates(): ReadonlyMap<number, unknown> } };
}

interface Manager {
  readonly context?: {
    readonly model?: NotebookModel;
    /** Says "started" before the host reads what it saves. */
    readonly saveState?: Signal;
  };
  /** Comes when all widgets of the kernel are in the page. */
  readonly restored?: Signal;
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
  for (const cell of cellsOf<CodeCell>(model) ?? []) {
    for (let index = 0; index < (cell.outputs?.length ?? 0); index += 1) {
      const output = (cell.outputs as Outputs).get(index);
      const { data, metadata } = output;
      const replace = (data: object, metadata: object = {}) =>
        inTurn(managerOf(model)?.context?.model, () => {
          const { output_type = "display_data", ...rest } = output.toJSON?.() ?? {};
          // The cell may have run again since, or another page was first.
          if (cell.outputs?.get(index) === output) cell.outputs.set(index, { ...rest, output_type, data, metadata });
        });
      yield { data, metadata, cell, replace };
    }
  }
}

/** Those that show a widget, with the id of its model. May throw. */
export function* shownWidgets(model: object) {
  for (const output of outputsOf(model)) {
    const id = shownBy(output);
    if (id !== null) yield { id, ...output };
  }
}

/** The id of the widget that an output shows. Null if it shows none. */
export function shownBy({ data }: SavedOutput): string | null {
  const id = (data?.[WIDGET] as { model_id?: unknown } | undefined)?.model_id;
  return typeof id === "string" ? id : null;
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
