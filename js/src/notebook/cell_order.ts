// The order of the notebook's cells, for the kernel. It hears which cell runs, but not where the cell stands. With the
// order, the history of %%chat is what the notebook shows, also when cells are moved or inserted.
//
// The page sends the order when its tools come, after `%load_ext` and after a reload, and when the cells change. Only
// JupyterLab and Notebook 7 show us their cells.

import { sendWhenOpen } from "../kernel/control";
import { type Cells, cellsOf, managerOf } from "./cells";

const MOST = 5000; // cells. The kernel ignores a longer list

interface Cell {
  readonly id?: unknown;
  readonly type?: unknown;
}

const watched = new WeakSet<object>();

/** Tells the kernel of `model` the order of its notebook's cells, now and whenever it changes. */
export function tellCellOrder(model: object): void {
  try {
    const cells = cellsOf<Cell>(model);
    if (!cells) return;
    const host = { widget_manager: managerOf(model) }; // the model itself may be gone when the cells change
    tell(host, cells);
    if (watched.has(cells) || typeof cells.changed?.connect !== "function") return;
    watched.add(cells);
    let waits = false;
    cells.changed.connect(() => {
      // To move a cell is to remove it and to insert it again.
      if (!waits) setTimeout(() => tell(host, cells, () => (waits = false)));
      waits = true;
    });
  } catch (error) {
    console.debug("[streamwidget] the order of the cells stays unknown", error);
  }
}

function tell(host: object, cells: Cells<Cell>, before = () => {}): void {
  before();
  const ids = Array.from(cells)
    .filter(({ type }) => type === "code")
    .map(({ id }) => id);
  if (ids.length > 0 && ids.length <= MOST) sendWhenOpen(host, { op: "cells", id: "cells", cells: ids });
}
