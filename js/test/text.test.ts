import { expect, test } from "vitest";
import { TextBlocks, visible } from "../src/text";
import { random } from "./kernel_side";

function blocks() {
  const root = document.createElement("div");
  root.style.cssText = "white-space: pre-wrap; width: 600px; font: 14px/20px monospace";
  document.body.append(root);
  return { root, blocks: new TextBlocks(root) };
}

test("the textContent is the text, however it is cut", () => {
  const alphabet = ["word ", "\n", "\n\n", "😀", "\u0301", "<b>&amp;", "\t", "x".repeat(700), "שלום"];
  for (let seed = 1; seed <= 40; seed += 1) {
    const next = random(seed);
    const { root, blocks: made } = blocks();
    let text = "";
    for (let i = 0; i < 200; i += 1) text += alphabet[Math.floor(next() * alphabet.length)];
    for (let at = 0; at < text.length; ) {
      const end = at + 1 + Math.floor(next() ** 4 * 9000);
      made.append(text.slice(at, end));
      at = end;
    }
    expect(root.textContent === text, `seed ${seed}`).toBe(true);
    root.remove();
  }
});

test("blocks look like one text: the same height as one text node", () => {
  const text = `${"a line of text\n\n\nand more\n".repeat(500)}\n\n last`;
  const { root, blocks: made } = blocks();
  for (let at = 0; at < text.length; at += 7) made.append(text.slice(at, at + 7));
  expect(root.children.length).toBeGreaterThan(5);
  const { root: plain } = blocks();
  plain.textContent = text;
  expect(root.getBoundingClientRect().height).toBe(plain.getBoundingClientRect().height);
  root.remove();
  plain.remove();
});

test("no text node and no block grows without bound, and no surrogate pair is split", () => {
  const { root, blocks: made } = blocks();
  made.append("😀".repeat(20_000));
  made.append(`\n${"line\n".repeat(4000)}`);
  const nodes = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (nodes.nextNode()) {
    const data = (nodes.currentNode as Text).data;
    expect(data.length).toBeLessThanOrEqual(4097);
    expect(/^[\udc00-\udfff]|[\ud800-\udbff]$/.test(data)).toBe(false);
  }
  for (const block of [...root.children].slice(1)) expect(block.textContent?.length).toBeLessThan(1600);
  root.remove();
});

test("what was appended is never touched again", () => {
  const { root, blocks: made } = blocks();
  made.append("line\n".repeat(400));
  const first = root.firstElementChild as Element;
  const seen: MutationRecord[] = [];
  const observer = new MutationObserver((records) => seen.push(...records));
  observer.observe(first, { childList: true, characterData: true, subtree: true });
  made.append("line\n".repeat(400));
  seen.push(...observer.takeRecords());
  expect(seen).toEqual([]);
  root.remove();
});

test("C0 control characters are shown as pictures, line feed and tab are kept", () => {
  expect(visible("a\0b\u001b[31m\r\n\tc\u007f")).toBe("a\u2400b\u241b[31m\u240d\n\tc\u2421");
});
