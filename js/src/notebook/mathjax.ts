// Formulas of finished blocks, typeset by the host's MathJax. The renderer leaves the source of a formula as text, like
// the saved answer. It puts every other dollar and backslash into an element of its own, where MathJax sees no pair.
// For example `$5 and $6` is `<span>$</span>5 and <span>$</span>6`.
//
// JupyterLab and Notebook 7 lend their MathJax through the widget manager. nbclassic and exported pages have a global
// one. Without MathJax the source stays, with a highlight, which leaves the DOM alone.

import { canHighlight, sharedHighlight } from "../dom/highlights";

// `$$a$$`, `$a$`, `\(a\)`, `\[a\]` and `\begin{align}a\end{align}`.
const FORMULA = /\$\$[^$]+\$\$|\$[^$]+\$|\\\([\s\S]*?\\\)|\\\[[\s\S]*?\\\]|\\begin(\{\w+\*?\})[\s\S]*?\\end\1/g;
const MARKS = 100; // ranges of a page, because each costs time in every frame

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

const OPEN = "streamwidget-formula";
let isWarm = false;

/**
 * Prepares for a formula in the block that is being written, the last one of `text`. The source of a display formula is
 * one line (answer.css), because it may need more lines than the formula. And the host loads its MathJax, and the browser
 * its fonts: without them the first formulas of a page are set too high. Either would move what is below twice.
 */
export function awaitFormula(text: Element, model: object): void {
  const block = text.lastElementChild;
  if (block?.localName !== "p") return;
  const source = block.textContent ?? "";
  block.classList.toggle(OPEN, /^(\$\$|\\\[|\\begin\{)/.test(source));
  if (isWarm || !/\$\S|\\[([b]/.test(source)) return;
  isWarm = true;
  const formula = document.createElement("div");
  formula.className = "streamwidget-spoken";
  formula.ariaHidden = "true";
  formula.textContent = "$$\\sum_1^2 \\frac{x}{\\pi}$$";
  text.after(formula);
  void typesetFormulas(formula, model).then(() => setTimeout(() => formula.remove(), 2000));
}

/** Typesets the formulas of `block`, a block that will not change any more, in a view of `model`. */
export async function typesetFormulas(block: HTMLElement, model: object): Promise<void> {
  const formulas = formulasIn(block);
  if (formulas.length === 0) return;
  try {
    const typeset = typesetterOf(model);
    if (typeset) {
      await typeset(block);
      return;
    }
    block.classList.remove(OPEN);
    mark(formulas);
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
