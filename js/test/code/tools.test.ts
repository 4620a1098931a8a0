import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { attachCode } from "../../src/code/attach";
import "../../src/code/code.css";
import "../../src/code/frame.css";
import { addToolsToSavedAnswers } from "../../src/saved/add_tools";
import { frames } from "../kernel_side";

// tests/saved/test_code_block.py holds these to those of the kernel.
const FRAME =
  "margin:0 0 1em;padding:28px 0 0;border:1px solid rgba(128,128,128,0.3);border-radius:4px;overflow:hidden;white-space:pre";
const CODE_STYLE = "display:block;padding:2px 12px 10px;overflow-x:auto;white-space:pre";
const CODE = "def f():\n    return 1\n";
let life: AbortController;
let written: string[];

beforeEach(() => {
  life = new AbortController();
  written = [];
  vi.spyOn(navigator.clipboard, "writeText").mockImplementation(async (text) => void written.push(text));
});

afterEach(() => {
  life.abort();
  document.body.replaceChildren();
  vi.useRealTimers();
  vi.restoreAllMocks();
});

function answer(): HTMLElement {
  const root = document.createElement("div");
  root.innerHTML = `<p>before</p>\n<pre><code class="language-python">${CODE}</code></pre>\n<p>after</p>\n`;
  document.body.append(root);
  return root;
}

function press(root: Element, name: string): HTMLButtonElement {
  const button = [...root.querySelectorAll("button")].find((one) => one.ariaLabel?.startsWith(name));
  button?.click();
  return button as HTMLButtonElement;
}

const spoken = () => [...document.querySelectorAll("[role=status]")].map((one) => one.textContent).join("");

test("the buttons move nothing, and are not part of the answer's text", () => {
  const root = answer();
  const boxes = () =>
    [...root.querySelectorAll("p, pre, code")].map((one) => JSON.stringify(one.getBoundingClientRect()));
  const [before, text] = [boxes(), root.textContent];
  attachCode(root, null, life.signal);
  expect(root.querySelectorAll("button").length).toBe(2);
  expect(boxes()).toEqual(before);
  expect(root.textContent).toBe(text);
  getSelection()?.selectAllChildren(root);
  expect(getSelection()?.toString()).not.toContain("Copy");
  life.abort();
  expect(root.querySelector("button")).toBeNull();
});

test("the buttons show on hover and on focus, and are always in the tab order", () => {
  const root = answer();
  attachCode(root, null, life.signal);
  const tools = root.querySelector(".streamwidget-tools") as HTMLElement;
  const first = tools.querySelector("button") as HTMLButtonElement;
  expect(getComputedStyle(first).opacity).toBe("0");
  expect(first.tabIndex).toBe(0);
  first.focus();
  expect(getComputedStyle(first).opacity).toBe("1");
  expect(first.getBoundingClientRect().height).toBeGreaterThanOrEqual(24);
  root.className = "streamwidget-text"; // the frame leaves room above the code
  const [bar, code] = [tools, root.querySelector("code") as Element].map((one) => one.getBoundingClientRect());
  expect(bar?.bottom).toBeLessThanOrEqual(code?.top as number);
});

test("a key that presses a button does not reach the notebook, and Escape reaches the view", () => {
  const root = answer();
  attachCode(root, null, life.signal);
  const heard: string[] = [];
  root.addEventListener("keydown", ({ key }) => heard.push(key));
  for (const key of ["Enter", " ", "Escape"])
    root.querySelector("button")?.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  expect(heard).toEqual(["Escape"]);
});

test("Copy copies exactly the code, and shows and announces it once, for a while", async () => {
  const root = answer();
  attachCode(root, null, life.signal);
  await frames(1);
  vi.useFakeTimers();
  const said: (string | null)[] = [];
  const region = document.querySelector("body > [role=status]") as HTMLElement;
  new MutationObserver(() => said.push(region.textContent)).observe(region, { childList: true });
  const button = press(root, "Copy");
  await vi.advanceTimersByTimeAsync(10);
  expect(written).toEqual([CODE.trimEnd()]);
  expect(button.dataset.label).toBe("Copied");
  expect(said).toEqual(["Copied"]);
  await vi.advanceTimersByTimeAsync(2000);
  expect(button.dataset.label).toBe("Copy");
  expect(button.ariaLabel).toBe("Copy code");
});

