// Formulas of finished blocks, set by the host's MathJax. The renderer leaves their source as text, as the saved answer
// has it, and puts every dollar and backslash that is no formula's into an element of its own, where MathJax sees no pair.
//
// JupyterLab and Notebook 7 lend theirs through the widget manager; nbclassic and exported pages have a global one.
// Where there is none the source stays, marked by a highlight, which leaves the DOM alone.

import { canHighlight, sharedHighlight } from "../dom/highlights";

const FORMULA = /\$\$[^$]+\$\$|\$[^$]+\$|\\\([\s\S]*?\\\)|\\\[[\s\S]*?\\\]/g;
const MARKS = 100; // ranges of a page: each costs in every frame

type Typeset = (element: HTMLElement) => unknown;

interface GlobalMathJax {
  typesetPromise?(elements: HTMLElement[]): Promise<unknown>;
  Hub?: { Queue(call: readonly unknown[]): unknown };
}

function typesetterOf(model: object): Typeset | null {
  const { widget_manager: manager } = model as {
    widget_manager?: { rendermime?: { latexTypesetter?: { typeset?: Typeset } | null } };
  };
  const lab = manager?.rendermime?.latexTypesetter;
  if (typeof lab?.typeset === "function") return (element) => lab.typeset?.(element);
  const shared = (globalThis as { MathJax?: GlobalMathJax }).MathJax;
  if (typeof shared?.typesetPromise === "function") return (element) => shared.typesetPromise?.([element]);
  const hub = shared?.Hub;
  return hub ? (element) => hub.Queue(["Typeset", hub, element]) : null;
}

function formulasIn(block: HTMLElement): StaticRange[] {
  const found: StaticRange[] = [];
  const walker = document.createTreeWalker(block, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode() as Text | null; node; node = walker.nextNode() as Text | null) {
    if (!/[$\\]./.test(node.data) || node.parentElement?.closest("code")) continue;
    for (const { index, 0: source } of node.data.matchAll(FORMULA)) {
      const endOffset = index + source.length;
      found.push(new StaticRange({ startContainer: node, startOffset: index, endContainer: node, endOffset }));
    }
  }
  return found;
}

/** Sets the formulas of `block`, which will not change any more, in a widget's view. */
export async function typesetFormulas(block: HTMLElement, model: object): Promise<void> {
  const formulas = formulasIn(block);
  if (formulas.length === 0) return;
  try {
    const typeset = typesetterOf(model);
    if (typeset) await typeset(block);
    else mark(formulas);
  } catch (error) {
    console.debug("[streamwidget] formulas stay as they were typed", error);
  }
}

function mark(formulas: StaticRange[]): void {
  if (!canHighlight) return;
  const marked = sharedHighlight("streamwidget-math");
  for (const range of marked) if (!range.startContainer.isConnected) marked.delete(range);
  for (const range of formulas.slice(0, MARKS - marked.size)) marked.add(range);
}
