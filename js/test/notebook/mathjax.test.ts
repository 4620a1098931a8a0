import { afterEach, expect, test, vi } from "vitest";
import { renderOnce } from "../../src/markdown/stream";
import { typesetFormulas } from "../../src/notebook/mathjax";

afterEach(() => {
  document.body.replaceChildren();
  CSS.highlights.delete("streamwidget-math");
  vi.unstubAllGlobals();
});

function block(markdown: string): HTMLElement {
  const root = document.createElement("div");
  renderOnce(root, markdown);
  document.body.append(root);
  return root.firstElementChild as HTMLElement;
}

const marked = () =>
  [...(CSS.highlights.get("streamwidget-math") ?? [])].map((range) =>
    (range.startContainer as Text).data.slice(range.startOffset, range.endOffset),
  );

test.each([
  [
    "JupyterLab's",
    (typeset: (e: HTMLElement) => void) => ({ rendermime: { latexTypesetter: { typeset } } }),
    undefined,
  ],
  [
    "MathJax 3",
    () => undefined,
    (typeset: (e: HTMLElement) => void) => ({ typesetPromise: ([e]: [HTMLElement]) => typeset(e) }),
  ],
  [
    "MathJax 2",
    () => undefined,
    (typeset: (e: HTMLElement) => void) => ({ Hub: { Queue: ([, , e]: [string, object, HTMLElement]) => typeset(e) } }),
  ],
])("%s typesetter gets the blocks with formulas, and no other", async (_name, manager, shared) => {
  const seen: HTMLElement[] = [];
  const typeset = (element: HTMLElement) => void seen.push(element);
  if (shared) vi.stubGlobal("MathJax", shared(typeset));
  const model = { widget_manager: manager(typeset) };
  const formula = block("With $x^2$ it is so.");
  await typesetFormulas(formula, model);
  expect(seen).toEqual([formula]);
  for (const other of ["costs $5 and $6", "`$x$`", "a \\alpha b", "plain"]) await typesetFormulas(block(other), model);
  expect(seen).toEqual([formula]);
  expect(marked()).toEqual([]);
});

test("without a typesetter the source stays as it is, marked without a change to the DOM", async () => {
  const paragraph = block("With $x^2$ and \\(y\\), for $5, $$\nz\n$$ \\begin{align*}\na\n\\end{align*}");
  const before = paragraph.outerHTML;
  await typesetFormulas(paragraph, {});
  expect(marked()).toEqual(["$x^2$", "\\(y\\)", "$$\nz\n$$", "\\begin{align*}\na\n\\end{align*}"]);
  expect(paragraph.outerHTML).toBe(before);
});

test("a typesetter that fails leaves the source", async () => {
  const paragraph = block("$x$");
  const typeset = () => Promise.reject(new Error("no fonts"));
  await typesetFormulas(paragraph, { widget_manager: { rendermime: { latexTypesetter: { typeset } } } });
  expect(paragraph.textContent).toBe("$x$");
});
