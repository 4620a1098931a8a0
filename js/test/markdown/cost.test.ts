// What a hostile answer costs the page, beside ordinary prose of the same length in the same run. `make fuzz` tries many
// more texts. tests/saved/test_cost.py does the same in the kernel.

import { beforeAll, expect, test } from "vitest";
import { cdp } from "vitest/browser";
import { MarkdownStream } from "../../src/markdown/stream";
import { random } from "../kernel_side";
import { once, plainHtml } from "./equality";

const SIZE = 6_000;
const RATIO = 20;
const CHEAP = 5; // times prose, which is measured once
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
  fill("!*http://a"),
  fill("http://a/éééé("),
  fill("http://aa~~~"),
  fill("注：http://a&amp;"),
  fill("$$`"),
  fill("> $$\n"),
  fill("\\url$$"),
  fill("*"),
  `${"*".repeat(SIZE / 2)}a${"*".repeat(SIZE / 2)}`,
  `|a|\n|-|\n${fill("|![![![![|\n")}`,
];

// The processor time of the page's thread in milliseconds. Other work of the machine does not count.
const session = cdp() as unknown as {
  send(method: string): Promise<{ metrics: { name: string; value: number }[] }>;
};
async function threadTime(): Promise<number> {
  const { metrics } = await session.send("Performance.getMetrics");
  return 1000 * (metrics.find(({ name }) => name === "ThreadTime") as { value: number }).value;
}

async function cost(text: string, piece = 64): Promise<[ms: number, root: HTMLElement]> {
  const root = document.createElement("div");
  const stream = new MarkdownStream(root);
  const start = await threadTime();
  for (let at = 0; at < text.length; at += piece) stream.append(text.slice(at, at + piece));
  while (stream.isFarBehind) stream.append("");
  stream.finish();
  return [(await threadTime()) - start, root];
}

/** The cost of a text and of its longest step. */
async function steps(text: string, piece: number): Promise<[ms: number, longest: number]> {
  const stream = new MarkdownStream(document.createElement("div"));
  let [all, longest] = [0, 0];
  const step = async (work: () => void) => {
    const start = await threadTime();
    work();
    const ms = (await threadTime()) - start;
    all += ms;
    longest = Math.max(longest, ms);
  };
  for (let at = 0; at < text.length; at += piece) await step(() => stream.append(text.slice(at, at + piece)));
  while (stream.isFarBehind) await step(() => stream.append(""));
  await step(() => stream.finish());
  return [all, longest];
}

// The least cost of a text beside the least cost of prose of the same length. Both are measured in turns, and again
// while the text looks too expensive, because the engine compiles and cleans up at any time.
async function ratio(text: string): Promise<number> {
  let [least, prose] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let tries = 0; tries < 2 || (least > RATIO * prose && tries < 10); tries += 1) {
    prose = Math.min(prose, (await cost(fill(PROSE, text.length)))[0]);
    least = Math.min(least, (await cost(text))[0]);
  }
  return least / prose;
}

let prose = Number.POSITIVE_INFINITY;
beforeAll(async () => {
  await session.send("Performance.enable");
  for (let tries = 0; tries < 5; tries += 1) prose = Math.min(prose, (await cost(fill(PROSE)))[0]);
});

async function check(text: string): Promise<void> {
  const name = JSON.stringify(text.slice(0, 200));
  const [ms, root] = await cost(text);
  const html = plainHtml(root);
  expect(html.length, name).toBeLessThan(RATIO * Math.max(text.length, 500));
  expect(html === once(text), name).toBe(true);
  // A text of few characters has a cost of its own. Most texts are cheap enough at first sight.
  const isCheap = ms < CHEAP * prose * (Math.max(text.length, 2000) / SIZE);
  if (!isCheap) expect(await ratio(text.padEnd(2000)), name).toBeLessThan(RATIO);
}

test("a hostile answer costs at most 20 times what prose costs, and is at most 20 times as long", async () => {
  for (const text of HOSTILE) await check(text);
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
  ["", "$$\n"],
  ["", "\\("],
];

test("no step of a text of 100 KB takes longer than a few times what all its prose takes", async () => {
  const size = 100_000;
  for (const [start, unit] of LONG) {
    const text = `${start}${fill(unit, size)}\n\n[a]: https://a.example\n`;
    let [found, total] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (let tries = 0; (found > 8 || total > RATIO) && tries < 8; tries += 1) {
      const [prose] = await steps(fill(PROSE, size), 20_000);
      const [ms, longest] = await steps(text, 20_000);
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

test("so does any text of Markdown's marks, each repeated", async () => {
  for (let seed = FIRST; seed < FIRST + COUNT; seed += 1) {
    const next = random(seed);
    const pick = () => MARKS[Math.floor(next() * MARKS.length)] as string;
    let text = "";
    for (let runs = 1 + next() * 3; runs > 0; runs -= 1) {
      let unit = "";
      for (let parts = next() * 5; parts >= 0; parts -= 1) unit += pick();
      text += unit.repeat(1 + next() ** 3 * 2000);
    }
    await check(text.slice(0, SIZE));
  }
}, 3_600_000);
