// Gives the saved answers of a page what live ones have: colours and buttons for their code. They last as long as the
// page. Nothing of it is in the file, so without a bundle in the page the plain answer is shown.

import { attachCode } from "../code/attach";
import { addAnswerTools } from "./answer_tools";
import { offerFixes } from "./fixes";
import { offerVotes } from "./votes";

/** The classes of an answer's texts, saved or live. A sanitizer leaves classes. */
const TEXTS = ".streamwidget-text, .streamwidget-step-text";
/** The class of a live view, which brings its own tools. */
const LIVE = "streamwidget";
// In a page with bundles of several versions only the first one does it. The key is the same in all of them.
const DONE = Symbol.for("streamwidget.enhances");

/** Adds tools to the saved answers that are in the page, and to those that come later. Only the first call acts. */
export function addToolsToSavedAnswers(): void {
  const page = document as Document & { [DONE]?: true };
  if (page[DONE]) return;
  page[DONE] = true;

  const lives = new Map<HTMLElement, AbortController>();

  function addTools(text: Element): void {
    if (!(text instanceof HTMLElement) || lives.has(text) || !text.isConnected || text.closest(`.${LIVE}`)) return;
    const life = new AbortController();
    lives.set(text, life);
    attachCode(text, null, life.signal);
    if (text.matches(".streamwidget-text")) addAnswerTools(text, life.signal);
  }

  function look(within: Element): void {
    if (within.matches(TEXTS)) addTools(within);
    for (const text of within.querySelectorAll(TEXTS)) addTools(text);
    offerFixes(within);
    offerVotes(within);
  }

  new MutationObserver((records) => {
    let removed = false;
    for (const { addedNodes, removedNodes } of records) {
      removed ||= removedNodes.length > 0;
      for (const added of addedNodes) if (added instanceof Element) look(added);
    }
    if (!removed) return;
    for (const [text, life] of lives) {
      if (text.isConnected) continue;
      life.abort();
      lives.delete(text);
    }
  }).observe(document, { childList: true, subtree: true });
  look(document.documentElement);
}
