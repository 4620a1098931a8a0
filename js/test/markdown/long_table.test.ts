import { afterEach, expect, test } from "vitest";
import "../../src/answer/answer.css";
import { MarkdownStream } from "../../src/markdown/stream";
import { frames } from "../kernel_side";
import { once, plainHtml } from "./equality";

const HEAD = "| number | words | code |\n|---|---|---:|\n";
const WORDS = ["each event", "of the stream carries a small piece", "to", "its *reader* and **back**"];
const row = (n: number, word = WORDS[n % 4]) => `| ${n} | ${word} | \`x${n}\` |\n`;
const rows = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => row(from + n)).join("");

// The styles of hosts. JupyterLab's tables have no lines, and tables with this package's own style have lines.
const HOSTS = {
  ours: "",
  JupyterLab: `.host table { border-collapse: collapse; border-spacing: 0; border: none; font-size: 12px; table-layout: fixed }
    .host thead { border-bottom: 1px solid black; vertical-align: bottom }
    .host :is(td, th, tr) { vertical-align: middle; padding: 0.5em; line-height: normal; border: none }
    .host tbody tr:nth-child(odd) { background: #eee }`,
};

const sheet = document.createElement("style");
const root = document.createElement("div");
document.head.append(sheet);
document.body.append(root);

function show(host: keyof typeof HOSTS = "ours", width = 700): MarkdownStream {
  sheet.textContent = HOSTS[host];
  root.className = "streamwidget streamwidget-text host";
  root.style.cssText = `width: ${width}px; overflow-wrap: break-word; font: 14px/1.6 sans-serif`;
  return new MarkdownStream(root);
}

afterEach(() => {
  sheet.textContent = "";
  root.replaceChildren();
});

const isLong = () => root.querySelector("table")?.className === "streamwidget-long";

/** The places of the cells, in pixels. */
function places(): number[] {
  return [...root.querySelectorAll("th, td")].flatMap((cell) => {
    const { left, top, width, height } = cell.getBoundingClientRect();
    return [left, top, width, height];
  });
}

/** The largest distance of a cell, in pixels, from where a browser puts it by itself. */
function offset(): number {
  const table = root.querySelector("table") as HTMLElement;
  const [name, style] = [table.className, table.style.cssText];
  const held = places();
  table.className = "";
  table.style.cssText = "";
  const free = places();
  table.className = name;
  table.style.cssText = style;
  return Math.max(...held.map((value, index) => Math.abs(value - (free[index] as number))));
}

const LINE = 0.6; // of the line between two rows, half is in each

for (const host of Object.keys(HOSTS) as (keyof typeof HOSTS)[]) {
  for (const width of [700, 200]) {
    test(`the rows of a long table stand where they would in the table: ${host}, ${width} pixels`, () => {
      const stream = show(host, width);
      stream.append(HEAD + rows(100, 200));
      stream.append(rows(200, 210));
      expect(isLong()).toBe(true);
      expect(offset()).toBeLessThan(LINE);
    });
  }
}

test("a finished long table is as if it had come at once, and stands where it stood", async () => {
  const stream = show();
  const text = `${HEAD}${rows(0, 300)}`;
  for (let at = 0; at < text.length; at += 50) {
    stream.append(text.slice(at, at + 50));
    if (at % 1000 === 0) await frames(1);
  }
  expect(isLong()).toBe(true);
  stream.append("\nThe next\nparagraph.\n");
  stream.append("");
  expect(root.querySelector("table")?.attributes.length).toBe(1); // dir
  stream.finish();
  expect(plainHtml(root)).toBe(once(`${text}\nThe next\nparagraph.\n`));
});

test("the swap to the saved table moves nothing, because the long one leaves no trace", () => {
  const stream = show("JupyterLab");
  stream.append(HEAD + rows(0, 100));
  stream.finish();
  const live = places();
  root.innerHTML = once(HEAD + rows(0, 100));
  expect(places()).toEqual(live);
});

test("a short table is laid out as browsers do", () => {
  show().append(HEAD + rows(0, 30));
  expect(isLong()).toBe(false);
});

test("a cell that does not fit makes the columns anew, and so does another width of the page", async () => {
  const stream = show();
  stream.append(HEAD + rows(100, 200));
  stream.append(row(200, "a cell that is a good deal longer than those before it were"));
  stream.append(row(201));
  expect(offset()).toBeGreaterThan(10);
  for (const change of [() => {}, () => (root.style.width = "150px")]) {
    change();
    for (let n = 202; n < 222; n += 1) {
      stream.append(row(n));
      await frames(2);
    }
    expect(isLong()).toBe(true);
    expect(offset(), String(change)).toBeLessThan(LINE);
  }
});

test("a selection in a long table stays, and is copied like one in a table", () => {
  const stream = show();
  stream.append(HEAD + rows(0, 20));
  const [first, last] = [0, 19].map((n) => root.querySelectorAll("tbody td:first-child")[n]?.firstChild as Text);
  getSelection()?.setBaseAndExtent(first as Text, 0, last as Text, 2);
  const selected = getSelection()?.toString();
  expect(selected).toContain("0\teach event\tx0\n1\tof the");
  stream.append(rows(20, 100));
  expect(isLong()).toBe(true);
  expect(getSelection()?.toString()).toBe(selected);
  stream.append("\nText\n");
  stream.append("");
  expect(isLong()).toBe(false);
  expect(getSelection()?.toString()).toBe(selected);
  expect(getSelection()?.anchorNode).toBe(first);
});

test("a late link definition in the middle of a long table leaves it whole", () => {
  const stream = show();
  const text = `${HEAD}${rows(0, 60)}| [late] | x | y |\n${rows(60, 120)}\n[late]: https://late.example\n\nEnd\n`;
  for (let at = 0; at < text.length; at += 40) stream.append(text.slice(at, at + 40));
  stream.finish();
  expect(root.querySelectorAll("table a").length).toBe(1);
  expect(plainHtml(root)).toBe(once(text));
});

test("a table of very many columns, and one that is not in the page, stay as they are", () => {
  const stream = show();
  const line = "| a ".repeat(20);
  stream.append(`${line}\n${"|---".repeat(20)}\n${`${line}\n`.repeat(100)}`);
  expect(isLong()).toBe(false);
  const away = document.createElement("div");
  new MarkdownStream(away).append(HEAD + rows(0, 100));
  expect(away.querySelector("table")?.className).toBe("");
});
