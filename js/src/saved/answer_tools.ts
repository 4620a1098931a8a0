// The tools of a saved answer: Copy, Continue and Run again, in the line above it. They show on hover and on focus.
//
// The host has no way for a page's code to run a cell. So "Run again" selects the cell and presses the host's own keys.

import { savedOutputs, select, sourceOf } from "../code/insert";
import { makeSavedTools, makeTool, showFeedback } from "../code/tools";
import { copyText } from "../dom/clipboard";
import type { SavedOutput } from "../notebook/cells";
import { cutAnswer, makeContinue } from "./go_on";

/** Adds the tools to the line above `text`, until `signal` aborts. */
export function addAnswerTools(text: HTMLElement, signal: AbortSignal): void {
  const head = text.parentElement?.firstElementChild;
  if (!head?.matches("p:has(> small.streamwidget-quiet)") || head.querySelector(".streamwidget-saved-tools")) return;
  const copy = makeTool("Copy", "Copy answer");
  copy.addEventListener("click", async () =>
    showFeedback(copy, (await copyText(markdownOf(text))) ? "Copied" : "Copying is not allowed here"),
  );
  const tools = makeSavedTools(copy);
  const cut = cutAnswer(savedOutput(text)?.metadata);
  if (cut) tools.append(makeContinue(cut, signal));
  const cell = text.closest<HTMLElement>(".jp-Notebook .jp-CodeCell");
  // Other code shall not run by a button that somebody else's notebook put under an answer.
  if (cell && /^\s*%%?chat\b/.test(sourceOf(text))) {
    const again = makeTool("Run again", "Run again: ask once more");
    again.addEventListener("click", () => runAgain(cell));
    tools.append(again);
  }
  head.append(tools);
  signal.addEventListener("abort", () => tools.remove(), { once: true });
}

// The answer's Markdown without the line about it. If the notebook's model cannot be reached, the text of the page.
function markdownOf(text: HTMLElement): string {
  const data = savedOutput(text)?.data;
  const source = joined(data?.["text/markdown"] ?? data?.["text/plain"]).trimEnd();
  return source.slice(0, Math.max(0, source.lastIndexOf("\n\n"))) || text.textContent;
}

function savedOutput(text: HTMLElement): SavedOutput | undefined {
  const shown = [...(text.closest(".jp-Cell")?.querySelectorAll(".streamwidget-text") ?? [])];
  const saved = savedOutputs(text).filter(({ data }) =>
    joined(data?.["text/html"]).includes('class="streamwidget-text'),
  );
  return saved.length === shown.length ? saved[shown.indexOf(text)] : undefined;
}

function joined(value: unknown): string {
  return Array.isArray(value) ? value.join("") : typeof value === "string" ? value : "";
}

function runAgain(cell: HTMLElement): void {
  select(cell);
  cell.focus({ preventScroll: true });
  const keys = { key: "Enter", code: "Enter", keyCode: 13, ctrlKey: true, bubbles: true, cancelable: true };
  cell.dispatchEvent(new KeyboardEvent("keydown", keys));
}
