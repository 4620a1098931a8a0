import { afterEach, expect, test } from "vitest";
import { MarkdownStream } from "../../src/markdown/stream";
import cases from "../data/static_html.json";
import { once, plainHtml, streamed } from "./equality";

const root = document.createElement("div");
document.body.append(root);
afterEach(() => root.replaceChildren());

const ANSWER = cases.map(({ markdown }) => markdown).filter((markdown) => markdown.includes("**demo**")) as string[];

// As a model sends text: in pieces of about four characters.
function tokens(text: string): string[] {
  return text.match(/\s?\S{1,4}|\s/gs) ?? [];
}

function watch(): () => { removed: number; touched: Set<Node> } {
  const observer = new MutationObserver(() => {});
  observer.observe(root, { childList: true, characterData: true, subtree: true });
  return () => {
    const records = observer.takeRecords();
    observer.disconnect();
    const removed = records.reduce((sum, record) => sum + record.removedNodes.length, 0);
    return { removed, touched: new Set(records.map((record) => record.target)) };
  };
}

test("an answer of 1,500 tokens comes almost without removing a node", () => {
  const text = ANSWER.join("\n\n");
  const pieces = tokens(text).slice(0, 1500);
  const stream = new MarkdownStream(root);
  const seen = watch();
  for (const piece of pieces) stream.append(piece);
  stream.finish();
  expect(pieces.length).toBe(1500);
  expect(seen().removed).toBeLessThan(100);
});

test("finished blocks, rows and items are not touched again", () => {
  const starts = ["First *paragraph*.\n\nx", "- one **a**\n- two\n- three\n", "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 |"];
  for (const start of starts) {
    const stream = new MarkdownStream(root);
    stream.append(start);
    stream.append("");
    const block = root.firstElementChild as Element;
    const first = block.querySelector("li, tbody tr") ?? block;
    const seen = watch();
    for (const piece of ["- four\n- five", " more\n- six\n", "\n\n", "Text", " and text\n\n# End\n", "x"])
      stream.append(piece);
    const { touched } = seen();
    expect(
      [...touched].filter((node) => first.contains(node)),
      start,
    ).toEqual([]);
    stream.clear();
  }
});

test("a selection in finished text and in the paragraph that grows survives", () => {
  const stream = new MarkdownStream(root);
  stream.append("Done with **this**.\n\nGrowing paragraph with some words");
  stream.append("");
  const finished = root.querySelector("strong")?.firstChild as Text;
  const growing = root.lastElementChild?.firstChild as Text;
  for (const [node, word] of [
    [finished, "this"],
    [growing, "paragraph"],
  ] as const) {
    const at = node.data.indexOf(word);
    getSelection()?.setBaseAndExtent(node, at, node, at + word.length);
    for (const piece of [" and *more", "* of", " it", " `code", "` here"]) stream.append(piece);
    expect(getSelection()?.toString()).toBe(word);
  }
});

