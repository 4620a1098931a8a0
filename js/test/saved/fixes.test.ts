import { afterEach, expect, test } from "vitest";
import { followFixes, offerFixes } from "../../src/saved/fixes";

let life = new AbortController();
afterEach(() => {
  life.abort();
  life = new AbortController();
  document.body.replaceChildren();
});

const DIFF = '<div class="streamwidget-fix streamwidget-fix-a1"><p>Cell [1], corrected:</p><pre>-1/0</pre></div>';

/** A notebook with a failed cell and its diff, and the page's tools of a kernel that offers `fixes`. */
function pageWith(fixes: unknown) {
  const cells = [
    { id: "failed", cell_type: "code", source: "1/0\n", execution_count: 1 },
    { id: "asks", cell_type: "code", source: "%chat --fix", execution_count: 2 },
  ];
  const state = { fixes };
  const slots: (() => void)[] = [];
  const model = {
    get: () => state.fixes,
    on: (_: string, slot: () => void) => slots.push(slot),
    widget_manager: { context: { model: { sharedModel: { cells } } } },
  };
  const notebook = document.createElement("div");
  notebook.className = "jp-Notebook";
  notebook.innerHTML = `<div class="jp-Cell"><div class="jp-InputPrompt">[1]:</div></div>
    <div class="jp-Cell"><div class="jp-InputPrompt">[2]:</div>${DIFF}</div>`;
  document.body.append(notebook);
  followFixes(model, life.signal);
  const change = (fixes: unknown) => {
    state.fixes = fixes;
    for (const slot of slots) slot();
  };
  return { cells, change };
}

const buttons = () => [...document.querySelectorAll("button")];
const FIX = { cell: "failed", old: "1/0", new: "1/1" };

test("the cell is replaced by a press, not run, and put back by Undo", () => {
  const { cells } = pageWith({ a1: FIX });
  const [replace] = buttons();
  replace?.click();
  expect(cells[0]?.source).toBe("1/1");
  expect(replace?.dataset.label).toBe("Replaced, and not run");
  const undo = buttons()[1];
  expect(undo?.ariaLabel).toBe("Undo: put the cell back");
  undo?.click();
  expect(cells[0]?.source).toBe("1/0\n");
  expect([replace?.dataset.label, buttons().length]).toEqual(["As before", 1]);
});

test("a cell that was changed meanwhile stays as it is, before a press and before Undo", () => {
  const { cells } = pageWith({ a1: FIX });
  const failed = cells[0] as { source: string };
  failed.source = "2/0";
  buttons()[0]?.click();
  expect([failed.source, buttons()[0]?.dataset.label]).toEqual(["2/0", "Not replaced: the cell has changed"]);
  failed.source = "1/0";
  buttons()[0]?.click();
  failed.source = "1/1 # better";
  buttons()[1]?.click();
  expect([failed.source, buttons()[0]?.dataset.label]).toEqual(["1/1 # better", "Kept: the cell was changed"]);
});

test("only a diff that the page's kernel has told of gets a button, once", () => {
  const { change } = pageWith({});
  expect(buttons()).toEqual([]);
  change({ b2: FIX });
  expect(buttons()).toEqual([]);
  change({ a1: FIX });
  offerFixes(document.body);
  expect(buttons().length).toBe(1);
});
