// A notebook that several pages edit at once (jupyter-collaboration). Each page has the same cells and the same widgets.

import { fields } from "../transcript/guards";
import type { CodeCell, NotebookModel } from "./cells";

const TURN_MS = 1500; // what a change may take to the other pages

/**
 * Calls `act` when it is this page's turn. If two pages replaced one output at the same time, the document would have
 * it twice. So the first page acts at once, and the others later. `act` must look whether there is still something to do.
 */
export function inTurn(notebook: NotebookModel | undefined, act: () => void): void {
  const awareness = notebook?.collaborative ? notebook.sharedModel?.awareness : undefined;
  const turn = awareness ? [...awareness.getStates().keys()].filter((id) => id < awareness.clientID).length : 0;
  if (turn > 0) setTimeout(act, turn * TURN_MS);
  else act();
}

/** True if nobody else has this document open now. The server has a state of its own, without a user. */
export function isAlone(notebook: NotebookModel | undefined): boolean {
  const awareness = notebook?.collaborative ? notebook.sharedModel?.awareness : undefined;
  const others = [...(awareness?.getStates() ?? [])].filter(([id]) => id !== awareness?.clientID);
  return awareness !== undefined && !others.some(([, state]) => fields(state)?.user !== undefined);
}

/**
 * Shows the widgets of a cell that another person ran, as a page that is opened now does. JupyterLab shares that the
 * cell is trusted, but reads it only when it opens the notebook (jupyterlab issue 11435).
 */
export function trustAsShared(cell: CodeCell): void {
  if (cell.trusted || cell.getMetadata?.("trusted") !== true) return;
  const { sharedModel } = cell;
  // The outputs stay as they are. If this page wrote them, all pages would draw them anew.
  if (sharedModel) sharedModel.updateOutputs = () => {};
  try {
    cell.trusted = true;
  } finally {
    if (sharedModel) Reflect.deleteProperty(sharedModel, "updateOutputs");
  }
}
