// The shape that live and saved answer share: streamwidget/_saved/answer.py writes the same tags and styles, so that the
// swap at the end moves nothing. Styles are inline because the saved answer must look alike without our style sheet,
// and JupyterLab's sanitizer keeps these. The answer is in a block of the host's own class for rendered text, so that
// the host's rules for direct children hold in both.

export const HEAD_STYLE =
  "margin:0 0 0.3em;height:1.7em;line-height:1.7em;white-space:nowrap;overflow:hidden;text-overflow:ellipsis";
export const TEXT_CLASS = "jp-RenderedHTMLCommon";
export const TEXT_STYLE = "padding:0;overflow-wrap:break-word";
export const FOLD_STYLE = "margin:0 0 0.5em";
export const SUMMARY_STYLE = "white-space:nowrap;overflow:hidden;text-overflow:ellipsis";
export const NAME_STYLE = "white-space:nowrap"; // of a tool: JupyterLab lets code break
export const FOOT_STYLE = "margin:0;line-height:1.7em;overflow-wrap:break-word";