test("a marker is never seen bare while the text comes character by character", () => {
  const text =
    "Some **bold** and *thin* and ***both*** and `code` and ~~gone~~ words, [a link](https://a.example/x) too.\n\n" +
    "- an item with **bold**\n- [ ] to do\n- [x] done\n\n1. one\n2. two\n\n## Heading\n\n| a | b |\n|---|---|\n| **x** | y |\n\n" +
    "> quoted\n\n```js\ncode\n```\n\nEnd\n";
  const stream = new MarkdownStream(root);
  const bare: string[] = [];
  for (const char of text) {
    stream.append(char);
    stream.append("");
    const shown = root.textContent ?? "";
    if (/[*`~[\]|#>]|https|(?:^|\n)[-\d]/.test(shown.replace(/\(a\.example\)/g, ""))) bare.push(shown.slice(-40));
  }
  stream.finish();
  expect(bare).toEqual([]);
  expect(plainHtml(root)).toBe(once(text));
});

test("a formula is never seen as a list, a heading or a quote while it comes, and blocks before it stay", () => {
  const formula = "$$\nf(x)\n= a *b* c\n- b\n=\n> c\n$$";
  for (const [start, end] of [
    ["Text\n\n", "\n\nEnd *here*\n"],
    ["- item\n", "\n- next\n"],
    ["> quote\n", "\n\nEnd\n"],
    ["| a |\n|---|\n| b |\n", "\n| c |\n"],
  ]) {
    const stream = new MarkdownStream(root);
    stream.append(start as string);
    stream.append("");
    const first = root.firstElementChild;
    const html = first?.innerHTML;
    for (const char of formula) {
      stream.append(char);
      stream.append("");
      expect(root.querySelector("h1, h2, ul li:nth-child(2), blockquote blockquote, em")).toBe(null);
    }
    for (const char of end as string) stream.append(char);
    stream.finish();
    expect(root.firstElementChild).toBe(first);
    expect(first?.innerHTML, start).toBe(html);
    expect(root.textContent).toContain(formula);
    expect(plainHtml(root)).toBe(once(start + formula + end));
    stream.clear();
  }
});

test("a formula that opens at a line's end is never seen as another block while it comes", () => {
  for (const start of ["**Text** and ", "Text $x$\nso ", "- item ", "> quote "]) {
    const indent = /^[->]/.test(start) ? start.replace(/^- .*/, "  ").replace(/^> .*/, "> ") : "";
    const text = `${start}$$\nf(x)\n= a *b* c\n- b\n=\n> c\n# d\n$$ end\n`.replaceAll("\n", `\n${indent}`);
    const stream = new MarkdownStream(root);
    for (const char of text) {
      stream.append(char);
      stream.append("");
      expect(root.querySelector("h1, h2, li + li, li li, blockquote blockquote, em"), start).toBe(null);
    }
    stream.finish();
    expect(plainHtml(root), start).toBe(once(text));
    stream.clear();
  }
});

test("an open formula that turns out to be none leaves the blocks as they are", () => {
  for (const text of ["- item\n$$\n- b\n\n- c\n", "> q\n$$\n> a\n\nb\n", "a\n\n$$\n- b\n- c\n\n- d\n"]) {
    const stream = new MarkdownStream(root);
    for (const char of text) {
      stream.append(char);
      stream.append("");
    }
    stream.finish();
    expect(plainHtml(root), text).toBe(once(text));
    stream.clear();
  }
});

test("a long line below the head of a table may still become text", () => {
  const text = `a\n|-|-\n|-|${"-".repeat(1000)}~~\n`;
  expect(streamed(text)).toBe(once(text));
});

test("emphasis beside CJK punctuation is never seen bare while it comes", () => {
  const stream = new MarkdownStream(root);
  const bare: string[] = [];
  for (const char of "请**「重要」**です。这是**“引号”**文字，~~删除（x）~~后面 *(a)*字") {
    stream.append(char);
    stream.append("");
    if (/[*~]/.test(root.textContent ?? "")) bare.push(root.textContent as string);
  }
  stream.finish();
  expect(bare).toEqual([]);
});

test("a word break that comes in a piece of its own is as in the whole text", () => {
  for (const text of [
    "ไทย\u200bไทย",
    "a\u200bไ",
    "ไ\u200ba\u200bb",
    "ไ\u200b\u200b\u200bไ\u200b",
    "\u200b\r\nไ",
    "ไ\u200b\u200b",
    "❤\ufe0f\u200d🔥👩🏽\u200d🔬 1\ufe0f\u20e31\ufe0f2",
    "می\u200c\u200dخ क्\u200dष 葛\u{e0100}\u{e0101}ᠮ\u180b\u180b⠓\u2800\u2800⠇",
    "\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}\u{1f3f4}\u{e0067}a",
  ]) {
    expect(streamed(text), JSON.stringify(text)).toBe(once(text));
  }
});

test("a late definition makes links of the text before it, and of nothing else", () => {
  const stream = new MarkdownStream(root);
  stream.append("See [here] and [there][x].\n\nPlain [brackets].\n\n- item [here]\n- b\n- c\n\nText\n\n");
  const untouched = root.children[1] as Element;
  const html = untouched.outerHTML;
  stream.append("[here]: https://late.example/a\n");
  stream.append(""); // whatever was put off
  expect(root.querySelectorAll("a").length).toBe(2);
  stream.append("[x]: https://x.example\n\nEnd\n\n.");
  stream.append("");
  expect(root.querySelectorAll("a").length).toBe(3);
  expect(root.children[1]).toBe(untouched);
  expect(untouched.outerHTML).toBe(html);
});

test("a finished element is reported, and something added to it does not stop a late definition", () => {
  const told: string[] = [];
  const stream = new MarkdownStream(root, {
    finished: (block) => {
      told.push(block.textContent ?? "");
      block.append(document.createElement("button"));
    },
  });
  const text = "a [x]\n\n```\ncode\n```\n\n- i\n- j\n\nb\n\n[x]: https://x.example\n";
  for (const char of text) {
    stream.append(char);
    stream.append(""); // on a slow machine the text waits otherwise
  }
  stream.finish();
  expect(told.map((block) => block.trim().replace(/\s+/g, " "))).toEqual([
    "a [x]",
    "code",
    "i j",
    "a x (x.example)",
    "b",
  ]);
  expect(plainHtml(root)).toBe(once(text));
});

test("beyond a million characters the text is shown as it is, still grows, and stays whole", () => {
  const line = "some *words* of an endless answer 😀\n";
  const text = line.repeat(Math.ceil(1_000_100 / 35));
  const stream = new MarkdownStream(root);
  for (let at = 0; at < text.length; at += 30_011) stream.append(text.slice(at, at + 30_011));
  stream.append("The end");
  stream.finish();
  expect(root.querySelectorAll("em").length).toBe(0);
  expect([...root.querySelectorAll("pre")].map((pre) => pre.textContent).join("\n") === `${text}The end`).toBe(true);
  expect(plainHtml(root) === once(`${text}The end`)).toBe(true);
});

test("clear() forgets everything, and another text may follow", () => {
  const stream = new MarkdownStream(root);
  stream.append("```\nopen [a]\n\n[a]: https://a.example");
  stream.clear();
  expect(root.childNodes.length).toBe(0);
  stream.append("[a] *b*");
  stream.finish();
  expect(plainHtml(root)).toBe(once("[a] *b*"));
});

test("no text node splits a surrogate pair, however the text is cut", () => {
  const text = `${"😀".repeat(5000)}\n\n\`\`\`\n${"😀".repeat(5000)}`;
  const stream = new MarkdownStream(root);
  for (let at = 0; at < text.length; at += 7) stream.append(text.slice(at, at + 7));
  const nodes = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (nodes.nextNode())
    expect(/^[\udc00-\udfff]|[\ud800-\udbff]$/.test((nodes.currentNode as Text).data)).toBe(false);
});
