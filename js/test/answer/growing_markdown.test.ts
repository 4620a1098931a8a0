import { expect, test } from "vitest";
import { GrowingMarkdown } from "../../src/answer/growing_markdown";
import { GrowingText } from "../../src/transcript/growing_text";
import { once, plainHtml } from "../markdown/equality";

test("a long text that is over when it comes is shown in steps", () => {
  const root = document.createElement("div");
  const source = new GrowingText();
  const markdown = new GrowingMarkdown(root, source);
  const text = "The **value** of `x` is about 3.\n\n- one item\n- another\n\n".repeat(2_000);
  source.add(text);
  let steps = 0;
  for (let isBehind = true; isBehind; steps += 1) isBehind = markdown.paint(true);
  expect(steps).toBeGreaterThan(3);
  expect(plainHtml(root) === once(text)).toBe(true);
});
