import { expect, test } from "vitest";
import { MarkdownStream } from "../../src/markdown/stream";
import hostile from "../data/hostile_markdown.json";
import { once, plainHtml } from "./equality";

// The four that are given by rule, and the patterns.
function texts(size: number): [string, string][] {
  const grown = (next: (n: number) => string) => {
    let text = "";
    for (let n = 0; text.length < size; n += 1) text += next(n);
    return text.slice(0, size);
  };
  return [
    ...(hostile.patterns as [string, string, string, string][]).map(
      ([name, prefix, unit, suffix]): [string, string] => [name, prefix + grown(() => unit) + suffix],
    ),
    ["backticks", grown((n) => `e${"`".repeat(n + 1)}`)],
    ["items deeper and deeper", grown((n) => `${"  ".repeat(n)}- x\n`)],
    ["definitions", grown((n) => `[a${n}]: /u\n`)],
    ["definitions of links", grown((n) => `[a${n}]: https://a.example\n`)],
    ["amplification", `[a]: https://a.example/${"u".repeat(size / 2)}\n\n${grown(() => "[a]").slice(size / 2)}`],
  ];
}

function cost(text: string): number {
  const root = document.createElement("div");
  const stream = new MarkdownStream(root);
  const start = performance.now();
  for (let at = 0; at < text.length; at += 64) stream.append(text.slice(at, at + 64));
  stream.finish();
  return performance.now() - start;
}

test("a hostile text comes to the one-shot DOM, at a cost in proportion to its length", () => {
  for (const [index, [name, text]] of texts(20_000).entries()) {
    const root = document.createElement("div");
    const stream = new MarkdownStream(root);
    for (let at = 0; at < text.length; at += 64) stream.append(text.slice(at, at + 64));
    stream.finish();
    expect(plainHtml(root) === once(text), name).toBe(true);
    const short = (texts(5_000)[index] as [string, string])[1];
    // Four times the text; parsing its open end anew each time would cost sixteen times as much, and more.
    expect(cost(text), name).toBeLessThan(16 * Math.max(cost(short), 20));
  }
}, 120_000);
