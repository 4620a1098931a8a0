// Continue on a saved answer that was cut. The kernel that wrote it still has its request, and asks for the rest. A view
// of the rest comes into the answer's place, and becomes a saved answer as any other.
//
// The answer's output has a name in its metadata. The kernel says which of them it can go on with, and which view shows
// the rest of one (streamwidget/_view/cut_answer.py). Only JupyterLab and Notebook 7 show us their outputs.

import { makeTool, showFeedback } from "../code/tools";
import { sendWhenOpen } from "../kernel/control";
import { watchKernel } from "../kernel/kernel";
import { outputsOf, widgetData } from "../notebook/cells";
import { fields, string } from "../transcript/guards";

/** The model of the page's tools (streamwidget/_view/page_tools.py). The model of a view has no such trait. */
interface PageTools {
  get?(trait: "answers"): unknown;
  on(change: "change:answers", act: () => void): unknown;
}

const models = new Set<PageTools>();
const buttons = new Map<HTMLButtonElement, string>();

/** The name of the cut answer in an output with this metadata, or nothing. */
export function cutAnswer(metadata: object | undefined): string {
  return string(fields(fields(metadata)?.streamwidget)?.answer);
}

/** The button for the cut answer of this name, until `signal` aborts. */
export function makeContinue(answer: string, signal: AbortSignal): HTMLButtonElement {
  const button = makeTool("Continue", "Continue: ask for the rest of this answer");
  button.addEventListener("click", () => {
    const model = keeperOf(answer);
    if (model) void sendWhenOpen(model, { op: "continue", id: answer });
    showFeedback(button, model ? "Asked" : "The kernel no longer has it");
  });
  buttons.set(button, answer);
  signal.addEventListener("abort", () => buttons.delete(button), { once: true });
  paint(button, answer);
  return button;
}

/** Follows which answers the kernel can go on with, if `host` is the model of the page's tools. */
export function followCutAnswers(host: object, signal: AbortSignal): void {
  const model = host as PageTools;
  if (!fields(model.get?.("answers"))) return;
  const look = () => {
    for (const [answer, view] of Object.entries(answersOf(model))) if (view) showRest(model, answer, string(view));
    paintAll();
  };
  const leave = () => {
    models.delete(model);
    paintAll();
  };
  models.add(model);
  model.on("change:answers", look);
  watchKernel(model, { become: () => {} }, leave, signal);
  signal.addEventListener("abort", leave, { once: true });
  look();
}

const answersOf = (model: PageTools) => fields(model.get?.("answers")) ?? {};

function keeperOf(answer: string): PageTools | undefined {
  return [...models].find((model) => answer in answersOf(model));
}

function paintAll(): void {
  for (const [button, answer] of buttons) paint(button, answer);
}

function paint(button: HTMLButtonElement, answer: string): void {
  const able = keeperOf(answer) !== undefined;
  button.ariaDisabled = String(!able);
  button.title = able ? "" : "The kernel no longer has this answer. Run again asks anew.";
}

function showRest(model: object, answer: string, view: string): void {
  try {
    for (const { metadata, replace } of outputsOf(model)) if (cutAnswer(metadata) === answer) replace(widgetData(view));
  } catch (error) {
    console.debug("[streamwidget] the saved answer stays", error);
  }
}
