// The page in which tests/benchmarks/page.py measures.

import { MarkdownStream } from "../src/markdown/stream";
import { hostileTexts } from "../test/markdown/hostile_texts";
import { chatBench } from "./chat";
import { contestants } from "./contestants";
import { viewsBench } from "./views";

let pieces: string[] = [];
let next = 0;
let write: (text: string) => void = () => {};
let shown = new AbortController();

/** Puts a contestant's empty answer into the page. */
function start(name: string, text: string[]): void {
  shown.abort();
  shown = new AbortController();
  document.body.replaceChildren();
  write = contestants[name]?.(document.body, shown.signal) ?? write;
  pieces = text;
  next = 0;
}

/** Writes up to piece number `end`, a fixed number in each frame. Returns the number of frames. */
function stream(end: number, each: number): Promise<number> {
  let frames = 0;
  return new Promise((done) => {
    // All work is in the callback, because work after a promise does not count as script.
    function frame(): void {
      if (next >= end) {
        done(frames);
        return;
      }
      write(pieces.slice(next, next + each).join(""));
      next += each;
      frames += 1;
      requestAnimationFrame(frame);
    }
    requestAnimationFrame(frame);
  });
}

/** Writes the rest piece by piece, without waiting for frames. Returns how many nodes were removed on the way. */
async function countRemoved(): Promise<number> {
  let removed = 0;
  const observer = new MutationObserver((records) => {
    for (const { removedNodes } of records) removed += removedNodes.length;
  });
  observer.observe(document.body, { childList: true, subtree: true });
  for (const piece of pieces.slice(next)) {
    write(piece);
    await null; // observers have their turn
  }
  observer.disconnect();
  return removed;
}

const STEP = 64; // characters
let hostile: Generator<void>;

function* stepThrough(text: string): Generator<void> {
  const markdown = new MarkdownStream(document.createElement("div")); // not in the page
  for (let at = 0; at < text.length; at += STEP) {
    markdown.append(text.slice(at, at + STEP));
    yield;
  }
  markdown.finish();
}

/** Streams a text in small steps. Returns the milliseconds of the longest step by the clock. */
function longestStep(text: string): number {
  const steps = stepThrough(text);
  let longest = 0;
  for (let done = false; !done; ) {
    const begun = performance.now();
    done = steps.next().done === true;
    longest = Math.max(longest, performance.now() - begun);
  }
  return longest;
}

/** The same, step by step: call step() until it returns true. */
function startSteps(text: string): void {
  hostile = stepThrough(text);
}

function step(): boolean {
  return hostile.next().done === true;
}

const bench = { start, stream, countRemoved, longestStep, startSteps, step, hostileTexts, ...chatBench, ...viewsBench };
Object.assign(globalThis, { bench });
