// One view of a batch: how far it is, Stop, and the rows in sight. It paints when dom/frames.ts says so. A paint costs
// the same for 100 rows and for 10,000.

import { hideFocused, make, makeButton, setData, setHidden, setText } from "../dom/elements";
import { cancelPaint, requestPaint } from "../dom/frames";
import { takeKeys } from "../dom/keys";
import { oneLine } from "../text/one_line";
import { authorName } from "../transcript/answered_by";
import { outcomeOf } from "../transcript/outcomes";
import type { Grid } from "./grid";
import { RowList } from "./row_list";

/** Shows `grid` in `el` until `signal` aborts. */
export function mountGrid(
  el: HTMLElement,
  grid: Grid,
  stop: () => void,
  stopRow: (number: number) => void,
  signal: AbortSignal,
): void {
  const root = make("div", "streamwidget streamwidget-grid");
  root.role = "group";
  root.ariaLabel = "A batch";
  root.dataset.lmSuppressShortcuts = "true"; // the view gets the keys
  const name = make("span", "streamwidget-grid-name");
  const state = make("span", "streamwidget-grid-state");
  const bar = make("progress", "streamwidget-grid-bar");
  bar.ariaLabel = "Rows that have ended";
  const end = makeButton("streamwidget-stop", "Stop", stop);
  const line = make("div", "streamwidget-grid-line");
  const spoken = make("span", "streamwidget-grid-spoken");
  spoken.role = "status";
  const list = new RowList(grid, stopRow, schedule, signal);
  const head = make("div", "streamwidget-grid-top");
  head.append(name, state, bar, end, spoken);
  root.append(head, line, list.root);

  let said = "";

  function paint(): void {
    const { facts, over, gone } = grid;
    const cut = over || gone ? "" : grid.connection.line(grid.stopping);
    const word = gone ? "the kernel is gone" : cut || (over ? outcomeOf(facts.outcome ?? "error").state : "running");
    setText(name, authorName(facts));
    setText(state, over && facts.detail ? `${word}: ${oneLine(facts.detail)}` : word);
    setText(line, oneLine(facts.line));
    if (facts.total === null) bar.removeAttribute("value");
    else {
      bar.max = Math.max(1, facts.total);
      bar.value = facts.done;
    }
    setText(end, grid.stopping && !over && !cut ? "Stopping…" : "Stop");
    if (over || gone) hideFocused(end, list.root);
    else setHidden(end, false);
    setHidden(bar, over || gone);
    setData(root, "outcome", over ? (facts.outcome ?? "error") : null);
    setData(root, "phase", over ? null : gone ? "gone" : cut ? "disconnected" : facts.phase);
    list.paint();
    const say = over ? oneLine(facts.line) : gone || cut ? word : "";
    if (say !== said) setText(spoken, say);
    said = say;
  }

  function schedule(): void {
    if (!signal.aborted) requestPaint(paint);
  }

  takeKeys(root, grid, stop);
  list.root.addEventListener("pointerleave", schedule);
  document.addEventListener("visibilitychange", schedule, { signal });
  const unsubscribe = grid.subscribe(schedule);
  signal.addEventListener(
    "abort",
    () => {
      unsubscribe();
      cancelPaint(paint);
      root.remove();
    },
    { once: true },
  );
  el.append(root);
  paint();
}
