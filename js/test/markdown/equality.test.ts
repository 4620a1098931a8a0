import { expect, test } from "vitest";
import cases from "../data/static_html.json";
import { random } from "../kernel_side";
import { examples, once, streamed } from "./equality";
import { TABLES } from "./tables";

test("each CommonMark example, streamed character by character, gives the one-shot DOM", () => {
  expect(examples.length).toBe(652);
  const differ = examples.filter((text) => streamed(text) !== once(text));
  expect(differ).toEqual([]);
});

test("tables and lists of GFM, streamed character by character, give the one-shot DOM", () => {
  for (const text of TABLES) expect(streamed(text), text).toBe(once(text));
});

// The cases of our own rules are in tests/saved/rules.py.
const compared = cases.map(({ markdown }) => markdown).filter((text) => text.length < 400);

test("each text whose saved HTML is compared, streamed character by character, gives the one-shot DOM", () => {
  expect(compared.length).toBeGreaterThan(750);
  for (const text of compared) expect(streamed(text), text).toBe(once(text));
});

test("1,500 random texts of those, streamed in pieces, give the one-shot DOM", () => {
  const sources = compared;
  for (let seed = 1; seed <= 1500; seed += 1) {
    const next = random(seed);
    const pick = () => sources[Math.floor(next() * sources.length)] as string;
    let text = "";
    for (let i = 0; i < 2 + next() * 3; i += 1) text += pick() + ["", "\n", "\n\n"][Math.floor(next() * 3)];
    const expected = once(text);
    expect(streamed(text), `seed ${seed}, by character`).toBe(expected);
    expect(
      streamed(text, () => next() * 12),
      `seed ${seed}, in pieces`,
    ).toBe(expected);
  }
}, 300_000);
