// The text of a row, and the number of its lines.

import { afterEach, expect, test } from "vitest";
import "../../src/wire/wire.css";
import { countLines, shownPieces } from "../../src/wire/row_text";
import { delta, frames, request, WireHost } from "./kernel_side";

let host: WireHost | undefined;
afterEach(() => {
  host?.life.abort();
  document.body.replaceChildren();
});

const row = (pieces: string[], kind = "data", more = 0) => ({ at: 0, kind, pieces, more, made: "", attempt: 0 });

test("in a body each line end is marked, and begins a new line if something follows", () => {
  expect(shownPieces(row(["event: x\ndata: y\n\n", ""]))).toEqual(["event: x↵\ndata: y↵↵", ""]);
  expect(shownPieces(row(["data: a\n", "\n"]))).toEqual(["data: a↵", "↵"]);
  expect(shownPieces(row(["id: 1\n", "data: a\n\n"]))).toEqual(["id: 1↵\n", "data: a↵↵"]);
});

test("the lines of a request are lines", () => {
  expect(shownPieces(row(["POST x\na: b\n\n{}"], "request"))).toEqual(["POST x\na: b\n\n{}"]);
});

test("the text names how much was left out", () => {
  expect(shownPieces(row(["data: a"], "data", 1234))).toEqual(["data: a … 1,234 more characters"]);
});

test("lines break after as many characters as there are columns", () => {
  expect(countLines("", 10)).toBe(1);
  expect(countLines("x".repeat(10), 10)).toBe(1);
  expect(countLines("x".repeat(11), 10)).toBe(2);
  expect(countLines("ab\ncd", 10)).toBe(2);
  expect(countLines("漢".repeat(6), 10)).toBe(2);
});

test.each([500, 900])("no row's text is higher than the row, in a view of %i px", async (width) => {
  const rows = [
    request(),
    delta(1, "x".repeat(300)),
    { at: 2, kind: "data", pieces: ["data: a b  c \t d", " ".repeat(200), "\n\n"] },
    { at: 3, kind: "data", pieces: [`data: ${"漢字".repeat(60)}😀é\n`, "data: 2\n\n", ""] },
    { at: 4, kind: "comment", pieces: [": ping\n\n"] },
  ];
  host = new WireHost(rows, "over", "complete");
  const parent = document.createElement("div");
  parent.style.cssText = `width: ${width}px; font: 14px sans-serif`;
  document.body.append(parent);
  const root = host.show(parent);
  await frames();
  const list = root.querySelector(".streamwidget-wire-list") as HTMLElement;
  for (const index of rows.keys()) {
    list.focus();
    list.dispatchEvent(new KeyboardEvent("keydown", { key: index === 0 ? "Home" : "ArrowDown" }));
    await frames();
    const drawn = root.querySelector(`[data-row="${index}"]`) as HTMLElement;
    const raw = drawn.querySelector(".streamwidget-wire-raw") as HTMLElement;
    const [box, text] = [drawn.getBoundingClientRect(), raw.getBoundingClientRect()];
    const range = document.createRange();
    range.selectNodeContents(raw);
    const bottom = Math.max(...[...range.getClientRects()].map((rect) => rect.bottom));
    expect(bottom, `row ${index}`).toBeLessThanOrEqual(box.bottom + 1);
    expect(text.right, `row ${index}`).toBeLessThanOrEqual(box.right + 1);
  }
});
