// The bundle of the tools: colours and buttons of code, in live and in saved answers. No first answer waits for it.

import { addToolsToSavedAnswers } from "../saved/add_tools";
import { attachCode } from "./attach";

export interface Tools {
  readonly attachCode: typeof attachCode;
  readonly addToolsToSavedAnswers: typeof addToolsToSavedAnswers;
}

export default (): Tools => ({ attachCode, addToolsToSavedAnswers });