test("if the clipboard is forbidden, Copy uses a textarea", async () => {
  vi.mocked(navigator.clipboard.writeText).mockRejectedValue(new Error("forbidden"));
  const old = vi.spyOn(document, "execCommand").mockReturnValue(true);
  const root = answer();
  attachCode(root, null, life.signal);
  const button = press(root, "Copy");
  await expect.poll(() => button.dataset.label).toBe("Copied");
  expect(old).toHaveBeenCalledWith("copy");
  old.mockReturnValue(false);
  press(root, "Copy");
  await expect.poll(() => button.dataset.label).toBe("Copying is not allowed here");
});

test("without a notebook, Insert below copies and says so", async () => {
  const root = answer();
  attachCode(root, {}, life.signal);
  const button = press(root, "Insert below");
  await expect.poll(() => button.dataset.label).toBe("Copied: paste it into a new cell");
  expect(spoken()).toBe("Copied: paste it into a new cell");
  expect(written).toEqual([CODE.trimEnd()]);
});

class Notebook {
  element = document.createElement("div");
  inserted: [number, unknown][] = [];
  pressed: number[] = [];
  cells: { cell_type: string; source: string; execution_count: number | null }[] = [];
  model = {
    widget_manager: {
      context: {
        model: {
          sharedModel: {
            cells: this.cells,
            insertCell: (index: number, cell: { cell_type: string; source: string }) => {
              const made = { ...cell, execution_count: null };
              this.inserted.push([index, cell]);
              this.cells.splice(index, 0, made);
              this.#show(index, null);
              return made;
            },
            deleteCell: (index: number) => {
              this.cells.splice(index, 1);
              this.element.children[index]?.remove();
            },
          },
        },
      },
    },
  };

  constructor(counts: (number | null)[]) {
    this.element.className = "jp-Notebook";
    document.body.append(this.element);
    for (const count of counts) {
      this.cells.push({ cell_type: "code", source: "", execution_count: count });
      this.#show(this.cells.length - 1, count);
    }
    this.element.addEventListener("mousedown", ({ target }) => {
      this.pressed.push([...this.element.children].indexOf((target as Element).closest(".jp-Cell") as Element));
    });
  }

  #show(index: number, count: number | null): void {
    const cell = document.createElement("div");
    cell.className = "jp-Cell";
    cell.innerHTML = `<div class="jp-InputPrompt">[${count ?? "*"}]:</div>`;
    this.element.insertBefore(cell, this.element.children[index] ?? null);
  }

  async put(root: HTMLElement, cell: Element | undefined, model: object | null = this.model): Promise<void> {
    cell?.append(root);
    attachCode(root, model, life.signal);
    await frames(3);
  }
}

const NEW = { cell_type: "code", source: CODE.trimEnd(), metadata: { trusted: true } };

test("Insert below puts a cell with exactly the code under the answer's, and copies nothing", async () => {
  const notebook = new Notebook([1, 2, null, null]);
  const root = answer();
  await notebook.put(root, notebook.element.children[2]);
  const button = press(root, "Insert below");
  await expect.poll(() => button.dataset.label).toBe("Inserted 2 lines");
  expect(notebook.inserted).toEqual([[3, NEW]]);
  expect(written).toEqual([]);
  await expect.poll(() => notebook.pressed).toEqual([3]); // the new cell is selected

  press(root, "Undo");
  expect(button.dataset.label).toBe("Cell removed");
  expect([notebook.cells.length, notebook.pressed]).toEqual([4, [3, 2]]);
  expect(root.querySelectorAll("button").length).toBe(2);
  press(root, "Insert below");
  (notebook.cells[3] as { source: string }).source = "changed";
  press(root, "Undo");
  expect(button.dataset.label).toBe("Kept: the cell was changed");
  expect(notebook.cells.length).toBe(5);
});

