// Who wrote an answer, as far as the page knows. streamwidget/_saved/answer.py has the same words.

import { oneLine } from "../text/one_line";
import { type Fields, label, line } from "./guards";

export interface Author {
  readonly model: string | null;
  /** The built-in demo server answered. */
  readonly demo: boolean;
  /** Words that everybody must see, in place of the model's name. Empty for most answers. */
  readonly mark: string;
}

/** Both as the name of a view. Empty while nothing is known. */
export function authorName(author: Author): string {
  return answeredBy(author)
    .filter((part) => part !== "")
    .join(" · ");
}

/** The author in a message from the kernel. */
export function authorOf(raw: Fields): Author {
  return { model: label(raw.model), demo: raw.demo === true, mark: line(raw.mark) };
}

// A name that begins as a path does, or ends as a model's file does.
const PATH = /^(?:\/|\\\\\w|(?:~|\.{1,2}|[a-z]:)[/\\])|\.(?:gguf|safetensors|bin)$/i;

/** The last part of a path, and a name such as "org/model" as it is. */
function lastPart(model: string): string {
  const path = model.replace(/[/\\]+$/, "");
  return PATH.test(path) ? (path.split(/[/\\]/).at(-1) as string) : model;
}

/** The mark of the answer and the name of its model. Either may be empty. */
export function answeredBy({ model, demo, mark }: Author): [mark: string, model: string] {
  if (mark !== "") return [oneLine(mark, 100), ""];
  const name = oneLine(lastPart(model ?? ""), 100);
  if (!demo) return ["", name];
  return name === "" || name === "demo" ? ["demo server (no model)", ""] : ["demo", name];
}
