// Saved answers get what live ones have, for as long as the page lives: colours and buttons for their code. Nothing of
// it is in the file; without a bundle in the page the plain answer stands.

import { attachCode } from "../code/attach";

/** The class of an answer's text, saved or live: a class is what a sanitizer leaves. */
const TEXT = "streamwidget-text";
/** The class of a live view, which has its own. */
const LIVE = "streamwidget";
// One bundle of whatever version does it in a page.
const DONE = Symbol.for("streamwidget.enhances");

/** Enhances the saved answers of the page, those that are there and those that come. Once is enough. */
export function enhanceSaved(): void {
  const page = document as Document & { [DONE]?: true };
  if (page[DONE]) return;
  page[DONE] = true;

  const lives = new Map<HTMLElement, AbortController>();

  function enhance(text: Element): void {
    if (!(text instanceof HTMLElement) || lives.has(text) || !text.isConnected || text.closest(`.${LIVE}`)) return;
    const life = new AbortController();
    lives.set(text, life);
    attachCode(text, null, life.signal);
  }

  function look(within: Element): void {
    if (within.classList.contains(TEXT)) enhance(within);
    for (const text of within.getElementsByClassName(TEXT)) enhance(text);
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