test("a saved answer finds the notebook of an earlier live one, and copies in any other notebook", async () => {
  const notebook = new Notebook([1, 2]);
  const other = new Notebook([1, 2]);
  await notebook.put(answer(), notebook.element.children[1]);
  const [saved, elsewhere] = [answer(), answer()];
  await notebook.put(saved, notebook.element.children[0], null);
  await other.put(elsewhere, other.element.children[0], null);
  press(saved, "Insert below");
  press(elsewhere, "Insert below");
  await expect.poll(() => written.length).toBe(1);
  expect(notebook.inserted).toEqual([[1, NEW]]);
  expect(other.inserted).toEqual([]);
});

test("the tools of one bundle find a notebook that only another bundle has seen", async () => {
  const notebook = new Notebook([1, 2]);
  await notebook.put(answer(), notebook.element.children[1]);
  // @ts-expect-error: the query makes it a module of its own, as in another bundle
  const chat: typeof import("../../src/code/insert") = await import("../../src/code/insert?chat");
  expect(chat.insertBelow(notebook.element.children[0] as Element, "x")).not.toBeNull();
  expect(notebook.inserted.map(([index]) => index)).toEqual([1]);
});

test("in a windowed notebook the notebook's own index counts, and a doubtful one is not used", async () => {
  const notebook = new Notebook([1, 2, 3, 4, 5]);
  const [, , third] = notebook.element.children as unknown as HTMLElement[];
  notebook.element.firstElementChild?.remove();
  const root = answer();
  await notebook.put(root, third);
  (third as HTMLElement).dataset.windowedListIndex = "2";
  press(root, "Insert below");
  expect(notebook.inserted.map(([index]) => index)).toEqual([3]);
  (third as HTMLElement).dataset.windowedListIndex = "3";
  press(root, "Insert below");
  await expect.poll(() => written.length).toBe(1);
  expect(notebook.inserted.length).toBe(1);
});

test("a button that another notebook's HTML brings does nothing", async () => {
  const root = answer();
  root.innerHTML += `<pre><button class="streamwidget-tool" aria-label="Copy code">words</button><code>x</code></pre>`;
  attachCode(root, null, life.signal);
  (root.querySelector("pre:last-child > button") as HTMLButtonElement).click();
  await frames(2);
  expect(written).toEqual([]);
});

test("code with text that is not seen is not copied", async () => {
  const hidden = (before: string, inner: string, style = "") =>
    `<div style="${before}"><pre style="${style}"><code class="language-python">a\n${inner}</code></pre></div>`;
  const span = '<span style="font-size:0">import os</span>';
  const pale = '<span style="color:#fefefe">import os</span>';
  const dressed = [`${FRAME};font-size:0`, `${FRAME};--k:var(--jp-mirror-editor-keyword-color,#fefefe)`];
  for (const html of [
    ...dressed.map((style) => hidden("", "x", style)),
    hidden("", pale, FRAME),
    hidden("", span),
    hidden("", "<b hidden>x</b>"),
    hidden("", "x", "font-size:0"),
  ]) {
    const root = answer();
    root.innerHTML = html;
    attachCode(root, null, life.signal);
    expect(root.querySelector("button"), html).toBeNull();
    root.remove();
  }
  for (const style of [
    "font-size:1px",
    "color:white;background:white",
    "opacity:0",
    "color:transparent",
    "visibility:hidden",
  ]) {
    const root = answer();
    root.innerHTML = hidden(style, "import os");
    attachCode(root, null, life.signal);
    const button = press(root, "Copy");
    await expect.poll(() => button.dataset.label, { message: style }).toBe("Not copied: it has hidden text");
    root.remove();
  }
  expect(written).toEqual([]);
});

test("in nbclassic the global inserts the cell", async () => {
  const set: string[] = [];
  const places: number[] = [];
  const root = answer();
  const cells = [{ element: [document.createElement("div")] }, { element: [root] }];
  vi.stubGlobal("Jupyter", {
    notebook: {
      get_cells: () => cells,
      delete_cell: (index: number) => cells.splice(index, 1),
      insert_cell_at_index: (type: string, index: number) => {
        expect(type).toBe("code");
        places.push(index);
        const made = { set_text: (text: string) => set.push(text), get_text: () => set.at(-1), element: [] };
        cells.push(made as never);
        return made;
      },
    },
  });
  attachCode(root, {}, life.signal);
  press(root, "Insert below");
  expect([places, set]).toEqual([[2], [CODE.trimEnd()]]);
  press(root, "Undo");
  expect(cells.length).toBe(2);
  vi.unstubAllGlobals();
});

