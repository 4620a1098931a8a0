// What the blocks of a live answer get beyond their Markdown: colours and buttons for code, formulas set by the host.

import { attachCode } from "../code/attach";
import type { MarkdownOptions } from "../markdown/stream";
import { setFormulas } from "../notebook/math";

/** Adorns the answer in `text` until `signal` aborts; `model` is the widget's. Gives what its renderer is to be told. */
export function adorn(text: HTMLElement, model: object, signal: AbortSignal): MarkdownOptions {
  attachCode(text, model, signal);
  return { finished: (block) => void setFormulas(block, model) };
}
