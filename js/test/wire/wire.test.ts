// The rows in the page: none is lost and none is there twice, whatever messages do.

import { afterEach, expect, test, vi } from "vitest";
import { parseRows } from "../../src/wire/messages";
import { Wire } from "../../src/wire/wire";
import { delta, request, WireHost } from "./kernel_side";

let wire: Wire | undefined;
afterEach(() => {
  wire?.dispose();
  vi.useRealTimers();
});

function make(initial: unknown): { wire: Wire; asked: number[] } {
  const asked: number[] = [];
  wire = new Wire(initial, (have) => asked.push(have) > 0);
  return { wire, asked };
}

test("a new page asks for the rows after those of the state", () => {
  const kernel = new WireHost([request(), delta(1, "a")], "streaming");
  const { wire, asked } = make(kernel.message(0, 1));
  expect(asked).toEqual([1]);
  wire.receive(kernel.message(1));
  expect(wire.text).toBe("a");
});

test("the page asks for a gap, and takes no row twice", async () => {
  const kernel = new WireHost([request(), delta(1, "a"), delta(2, "b"), delta(3, "c")], "streaming");
  const { wire, asked } = make(kernel.message(0, 1));
  wire.receive(kernel.message(2));
  expect(wire.rows.length).toBe(1);
  await expect.poll(() => asked.at(-1)).toBe(1);
  wire.receive(kernel.message(1));
  wire.receive(kernel.message(1));
  wire.receive(kernel.message(0));
  expect(wire.rows.map((row) => row.made).join("")).toBe("abc");
  expect(wire.text).toBe("abc");
});

test("the end counts once all rows are there", () => {
  const kernel = new WireHost([request(), delta(1, "a"), delta(2, "b")], "over", "complete");
  const { wire, asked } = make(kernel.message(0, 1));
  expect(wire.over).toBe(false);
  expect(asked).toEqual([1]);
  wire.receive(kernel.message(1, 1));
  expect(wire.over).toBe(false);
  wire.receive(kernel.message(2));
  expect([wire.over, wire.outcome, wire.text]).toEqual([true, "complete", "ab"]);
});

test("each character has its row, in UTF-16 units, though the kernel counts code points", () => {
  const made = ["", "Hé", "😀", "", "👩‍👩‍👧", "\n", "e\u0301", "漢字"];
  const rows = made.map((text, at) => delta(at, text));
  const { wire } = make(new WireHost(rows, "over", "complete").message(0));
  expect(wire.text).toBe(made.join(""));
  for (const [index, row] of wire.rows.entries()) {
    expect(wire.text.slice(row.start, row.end)).toBe(made[index]);
    for (let at = row.start; at < row.end; at += 1) expect(wire.rowAt(at)).toBe(index);
  }
  expect(wire.rowAt(wire.text.length)).toBe(-1);
  expect(wire.rowAt(-1)).toBe(-1);
  expect(wire.rows.at(-1)?.characters).toBe([...made.join("")].length);
});

test.each([
  null,
  1,
  "x",
  [],
  {},
  { wire: true },
  { wire: true, rows: {}, phase: "over" },
  { wire: true, rows: [], phase: "dancing" },
  { op: "snapshot", text: "another widget's" },
])("a message that is none of ours is dropped: %j", (message) => {
  expect(parseRows(message)).toBeNull();
});

test("a row that cannot be read keeps its number", () => {
  const rows = [null, 7, { at: "x", kind: "<b>", pieces: [1, "a"], made: 3, more: -1 }, delta(1, "ok")];
  const message = parseRows({ wire: true, seq: 0, rows, total: 4, phase: "streaming" });
  expect(message?.rows.map((row) => [row.at, row.kind, row.pieces.length, row.made])).toEqual([
    [0, "other", 0, ""],
    [0, "other", 0, ""],
    [0, "other", 1, ""],
    [1, "data", 2, "ok"],
  ]);
});

test("a gone kernel is not asked, until a message comes", () => {
  vi.useFakeTimers();
  const kernel = new WireHost([request(), delta(1, "a")], "streaming");
  const { wire, asked } = make(kernel.message(0));
  wire.kernelGone();
  vi.advanceTimersByTime(120_000);
  expect(asked).toEqual([2]);
  wire.receive(kernel.message(2));
  expect(wire.gone).toBe(false);
  vi.advanceTimersByTime(10_000);
  expect(asked.length).toBeGreaterThan(1);
});
