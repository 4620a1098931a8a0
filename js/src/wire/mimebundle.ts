// The saved stream and its wire, made in the page when it saves the notebook or when the kernel is gone. A view that is
// replaced by the kernel has more: streamwidget/_saved/wire.py.

import { make } from "../dom/elements";
import { oneLine } from "../text/one_line";
import { ending } from "../transcript/outcomes";
import type { Wire } from "./wire";

const MOST = 200; // rows

/** The rows and the answer as far as they came, as a notebook stores them: a text for each media type. */
export function wireMimebundle({ rows, text, over, gone, outcome, detail }: Wire): Record<string, string> {
  const count = rows.length > MOST ? `the first ${MOST} of ${rows.length} rows` : `${rows.length} rows`;
  const about = `On the wire: ${count}.`;
  const lines = rows
    .slice(0, MOST)
    .map(({ at, kind, pieces }) => `${at.toFixed(3).padStart(9)}  ${kind.padEnd(8)}  ${oneLine(pieces.join(""), 160)}`)
    .join("\n");
  const end = over
    ? ending(outcome ?? "error", oneLine(detail), text !== "")
    : gone
      ? "the kernel is gone: the answer is cut"
      : "not finished";
  const fold = make("details");
  fold.append(make("summary", "", about), make("pre", "", lines));
  const answer = make("pre", "", text);
  answer.setAttribute("style", "white-space:pre-wrap");
  const root = make("div");
  root.append(fold, answer, make("p", "", end));
  return { "text/html": root.innerHTML, "text/plain": `${about}\n${lines}\n\n${text}\n\n[${end}]` };
}
