// The bundle of the tools: colours and buttons of code, in live and in saved answers, and the colours of prompts. No first
// answer waits for it. `%load_ext` brings it too, as a widget without a view, for the answers that a notebook shows already.

import type { AnyModel } from "@anywidget/types";
import { hearKernelLate } from "../kernel/late_code";
import { tellCellOrder } from "../notebook/cell_order";
import { colourPrompts } from "../notebook/prompts";
import { addToolsToSavedAnswers } from "../saved/add_tools";
import { followFixes } from "../saved/fixes";
import { followCutAnswers } from "../saved/go_on";
import { followVotes } from "../saved/votes";
import { attachCode, colourForFile } from "./attach";
import { knowNotebook } from "./insert";

export interface Tools {
  readonly attachCode: typeof attachCode;
  readonly colourForFile: typeof colourForFile;
  /** Gives the tools to all that the notebook of `model` shows, and tells the kernel the order of its cells. */
  initialize(props: { readonly model: AnyModel; readonly signal?: AbortSignal }): void;
}

export default (): Tools => ({
  attachCode,
  colourForFile,
  initialize({ model, signal = new AbortController().signal }) {
    hearKernelLate(model);
    knowNotebook(model);
    addToolsToSavedAnswers();
    colourPrompts(model);
    tellCellOrder(model);
    followCutAnswers(model, signal);
    followFixes(model, signal);
    followVotes(model, signal);
  },
});
