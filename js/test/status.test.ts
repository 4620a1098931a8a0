import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { announcement, seconds, stateWord, statusLine } from "../src/status";
import { Transcript } from "../src/transcript";
import { KernelSide } from "./kernel_side";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

function pair() {
  const kernel = new KernelSide();
  return { kernel, transcript: new Transcript(structuredClone(kernel.state), () => {}) };
}
const line = (transcript: Transcript) => statusLine(transcript, performance.now());

test("the wait counts seconds", () => {
  const { kernel, transcript } = pair();
  expect(line(transcript)).toBe("waiting for the first token · 0 s");
  vi.advanceTimersByTime(900);
  transcript.receive(kernel.snapshot());
  kernel.state.elapsed = 3.4;
  transcript.receive(kernel.snapshot());
  expect(line(transcript)).toBe("waiting for the first token · 3 s");
  vi.advanceTimersByTime(3500);
  expect(line(transcript)).toBe("waiting for the first token · 6 s · kernel busy");
});

test("a retry counts down and keeps its reason", () => {
  const { kernel, transcript } = pair();
  transcript.receive(kernel.status("retrying", "429 too many requests", { delay: 7 }));
  expect(line(transcript)).toBe("retrying in 7 s · 429 too many requests");
  vi.advanceTimersByTime(2100);
  transcript.receive(kernel.snapshot());
  expect(line(transcript)).toBe("retrying in 5 s · 429 too many requests");
  vi.advanceTimersByTime(5000);
  transcript.receive(kernel.snapshot());
  expect(line(transcript)).toBe("retrying · 429 too many requests");
});

test("the pace is in deltas where the kernel counts them, else in characters", () => {
  for (const [more, words] of [
    [{ deltas: 2 }, "39 deltas/s"],
    [{}, "59 characters/s"],
  ] as const) {
    const { kernel, transcript } = pair();
    vi.advanceTimersByTime(350);
    for (let i = 0; i < 60; i += 1) {
      transcript.receive(kernel.delta("abc", more));
      vi.advanceTimersByTime(50);
    }
    expect(line(transcript)).toBe(`first token 0.35 s · ${words}`);
    transcript.dispose();
  }
});

test("lost messages and a queued stop are said", () => {
  const { kernel, transcript } = pair();
  transcript.receive(kernel.delta("a"));
  kernel.delta("lost");
  transcript.receive(kernel.delta("b"));
  expect(line(transcript)).toContain("catching up");
  transcript.stopSent();
  expect(stateWord(transcript)).toBe("stopping");
  vi.advanceTimersByTime(1000);
  expect(line(transcript)).toBe("kernel busy: the stop is queued");
});

test("every outcome ends in words", () => {
  const rest = " · 182 tokens · first token 0.35 s · 3.2 s";
  for (const [outcome, detail, state, words] of [
    ["complete", "", "complete", "complete"],
    ["length", "", "cut", "cut at the token limit"],
    ["filtered", "", "cut", "cut by the content filter"],
    ["cancelled", "", "stopped", "stopped"],
    ["interrupted", "", "cut", "connection lost - the answer is cut"],
    ["timeout", "no bytes for 30 s", "timed out", "timed out: no bytes for 30 s"],
    ["error", "overloaded", "error", "error: overloaded"],
    ["http_error", "401", "error", "request failed: 401"],
    ["protocol_error", "", "error", "unreadable reply"],
    ["some_new_one", "", "some new one", "some new one"],
    ["constructor", "", "constructor", "constructor"],
  ] as const) {
    const { kernel, transcript } = pair();
    transcript.receive(kernel.end(outcome, detail));
    expect(line(transcript)).toBe(words + rest);
    expect(stateWord(transcript)).toBe(state);
    expect(announcement(transcript)).toBe(`Answer ${words.split(":")[0]}`);
  }
});

test("an end without figures has none", () => {
  const { kernel, transcript } = pair();
  transcript.receive(kernel.end("http_error", "connection refused", { timing: null, tokens: null }));
  expect(line(transcript)).toBe("request failed: connection refused");
});

test("a screen reader hears the start and the end only", () => {
  const { kernel, transcript } = pair();
  expect(announcement(transcript)).toBe("");
  transcript.receive(kernel.delta("a"));
  const started = announcement(transcript);
  transcript.receive(kernel.delta("b"));
  expect(announcement(transcript)).toBe(started);
});

test("seconds are short", () => {
  expect([0, 0.349, 0.999, 3.21, 59.9, 59.97, 600].map(seconds)).toEqual([
    "0.00 s",
    "0.35 s",
    "1.0 s",
    "3.2 s",
    "59.9 s",
    "1 min 00 s",
    "10 min 00 s",
  ]);
});
