// Shows an unfinished text as it will look. A marker whose meaning is open is held back, and an open marker is closed:
//
//   `**text`      -> `**text**`
//   `*a **b`      -> `*a **b***`
//   `[text](http` -> `text`
//   `text ~~`     -> `text`
//
// This changes only how the text looks on the way. It does not change the finished text.

import { flanking } from "./state_inline";

// The beginning of a list item or quote: `- `, `12. `, `> `.
const CONTAINER = /[ \t]*(?:[-+*][ \t]+|\d{1,9}[.)][ \t]+|>[ \t]?)/y;
// A line with only a marker: `-`, `12.`, `##`, `---`, `[x]`. `-` may become `- item` or `---`.
const BARE = /^[ \t]*(?:[-+*]|\d{1,9}[.)]?|#{1,6}[ \t]*|[-=*_~`|: \t]*|\[[ xX]?\]?[ \t]*)$/;
// The opening line of a fence. Its language may not be complete: "```py" may become "```python".
const FENCE = /^[ \t]*(?:`{3,}[^`]*|~{3,}.*)$/;
// A link definition that is being written: `[a`, `[a]:`, `[a]: https`.
const DEFINITION = /^ {0,3}\[[^\][]{1,60}(?:\](?::.*)?)?$/;
// The second line of a table: `|--`.
const DELIMITER_ROW = /^[ \t|:-]*$/;
const MAX_LINE = 400; // characters: a longer last line is shown as it is
const MAX_LEAF = 4_000;
const MAX_LINK = 2_100;
const MAX_OPEN = 20; // markers

function contentOf(line: string): string {
  let at = 0;
  CONTAINER.lastIndex = 0;
  while (CONTAINER.test(line)) at = CONTAINER.lastIndex;
  CONTAINER.lastIndex = 0;
  return line.slice(at);
}

const isRow = (line: string) => /^[ \t]*\|/.test(contentOf(line));

/** `source` without a line at its end that may become something else: `- ` an item, `| a |` the head of a table. */
export function holdLines(source: string): string {
  const start = source.lastIndexOf("\n") + 1;
  const line = source.slice(start);
  if (line.length > MAX_LINE) return source;
  const before = start > 0 ? source.lastIndexOf("\n", start - 2) + 1 : 0;
  const previous = source.slice(before, Math.max(before, start - 1));
  if (isRow(previous) && previous.length <= MAX_LINE && DELIMITER_ROW.test(line)) {
    const above = before > 0 ? source.slice(source.lastIndexOf("\n", before - 2) + 1, before - 1) : "";
    if (!isRow(above)) return source.slice(0, before);
  }
  const content = contentOf(line);
  if (line !== "" && (BARE.test(content) || FENCE.test(content))) return source.slice(0, start);
  if (isRow(line) && !isRow(previous)) return source.slice(0, start);
  if (DEFINITION.test(line) && /^\s*(?:\[.*)?$/.test(previous)) return source.slice(0, start);
  return source;
}

type Opened = { marker: string; length: number; at: number };

/** Closes or holds back the open markers of `text`, the last leaf of an unfinished text. */
export function closeMarkers(text: string): string {
  if (text.length > MAX_LEAF) return text;
  const opened: Opened[] = [];
  const brackets: number[] = [];
  const dropped: number[] = [];
  let end = text.length;
  let closing = "";
  let at = 0;
  while (at < end) {
    const char = text[at] as string;
    if (char === "\\") {
      if (at + 1 === end) end = at;
      at += 2;
    } else if (char === "`") {
      const run = runAt(text, at);
      const close = closingRun(text, at + run.length, run.length);
      if (close < 0) {
        const code = text.slice(at + run.length).replace(/`+$/, "");
        end = code.trim() === "" ? at : at + run.length + code.length;
        if (end > at) closing = run;
        break;
      }
      at = close;
    } else if (char === "[") {
      brackets.push(at);
      at += 1;
    } else if (char === "]") {
      const open = brackets.pop();
      const past = open === undefined ? at + 1 : linkEnd(text, at + 1);
      if (past < 0) {
        brackets.push(open as number);
        end = at;
      }
      at = Math.max(past, at + 1);
    } else if (char === "<" || char === "&") {
      if (isOpenEnd(text.slice(at, at + MAX_LINK))) end = at;
      at += 1;
    } else if (char === "*" || char === "_" || char === "~") {
      const run = runAt(text, at);
      if (at + run.length === end) end = at;
      else meet(opened, text, at, run);
      if (opened.length > MAX_OPEN) return text;
      at += run.length;
    } else at += 1;
  }
  const open = brackets.at(-1);
  if (open !== undefined && end - open <= (end < text.length ? MAX_LEAF : 200)) {
    if (text[open - 1] === "!") end = open - 1;
    else dropped.push(open);
  }
  return close(text, end, closing, dropped, opened);
}

function close(text: string, end: number, code: string, dropped: number[], opened: Opened[]): string {
  let kept = text.slice(0, end);
  for (const at of dropped) kept = kept.slice(0, at) + kept.slice(at + 1);
  if (code) kept += code;
  else kept = kept.trimEnd();
  for (const { marker, length, at } of opened.reverse()) {
    if (at >= end) continue;
    const isEmpty = text.slice(at + length, end).trim() === "";
    kept = isEmpty ? kept.slice(0, at).trimEnd() : kept + marker.repeat(length);
  }
  return kept;
}

function runAt(text: string, at: number): string {
  let past = at;
  while (text[past] === text[at]) past += 1;
  return text.slice(at, past);
}

function closingRun(text: string, from: number, length: number): number {
  for (let at = text.indexOf("`", from); at >= 0; at = text.indexOf("`", at)) {
    const run = runAt(text, at).length;
    at += run;
    if (run === length) return at;
  }
  return -1;
}

// The index behind a link's target, or -1 while the target is open. `at` is the index behind the closing bracket. For
// example the target of `[a](https://x` is open.
function linkEnd(text: string, at: number): number {
  if (at === text.length) return -1;
  const rest = text.slice(at, at + MAX_LINK);
  if (/^\[[^\]]*$/.test(rest)) return -1;
  if (rest[0] !== "(") return at;
  let depth = 0;
  for (let past = 0; past < rest.length; past += 1) {
    if (rest[past] === "(") depth += 1;
    else if (rest[past] === ")") depth -= 1;
    if (depth === 0) return at + past + 1;
  }
  return /^\(\s*\S*(?:\s+["'(].*)?$/s.test(rest) ? -1 : at;
}

// `<b` may become a tag or an address, and `&am` may become `&amp;`.
const isOpenEnd = (rest: string) => /^(?:<[a-zA-Z][^\s<>]*|&#?[a-zA-Z0-9]{0,31})$/.test(rest);

// A run of emphasis markers closes open ones, or opens: in `**a**` the first run opens and the second closes.
function meet(opened: Opened[], text: string, at: number, run: string): void {
  const marker = run[0] as string;
  if (marker === "~" && run.length < 2) return;
  const before = text[at - 1] ?? " ";
  const after = text[at + run.length] ?? " ";
  const { can_open, can_close } = flanking(before, after, marker !== "_");
  let length = run.length;
  while (can_close && length > 0) {
    const index = opened.map((open) => open.marker).lastIndexOf(marker);
    const open = opened[index];
    if (!open) break;
    const used = Math.min(open.length, length);
    open.length -= used;
    length -= used;
    opened.length = open.length > 0 ? index + 1 : index;
  }
  if (length > 0 && can_open) opened.push({ marker, length, at });
}
