// The saved batch, made in the page when it saves the notebook or when the kernel is gone: one line about all rows, and
// the rows that the page has. A view that is replaced by the kernel has others: streamwidget/_saved/grid.py.

import styles from "../../../streamwidget/_saved/grid.json";
import { make } from "../dom/elements";
import type { Grid } from "./grid";
import { said, stateOf } from "./row_list";

const MOST = 40; // rows

function styled(tag: keyof HTMLElementTagNameMap, style: string, ...children: (Node | string)[]): HTMLElement {
  const made = make(tag);
  made.setAttribute("style", style);
  made.append(...children);
  return made;
}

/** The batch as far as it came, as a notebook stores it: a text for each media type. */
export function gridMimebundle({ facts, rows, gone }: Grid): Record<string, string> {
  const line = gone ? `${facts.line} · the kernel is gone` : facts.line;
  const shown = rows.slice(0, MOST).map((row) => [row.id, stateOf(row), row.about, said(row)]);
  const table = styled("table", styles.table, styled("caption", styles.caption, "Rows of the batch."));
  const head = Object.entries(styles.columns).map(([name, width]) => styled("th", `${styles.cell};${width}`, name));
  const body = shown.map((words) => words.map((word) => styled("td", styles.cell, word)));
  for (const cells of [head, ...body]) {
    const row = make("tr");
    row.append(...cells);
    table.append(row);
  }
  const root = make("div");
  root.append(make("p", "", line), styled("div", styles.box, table));
  return { "text/html": root.innerHTML, "text/plain": [line, ...shown.map((words) => words.join("  "))].join("\n") };
}
