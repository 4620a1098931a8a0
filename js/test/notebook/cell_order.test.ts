import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { tellCellOrder } from "../../src/notebook/cell_order";

interface Sent {
  readonly op: string;
  readonly id: string;
  readonly cells: unknown[];
}

/** A page with a notebook of these cells, in a host whose comm to the kernel opens at once. */
function pageWith(...ids: string[]) {
  const sent: Sent[] = [];
  const slots: (() => void)[] = [];
  const cells = Object.assign(
    ids.map((id) => ({ id, type: "code" })),
    { changed: { connect: (slot: () => void) => slots.push(slot) } },
  );
  const comm = { isDisposed: false, open: () => {}, send: (message: Sent) => sent.push(message) };
  const widget_manager = { kernel: { createComm: () => comm }, context: { model: { cells } } };
  return { sent, cells, slots, model: () => ({ widget_manager }), change: () => slots.map((slot) => slot()) };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("the kernel is told the order of the code cells, and again once the cells have changed", async () => {
  const page = pageWith("a", "b");
  page.cells.push({ id: "text", type: "markdown" });
  tellCellOrder(page.model());
  await vi.advanceTimersByTimeAsync(1);
  expect(page.sent).toEqual([{ op: "cells", id: "cells", cells: ["a", "b"] }]);

  page.cells.reverse(); // a move removes a cell and inserts it again
  page.change();
  page.change();
  await vi.advanceTimersByTimeAsync(1);
  expect(page.sent.map(({ cells }) => cells)).toEqual([
    ["a", "b"],
    ["b", "a"],
  ]);
});

test("the tools tell it each time that they come, and the notebook is watched once", async () => {
  const page = pageWith("a");
  tellCellOrder(page.model());
  tellCellOrder(page.model());
  await vi.advanceTimersByTimeAsync(1);
  expect([page.sent.length, page.slots.length]).toEqual([2, 1]);
});

test("a notebook of too many cells, and a host that hides its cells, say nothing", async () => {
  const page = pageWith(...Array.from({ length: 5001 }, (_, index) => `c${index}`));
  tellCellOrder(page.model());
  for (const host of [{}, { widget_manager: {} }, { widget_manager: { context: { model: null } } }])
    tellCellOrder(host);
  await vi.advanceTimersByTimeAsync(1);
  expect(page.sent).toEqual([]);
});
