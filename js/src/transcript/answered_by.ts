// Who wrote an answer, as far as the page knows. streamwidget/_saved/answer.py has the same words.

import { oneLine } from "../text/one_line";

/** The mark of the demo server and the name of the model. Either may be empty. */
export function answeredBy({ model, demo }: { model: string | null; demo: boolean }): [mark: string, model: string] {
  const name = oneLine(model ?? "", 100);
  if (!demo) return ["", name];
  return name === "" || name === "demo" ? ["demo server (no model)", ""] : ["demo", name];
}
