// A growing value as a table or a tree: what is shown on the way and at the end, and that nothing of it is more than text.
import { expect, test } from "vitest";
import { Transcript } from "../../src/transcript/transcript";
import { showValue } from "../../src/values/bundle";
import { JsonReader, type JsonValue } from "../../src/values/json_reader";

function plain({ kind, names, items, text }: JsonValue): unknown {
  if (kind === "object")
    return Object.fromEntries(names.map((name, index) => [name, plain(items[index] as JsonValue)]));
  if (kind === "array") return items.map(plain);
  return kind === "text" ? text : JSON.parse(text);
}

const VALUES = [
  {},
  [[], {}, [[1]], -1.5e3, true, null, ""],
  { 'a"\\b': ["\u{1f600}\n\t\\u", { "}": "]" }], "": { x: [{ y: 2 }] } },
];

test.each([1, 2, 3, 1000])("what was read in pieces of %i is what JSON.parse reads", (size) => {
  for (const value of VALUES) {
    for (const text of [JSON.stringify(value), `Here:\n\`\`\`json\n${JSON.stringify(value, null, 1)}\n\`\`\``]) {
      const reader = new JsonReader();
      for (let at = 0; at < text.length; at += size) reader.feed(text.slice(at, at + size));
      expect(reader.root?.done).toBe(true);
      expect(plain(reader.root as JsonValue)).toEqual(value);
    }
  }
});

test.each(['{"a" 1}', "[1 2]", "{,}", "[}", '{"a": }', '{"a": 1, }', "[".repeat(5000), "no JSON"])(
  "what is not JSON never becomes whole: %s",
  (text) => {
    const reader = new JsonReader();
    reader.feed(text);
    expect(reader.root?.done ?? false).toBe(false);
  },
);

function answer(wraps = true) {
  const place = document.createElement("div");
  const text = document.createElement("div");
  place.append(text);
  const state = { seq: 0, phase: "waiting", text: "", value: { wraps }, tool_calls: [], steps: [], outputs: [] };
  const transcript = new Transcript({ ...state, reasoning: "", refusal: "", elapsed: 0, id: "a" }, () => true);
  const { paint } = showValue(text, transcript);
  const root = place.firstElementChild as HTMLElement;
  let seq = 0;
  return {
    root,
    place,
    add(piece: string) {
      seq += 1;
      transcript.receive({ op: "delta", seq, text: piece, deltas: 1 });
      paint();
    },
    step() {
      seq += 1;
      transcript.receive({ op: "step", seq });
      paint();
    },
  };
}

const cells = (root: HTMLElement) =>
  [...root.querySelectorAll("tr")].map((row) => [...row.cells].map((c) => c.textContent));
const uncertain = (root: HTMLElement) =>
  [...root.querySelectorAll(".streamwidget-uncertain")].map((e) => e.textContent);

test("a list of objects grows as a table, and what is not yet certain is marked", () => {
  const { root, place, add } = answer();
  add('{"value": [{"river": "Elbe", "km": 10');
  expect(cells(root)).toEqual([
    ["river", "km"],
    ["Elbe", "10"],
  ]);
  expect(uncertain(root)).toEqual(["10"]);
  const first = root.querySelector("td");
  add('94}, {"km": 652, "sea": "Adri');
  expect(cells(root)).toEqual([
    ["river", "km", "sea"],
    ["Elbe", "1094", ""],
    ["", "652", "Adri"],
  ]);
  expect(uncertain(root)).toEqual(["Adri"]);
  add('atic"}]}');
  expect(uncertain(root)).toEqual([]);
  const sides = [...root.querySelectorAll<HTMLElement>("th, tbody tr:first-child td")].map((c) => c.style.textAlign);
  expect(sides).toEqual(["left", "", "left", "left", "", ""]); // texts, and not numbers
  expect(root.querySelector("td")).toBe(first); // what is complete is not painted again
  expect(place.querySelector("details > summary")?.textContent).toBe("JSON");
});

test("an object grows as a tree, and a further answer begins again", () => {
  const { root, add, step } = answer(false);
  add('{"title": "Pan", "steps": [{"what": "mix"}], "tags": ["a", "b"], "n": nul');
  expect(root.querySelectorAll(":scope > ul > li").length).toBe(4);
  expect([root.querySelectorAll("table").length, root.querySelectorAll("ol > li").length]).toEqual([1, 2]);
  expect(uncertain(root)).toEqual(["nul"]);
  step();
  add('{"title": "Cake"}');
  expect(root.textContent).toBe("title: Cake");
});

test("names and texts of a value are inert", () => {
  const { root, add } = answer(false);
  const evil = "<img src=x onerror=alert(1)>\u202e";
  add(JSON.stringify({ [evil]: [{ [evil]: evil }, { [evil]: [evil] }], a: evil }));
  expect(
    [...root.querySelectorAll("*")].map(({ tagName }) => tagName.toLowerCase()).filter((tag) => tag === "img"),
  ).toEqual([]);
  expect(root.textContent).toContain("<img src=x onerror=alert(1)>[U+202E]");
});

test("a long list and a deep one have a bound", () => {
  const long = answer(false);
  long.add(JSON.stringify(Array.from({ length: 1200 }, (_, n) => ({ n }))));
  expect([long.root.querySelectorAll("tbody tr").length, long.root.textContent?.includes("and 200 more")]).toEqual([
    1000,
    true,
  ]);
  const deep = answer(false);
  deep.add("[".repeat(150));
  expect(deep.root.querySelectorAll("ol").length).toBeLessThan(30);
});