test("saved answers get buttons when they come, live ones have their view's, gone ones are forgotten", async () => {
  const saved = (classes: string) => {
    const outer = document.createElement("div");
    outer.className = classes;
    const root = answer();
    root.className = "streamwidget-text";
    outer.append(root);
    document.body.append(outer);
    return outer;
  };
  const first = saved("jp-RenderedHTMLCommon");
  addToolsToSavedAnswers();
  addToolsToSavedAnswers();
  expect(first.querySelectorAll("button").length).toBe(2);
  const second = saved("jp-RenderedHTMLCommon");
  const live = saved("streamwidget");
  await expect.poll(() => second.querySelectorAll("button").length).toBe(2);
  expect(live.querySelector("button")).toBeNull();
  second.remove();
  await expect.poll(() => second.querySelector("button")).toBeNull();
  document.body.append(second);
  await expect.poll(() => second.querySelectorAll("button").length).toBe(2);
});

test("the code of a saved answer has tools, as the kernel writes it and as JupyterLab's sanitizer leaves it", async () => {
  const colours = "color:#188038;color:var(--k)";
  const variables = ";--k:var(--jp-mirror-editor-keyword-color,#188038)";
  for (const [more, colour] of [
    [variables, colours],
    ["", "color:#188038"],
  ]) {
    const root = answer();
    root.innerHTML = `<pre style="${FRAME}${more}"><code class="language-python" style="${CODE_STYLE}"><span style="${colour}">def</span> f():
    <span style="${colour}">return</span> 1
</code></pre>`;
    attachCode(root, null, life.signal);
    press(root, "Copy");
    await expect.poll(() => written.splice(0)).toEqual([CODE.trimEnd()]);
    root.remove();
  }
});

test("a keyboard reaches what is too wide and scrolls, and nothing else", async () => {
  const root = answer();
  root.className = "streamwidget-text";
  root.style.width = "100px";
  const wide = document.createElement("table");
  wide.style.cssText = "display: block; overflow-x: auto";
  wide.innerHTML = `<tbody><tr><td>${"wide".repeat(90)}</td></tr></tbody>`;
  attachCode(root, null, life.signal);
  root.append(wide);
  const code = root.querySelector("code") as HTMLElement;
  await expect.poll(() => [code.tabIndex, wide.tabIndex]).toEqual([0, 0]);
  root.style.width = "900px";
  await expect.poll(() => code.tabIndex).toBe(-1);
});

test("a saved answer has Copy and Run again in the line above it, and only in a cell that asks", async () => {
  const notebook = new Notebook([1, 2]);
  await notebook.put(answer(), notebook.element.children[0]); // the page knows the notebook by a live view
  const runs: string[] = [];
  notebook.element.addEventListener("keydown", ({ key, ctrlKey }) => runs.push(`${ctrlKey} ${key}`));
  addToolsToSavedAnswers();
  for (const [index, source] of ["%%chat\nhello", "os.remove('x')"].entries()) {
    const cell = notebook.element.children[index] as HTMLElement;
    cell.classList.add("jp-CodeCell");
    cell.tabIndex = -1;
    const html = '<div class="streamwidget-text"></div>';
    const data = { "text/html": html, "text/markdown": "It *is*\n\nm · complete\n" };
    Object.assign(notebook.cells[index] as object, { source, getOutputs: () => [{ data }] });
    const output = document.createElement("div");
    output.innerHTML = `<p><small class="streamwidget-quiet">m</small></p><div class="streamwidget-text"><p>It is</p></div>`;
    if (index === 0) cell.querySelector("pre")?.closest("div")?.remove();
    cell.append(output);
    const names = () => [...output.querySelectorAll("button")].map(({ ariaLabel }) => ariaLabel);
    await expect.poll(names).toEqual(index === 0 ? ["Copy answer", "Run again: ask once more"] : ["Copy answer"]);
    press(output, "Copy answer");
    await expect.poll(() => written.splice(0)).toEqual(["It *is*"]);
    press(output, "Run again");
  }
  expect(runs).toEqual(["true Enter"]);
});
