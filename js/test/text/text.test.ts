// Text is cut and counted by code points, as Python does it, and searched by halves.

import { expect, test } from "vitest";
import { countCodePoints, firstCodePoints, indexAfter } from "../../src/text/code_points";
import { oneLine } from "../../src/text/one_line";
import { firstBehind, lastAtMost } from "../../src/text/search";

test("a line is one line, visible and bounded", () => {
  expect(oneLine("a\n b\t\u001bc\u202ed")).toBe("a b ␛c[U+202E]d");
  expect(oneLine("😀".repeat(1000), 10)).toBe(`${"😀".repeat(9)}…`);
  expect(oneLine("😀".repeat(10), 10)).toBe("😀".repeat(10));
});

test("a surrogate pair counts once, and half a pair counts too", () => {
  for (const text of ["", "abc", "a😀b", "😀😀", "\ud83d", "\ude00", "a\ud83d\ud83d\ude00"]) {
    const points = Array.from(text);
    expect(countCodePoints(text)).toBe(points.length);
    for (let count = 0; count <= points.length + 1; count += 1) {
      const first = points.slice(0, count).join("");
      expect(firstCodePoints(text, count)).toBe(first);
      expect(indexAfter(text, count)).toBe(first.length);
    }
  }
});

test("a search finds the border, at the ends too", () => {
  const values = [0, 5, 5, 9];
  expect([-1, 0, 4, 5, 8, 9, 10].map((limit) => lastAtMost(values, limit))).toEqual([0, 0, 0, 2, 2, 3, 3]);
  expect(lastAtMost([], 1)).toBe(0);
  for (let border = 0; border <= 7; border += 1) expect(firstBehind(7, (index) => index >= border)).toBe(border);
});
