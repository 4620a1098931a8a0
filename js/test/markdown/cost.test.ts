// What a hostile answer costs the page, beside ordinary prose of the same length in the same run. `make fuzz` tries many
// more texts. tests/saved/test_cost.py does the same in the kernel.

import { expect, test } from "vitest";
import { MarkdownStream } from "../../src/markdown/stream";
import { random } from "../kernel_side";
import { once, plainHtml } from "./equality";

const SIZE = 6_000;
const RATIO = 20;
const PROSE =
  "The **value** of `x` is about 3, as [the docs](https://a.example/x) say. It costs $5.\n\n- one item with *words*\n- another item\n\n";
const MARKS = [
  ..."- |> |1. |# |-|\n|\n\n|  |    |\t|$|$$|\\(|\\[|\\)|\\begin{align}|*|**|_|~~|`|```|~~~|[|]|](|)|![|[a]: ".split(
    "|",
  ),
  ..."<|>|<!--|<a |&|&amp;|http://a|://|mailto:a@b|a|b |!|=|---|\\|\\url|{|}|\"|'|注：|é|\u200b|<br>".split("|"),
  "|",
  "|-",
];
const COUNT = Number((import.meta as unknown as { env: Record<string, string> }).env.VITE_FUZZ ?? 60);
const FIRST = COUNT > 1000 ? Math.floor(Math.random() * 1e9) : 1;

const fill = (unit: string, size = SIZE) => unit.repeat(Math.ceil(size / unit.length)).slice(0, size);

const HOSTILE = [
  `http://a${"!".repeat(SIZE / 2)}a${")".repeat(SIZE / 2)}`,
  fill(`${"|".repeat(182)}\n${"|-".repeat(181)}|\n${"|\n".repeat(362)}\n`),
  `${"\\(".repeat(SIZE / 2)}\\url\\)`,
  `${">".repeat(58)}${"a\n".repeat(SIZE / 2)}`,
  fill("-\n"),
  fill("- a\n+ a\n* a\n"),
  `|a|\n|-|\n${fill("b\n")}`,
  fill("a\n=\n"),
  fill("a $$\n"),
  fill("a \\[\\url \\]"),
  fill("]\\("),
  `${"\\(".repeat(SIZE / 4)}${" ".repeat(SIZE / 2)}`,
  fill(`${"[".repeat(1000)}\n\n`),
  fill("!://"),
];

function cost(text: string, piece = 64): [ms: number, root: HTMLElement, longest: number] {
  const root = document.createElement("div");
  const stream = new MarkdownStream(root);
  const start = performance.now();
  let longest = 0;
  let before = start;
  const look = () => {
    const now = performance.now();
    longest = Math.max(longest, now - before);
    before = now;
  };
  for (let at = 0; at < text.length; at += piece) {
    stream.append(text.slice(at, at + piece));
    look();
  }
  while (stream.isFarBehind) {
    stream.append("");
    look();
  }
  stream.finish();
  look();
  return [before - start, root, longest];
}

// Beside prose that is measured in the same moment, because the machine may be busy with something else.
function ratio(text: string): number {
  const [ms] = cost(text);
  return ms / text.length / (cost(fill(PROSE))[0] / SIZE);
}

function check(text: string): void {
  const name = JSON.stringify(text.slice(0, 200));
  const html = plainHtml(cost(text)[1]);
  expect(html.length, name).toBeLessThan(RATIO * Math.max(text.length, 500));
  expect(html === once(text), name).toBe(true);
  // A text of few characters has a cost of its own.
  let found = ratio(text.padEnd(2000));
  for (let tries = 0; found > RATIO && tries < 8; tries += 1) found = Math.min(found, ratio(text.padEnd(2000)));
  expect(found, name).toBeLessThan(RATIO);
}

test("a hostile answer costs at most 20 times what prose costs, and is at most 20 times as long", () => {
  for (const text of HOSTILE) check(text);
}, 120_000);

// A browser's own work may grow with the square of what a block holds. That is not seen in a short text.
const LONG: [string, string][] = [
  ["", "- a\n"],
  ["", "1. a\n\n"],
  ["- a\n", "  - b\n"],
  ["", "- [a]\n"],
  ["|a|\n|-|\n", "b\n"],
  ["|a|\n|-|\n", "|[a]|\n"],
  ["", "|-\n"],
  ["> |a|b|\n> |-|-|\n", "> |a|b|\n"],
  ["", "a $$\n"],
  ["", "\\("],
];

test("no step of a text of 100 KB takes longer than a few times what all its prose takes", () => {
  const size = 100_000;
  for (const [start, unit] of LONG) {
    const text = `${start}${fill(unit, size)}\n\n[a]: https://a.example\n`;
    let [found, total] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (let tries = 0; (found > 8 || total > RATIO) && tries < 8; tries += 1) {
      const [prose] = cost(fill(PROSE, size), 20_000);
      const [ms, , longest] = cost(text, 20_000);
      found = Math.min(found, longest / prose);
      total = Math.min(total, ms / prose);
    }
    expect(found, `${start}${unit}`).toBeLessThan(8);
    expect(total, `${start}${unit}`).toBeLessThan(RATIO);
  }
}, 120_000);

test("a list of very many items is shown", () => {
  const root = document.createElement("div");
  const stream = new MarkdownStream(root);
  stream.append("-\n".repeat(65_000));
  stream.append("-\n".repeat(1_000));
  stream.finish();
  expect(root.querySelectorAll("li").length).toBe(66_000);
}, 60_000);

test("so does any text of Markdown's marks, each repeated", () => {
  for (let seed = FIRST; seed < FIRST + COUNT; seed += 1) {
    const next = random(seed);
    const pick = () => MARKS[Math.floor(next() * MARKS.length)] as string;
    let text = "";
    for (let runs = 1 + next() * 3; runs > 0; runs -= 1) {
      let unit = "";
      for (let parts = next() * 5; parts >= 0; parts -= 1) unit += pick();
      text += unit.repeat(1 + next() ** 3 * 2000);
    }
    check(text.slice(0, SIZE));
  }
}, 3_600_000);
