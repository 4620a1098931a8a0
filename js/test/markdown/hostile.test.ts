import { expect, test } from "vitest";
import { MarkdownStream } from "../../src/markdown/stream";
import { once, plainHtml } from "./equality";
import { hostileTexts } from "./hostile_texts";

function cost(text: string): number {
  const root = document.createElement("div");
  const stream = new MarkdownStream(root);
  const start = performance.now();
  for (let at = 0; at < text.length; at += 64) stream.append(text.slice(at, at + 64));
  stream.finish();
  return performance.now() - start;
}

test("a hostile text ends in the one-shot DOM, at a cost in proportion to its length", () => {
  for (const [index, [name, text]] of hostileTexts(20_000).entries()) {
    const root = document.createElement("div");
    const stream = new MarkdownStream(root);
    for (let at = 0; at < text.length; at += 64) stream.append(text.slice(at, at + 64));
    stream.finish();
    expect(plainHtml(root) === once(text), name).toBe(true);
    const short = (hostileTexts(5_000)[index] as [string, string])[1];
    // Four times the text. To parse its open end anew each time would cost sixteen times as much, and more.
    // The machine may be busy with something else, so both are measured in the same moment, and the least of several counts.
    let found = Number.POSITIVE_INFINITY;
    for (let tries = 0; found >= 16 && tries < 8; tries += 1)
      found = Math.min(found, cost(text) / Math.max(cost(short), 20));
    expect(found, name).toBeLessThan(16);
  }
});
