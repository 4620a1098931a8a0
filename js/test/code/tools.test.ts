import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { attachCode } from "../../src/code/attach";
import "../../src/code/code.css";
import { addToolsToSavedAnswers } from "../../src/saved/add_tools";
import { frames } from "../kernel_side";

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
  expect(getComputedStyle(tools).opacity).toBe("0");
  const first = tools.querySelector("button") as HTMLButtonElement;
  expect(first.tabIndex).toBe(0);
  first.focus();
  expect(getComputedStyle(tools).opacity).toBe("1");
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
  cells: { cell_type: string; execution_count: number | null }[] = [];
  model = {
    widget_manager: {
      context: {
        model: {
          sharedModel: {
            cells: this.cells,
            insertCell: (index: number, cell: unknown) => this.inserted.push([index, cell]),
          },
        },
      },
    },
  };

  constructor(counts: (number | null)[]) {
    this.element.className = "jp-Notebook";
    document.body.append(this.element);
    for (const count of counts) {
      this.cells.push({ cell_type: "code", execution_count: count });
      const cell = document.createElement("div");
      cell.className = "jp-Cell";
      cell.innerHTML = `<div class="jp-InputPrompt">[${count ?? "*"}]:</div>`;
      this.element.append(cell);
    }
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
  expect(chat.insertBelow(notebook.element.children[0] as Element, "x")).toBe(true);
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
  for (const html of [hidden("", span), hidden("", "<b hidden>x</b>"), hidden("", "x", "font-size:0")]) {
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
      insert_cell_at_index: (type: string, index: number) => {
        expect(type).toBe("code");
        places.push(index);
        return { set_text: (text: string) => set.push(text) };
      },
    },
  });
  attachCode(root, {}, life.signal);
  press(root, "Insert below");
  expect([places, set]).toEqual([[2], [CODE.trimEnd()]]);
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
