// The colours of prompts. A cell that begins with `%%chat` holds a prompt and no Python, so its keywords are words, and an
// apostrophe opens no string: "Don't use if." The host's editor colours a cell by the mime type of its model, and our page
// can set that. So no extension of JupyterLab has to be installed. Nothing of it is stored in the notebook.
//
// Only JupyterLab and Notebook 7 show us their cells.

import { cellsOf, type Signal } from "./cells";

const PROMPT = /^\s*%%chat\b/;
const TEXT = "text/plain"; // Markdown would colour the ["a"] of {{df["a"]}} as a link

interface Cell {
  readonly type?: string;
  mimeType: string;
  readonly sharedModel: { getSource(): string };
  readonly contentChanged: Signal;
  readonly mimeTypeChanged: Signal;
}

const watched = new WeakSet<object>();

/** Colours the prompts in the notebook of `model` as text, now and while it is open. */
export function colourPrompts(model: object): void {
  try {
    const cells = cellsOf<Cell>(model);
    if (typeof cells?.changed?.connect !== "function" || watched.has(cells)) return;
    watched.add(cells);
    const look = () => {
      for (const cell of cells) if (cell.type === "code" && !watched.has(cell)) watch(cell);
    };
    cells.changed.connect(look);
    look();
  } catch (error) {
    console.debug("[streamwidget] prompts keep the colours of code", error);
  }
}

function watch(cell: Cell): void {
  watched.add(cell);
  let code = cell.mimeType;
  const look = () => {
    if (cell.mimeType !== TEXT) code = cell.mimeType; // the kernel may tell its language late
    const mime = PROMPT.test(cell.sharedModel.getSource()) ? TEXT : code;
    if (mime !== cell.mimeType) cell.mimeType = mime;
  };
  cell.contentChanged.connect(look);
  cell.mimeTypeChanged.connect(look);
  look();
}
