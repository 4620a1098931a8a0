// The saved batch, made in the page when it saves the notebook or when the kernel is gone: one line about all rows, and
// the rows that the page has. A view that is replaced by the kernel has others: streamwidget/_saved/grid.py.

import { make } from "../dom/elements";
import type { Grid } from "./grid";
import { said, stateOf } from "./row_list";

const MOST = 40; // rows

/** The batch as far as it came, as a notebook stores it: a text for each media type. */
export function gridMimebundle({ facts, rows, gone }: Grid): Record<string, string> {
  const line = gone ? `${facts.line} · the kernel is gone` : facts.line;
  const table = make("table");
  const lines = [line];
  for (const row of rows.slice(0, MOST)) {
    const words = [row.id, stateOf(row), row.about, said(row)];
    const element = make("tr");
    element.append(...words.map((word) => make("td", "", word)));
    table.append(element);
    lines.push(words.join("  "));
  }
  const root = make("div");
  root.append(make("p", "", line), table);
  return { "text/html": root.innerHTML, "text/plain": lines.join("\n") };
}
