import { afterEach, expect, test, vi } from "vitest";
import { AnswerPane } from "../../src/wire/answer_pane";

vi.mock("../../src/dom/highlights", () => ({ canHighlight: false }));

afterEach(() => document.body.replaceChildren());

test("without highlights each line of the lit text has a box behind it", () => {
  const pane = new AnswerPane(new AbortController().signal);
  pane.root.style.cssText = "white-space: pre; font: 16px / 20px monospace";
  document.body.append(pane.root);
  pane.paint("one\ntwo\nthree", 13, false);
  pane.light(1, 6);
  const boxes = () =>
    [...pane.root.querySelectorAll<HTMLElement>(".streamwidget-wire-lit")].filter((box) => box.style.width !== "0px");
  const pixels = (side: "top" | "left" | "width") => boxes().map((box) => Number.parseFloat(box.style[side]));
  const [first = 0, second = 0] = pixels("top"); // "ne", and "tw" a line below it
  expect(second - first).toBeCloseTo(20, 0);
  const [narrow = 0, none] = pixels("left");
  expect([pixels("width"), none]).toEqual([[2 * narrow, 2 * narrow].map((width) => expect.closeTo(width, 0)), 0]);
  expect(pane.root.textContent).toBe("one\ntwo\nthree");
  pane.light(0, 0);
  expect(boxes()).toEqual([]);
});
