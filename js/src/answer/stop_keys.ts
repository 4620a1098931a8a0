// Escape stops an answer: with the focus in its view, and in the selected cell. Not while the person edits the cell: there
// Escape ends the editing.

import type { Transcript } from "../transcript/transcript";

export function stopByEscape(root: HTMLElement, transcript: Transcript, stop: () => void, signal: AbortSignal): void {
  const isStop = ({ key }: KeyboardEvent) => key === "Escape" && !transcript.over && !transcript.gone;
  root.addEventListener("keydown", (event) => {
    if (!isStop(event)) return;
    event.preventDefault();
    event.stopPropagation();
    stop();
  });
  // At the window, because the host takes the keys at the document.
  window.addEventListener(
    "keydown",
    (event) => {
      if (!isStop(event)) return;
      const from = event.target as Element;
      const notebook = root.closest(".jp-Cell.jp-mod-active, .cell.selected")?.closest(".jp-Notebook, #notebook");
      if (notebook?.contains(from) && !root.contains(from) && !isEditable(from)) stop();
    },
    { capture: true, signal },
  );
}

function isEditable(element: Element): boolean {
  return element.closest("input, select, textarea, [contenteditable='true']") !== null;
}
