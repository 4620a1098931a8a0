import { afterEach, expect, test } from "vitest";
import "../../src/answer/answer.css";
import { MarkdownStream } from "../../src/markdown/stream";
import cases from "../data/static_html.json";
import { once, streamed } from "./equality";
import { LONG_CODE } from "./long_code";

const root = document.createElement("div");
root.className = "streamwidget-text";
document.body.append(root);
afterEach(() => root.replaceChildren());

test("long code, streamed character by character, gives the one-shot DOM", () => {
  for (const text of LONG_CODE) expect(streamed(text), text.slice(0, 40)).toBe(once(text));
});

test("long code is among the texts whose saved and live HTML are compared", () => {
  const compared = new Set(cases.map(({ markdown }) => markdown));
  for (const text of LONG_CODE) expect(compared.has(text), text.slice(0, 40)).toBe(true);
});

test("the parts of long code look and are copied as one text", () => {
  const lines = Array.from({ length: 200 }, (_, n) => (n % 64 < 2 || n % 64 > 61 ? "" : `line ${n}`));
  const text = lines.join("\n");
  new MarkdownStream(root).append(`\`\`\`\n${text}\n\`\`\`\nEnd\n`);
  const pre = root.querySelector("pre") as HTMLElement;
  const code = pre.firstElementChild as HTMLElement;
  expect(code.querySelectorAll("span").length).toBe(3);
  expect([...code.children].every((part) => getComputedStyle(part).display === "block")).toBe(true);
  getSelection()?.selectAllChildren(code);
  expect(getSelection()?.toString().trimEnd()).toBe(text);
  const { height } = pre.getBoundingClientRect();
  code.textContent = `${text}\n`;
  expect(pre.getBoundingClientRect().height).toBe(height);
});

test("a selection in code that grows into further parts stays", () => {
  const stream = new MarkdownStream(root);
  stream.append(`\`\`\`python\n${"x = 1\n".repeat(60)}`);
  const node = root.querySelector("code")?.firstChild as Text;
  getSelection()?.setBaseAndExtent(node, 6, node, 17);
  for (let n = 0; n < 300; n += 1) stream.append("y = 2\n");
  stream.append("```\nEnd\n\nEnd\n");
  stream.finish();
  expect(getSelection()?.toString()).toBe("x = 1\nx = 1");
  expect(getSelection()?.anchorNode).toBe(node);
});
