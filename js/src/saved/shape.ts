// The shape that the live and the saved answer share. streamwidget/_saved/answer.py writes the same tags and styles, so
// that nothing moves when the saved answer replaces the live one. The styles are inline, because the saved answer must
// look the same without our style sheet, and JupyterLab's sanitizer keeps these. The answer is in a block with the
// host's own class for rendered text, so that the host's rules for direct children hold in both.

import { oneLine } from "../text/one_line";

export const HEAD_STYLE =
  "margin:0 0 0.3em;height:1.7em;line-height:1.7em;white-space:nowrap;overflow:hidden;text-overflow:ellipsis";
export const TEXT_CLASS = "jp-RenderedHTMLCommon";
export const TEXT_STYLE = "padding:0;overflow-wrap:break-word";
export const FOLD_STYLE = "margin:0 0 0.5em";
export const STEP_STYLE = "padding-inline-start:1.2em";
export const SUMMARY_STYLE = "white-space:nowrap;overflow:hidden;text-overflow:ellipsis";
export const NAME_STYLE = "white-space:nowrap"; // of a tool: JupyterLab lets code break
export const FOOT_STYLE = "margin:0;line-height:1.7em;overflow-wrap:break-word";

/** The names of the tools of a step, each once. */
export function toolNames(calls: readonly { readonly name: string | null }[]): string[] {
  return [...new Set(calls.map(({ name }) => oneLine(name ?? "?")))];
}
