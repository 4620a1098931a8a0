// Hostile Markdown, for the tests and for the benchmarks.

import hostile from "../data/hostile_markdown.json";

/** Hostile texts by name: the patterns of the vectors, each repeated to `size` characters, and those made by a rule. */
export function hostileTexts(size: number): [string, string][] {
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
