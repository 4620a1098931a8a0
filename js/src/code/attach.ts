// Gives code blocks their colours and buttons, in live and in saved answers. It watches the DOM, so that the renderer
// need not know of it.

import { wrapTokens } from "./elements";
import { type Coloured, highlightCode } from "./highlight";
import { rememberNotebook } from "./insert";
import { type Kind, languageOf } from "./languages";
import { isPlainCode, makeTools, onToolClick, prepareAnnouncements } from "./tools";

interface CodeBlock {
  readonly code: HTMLElement;
  readonly tools: HTMLElement;
  name: string; // the class for which the colours were made
  coloured: Coloured | null;
}

const LANGUAGE = /(?:^|\s)language-([a-z0-9+-]{1,30})(?:\s|$)/;

/**
 * Gives colours and buttons to the code blocks in `root`, also to later ones, until `signal` aborts. `model` is the
 * widget's. Null for a saved answer.
 */
export function attachCode(root: HTMLElement, model: object | null, signal: AbortSignal): void {
  const blocks = new Map<Element, CodeBlock>();

  function take(pre: Element): void {
    const code = pre.querySelector<HTMLElement>(":scope > code");
    const known = blocks.get(pre);
    const isOurs = code !== null && isPlainCode(pre);
    if (!isOurs || (known && known.code !== code)) drop(pre);
    if (!isOurs) return;
    const block = blocks.get(pre) ?? { code, tools: makeTools(), name: "", coloured: null };
    blocks.set(pre, block);
    sizes.observe(code);
    const language = languageNameOf(code);
    block.tools.dataset.language = language || "text";
    if (block.tools.parentElement !== pre) pre.append(block.tools);
    if (block.name === code.className) {
      block.coloured?.update();
    } else {
      block.coloured?.dispose();
      block.name = code.className;
      block.coloured = highlightCode(code, language);
    }
  }

  function drop(pre: Element): void {
    blocks.get(pre)?.coloured?.dispose();
    blocks.get(pre)?.tools.remove();
    blocks.delete(pre);
  }

  // A keyboard must be able to scroll what is too wide.
  const sizes = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      if (target.scrollWidth > target.clientWidth) (target as HTMLElement).tabIndex = 0;
      else target.removeAttribute("tabindex");
    }
  });

  const observer = new MutationObserver((records) => {
    const changed = new Set<Element>();
    let removed = false;
    for (const { target, addedNodes, removedNodes } of records) {
      const around = (target instanceof Element ? target : target.parentElement)?.closest("pre");
      if (around) changed.add(around);
      else
        for (const added of addedNodes) {
          if (!(added instanceof Element)) continue;
          for (const pre of allIn(added, "pre")) changed.add(pre);
          for (const table of allIn(added, "table")) sizes.observe(table);
        }
      removed ||= removedNodes.length > 0;
    }
    if (removed) for (const pre of blocks.keys()) if (!root.contains(pre)) drop(pre);
    for (const pre of changed) if (root.contains(pre)) take(pre);
  });

  prepareAnnouncements();
  for (const pre of allIn(root, "pre")) take(pre);
  for (const table of allIn(root, "table")) sizes.observe(table);
  observer.observe(root, { childList: true, characterData: true, subtree: true });
  root.addEventListener("click", onToolClick, { signal });
  if (model) {
    // The notebook can be found once `root` is in the page, and a view is rendered before that.
    const inPage = new IntersectionObserver(() => {
      if (root.isConnected) rememberNotebook(root, model);
    });
    inPage.observe(root);
    signal.addEventListener("abort", () => inPage.disconnect(), { once: true });
  }
  signal.addEventListener(
    "abort",
    () => {
      observer.disconnect();
      sizes.disconnect();
      for (const pre of [...blocks.keys()]) drop(pre);
    },
    { once: true },
  );
}

/** Colours a code element for a file. Returns false if its language has no colours, or it is too long. */
export function colourForFile(code: HTMLElement, make: (kind: Kind) => HTMLElement): boolean {
  const language = languageOf(languageNameOf(code));
  return language !== undefined && wrapTokens(code, language, make);
}

function languageNameOf(code: HTMLElement): string {
  return LANGUAGE.exec(code.className)?.[1] ?? "";
}

function allIn(element: Element, name: "pre" | "table"): Element[] {
  return element.matches(name) ? [element] : [...element.querySelectorAll(name)];
}
