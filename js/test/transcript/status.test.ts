import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { announcement, ending, figures, progressLine, remedies, seconds } from "../../src/transcript/status";
import { Transcript } from "../../src/transcript/transcript";
import { KernelSide } from "../kernel_side";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

function pair(state: Record<string, unknown> = {}) {
  const kernel = new KernelSide(state);
  return { kernel, transcript: new Transcript(structuredClone(kernel.state), () => true) };
}
const line = (transcript: Transcript) => progressLine(transcript, performance.now());

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

test("past a quarter of a limit the line says what has not come, and when the kernel gives up", () => {
  for (const [what, limit, phase, said] of [
    ["headers", 60, "waiting", "no response for 16 s (gives up at 60 s)"],
    ["first_delta", 120, "waiting", "no text for 31 s (gives up at 120 s)"],
    ["stall", 30, "streaming", "nothing for 8 s (gives up at 30 s)"],
    ["progress", 120, "streaming", "no more text for 31 s (gives up at 120 s)"],
  ] as const) {
    const { kernel, transcript } = pair({ phase });
    kernel.state.waits = { for: what, seconds: limit / 4 - 1, limit };
    transcript.receive(kernel.snapshot());
    expect(line(transcript)).not.toContain("gives up");
    kernel.state.waits = { for: what, seconds: limit / 4 + 1, limit };
    transcript.receive(kernel.snapshot());
    expect(line(transcript)).toContain(` · ${said}`);
    expect(announcement(transcript, performance.now())).toBe("Nothing has come for a while");
    transcript.receive(kernel.delta("a"));
    expect(line(transcript)).not.toContain("gives up");
    transcript.dispose();
  }
});

test("the seconds of a wait go on between two answers, but not while the kernel is too busy to answer", () => {
  const { kernel, transcript } = pair();
  kernel.state.waits = { for: "headers", seconds: 14.6, limit: 60 };
  transcript.receive(kernel.snapshot());
  expect(line(transcript)).not.toContain("gives up");
  vi.advanceTimersByTime(900);
  expect(line(transcript)).toContain("no response for 15 s");
  vi.advanceTimersByTime(4000);
  expect(line(transcript)).not.toContain("gives up");
  expect(line(transcript)).toContain("kernel busy");
});

test("a limit that is off, unknown or garbled adds nothing to the line", () => {
  for (const waits of [null, "x", {}, { for: "headers", seconds: 9 }, { for: "x", seconds: 9, limit: 10 }]) {
    const { transcript } = pair({ waits });
    expect(line(transcript)).toBe("waiting for the first token · 0 s");
    transcript.dispose();
  }
});

test("a page that was reloaded in a retry's wait counts down too", () => {
  const { transcript } = pair({ phase: "retrying", waits: { for: "retry", seconds: 2, limit: 7 } });
  expect(line(transcript)).toBe("retrying in 5 s");
});

test("the rate is in tokens if deltas are as short as tokens, otherwise in characters", () => {
  for (const [text, more, words] of [
    ["abc", { deltas: 2 }, "≈ 39 tokens/s"],
    ["abc", {}, "≈ 59 characters/s"],
    ["a whole sentence at once", { deltas: 1 }, "≈ 472 characters/s"],
  ] as const) {
    const { kernel, transcript } = pair();
    vi.advanceTimersByTime(350);
    for (let i = 0; i < 60; i += 1) {
      transcript.receive(kernel.delta(text, more));
      vi.advanceTimersByTime(50);
    }
    expect(line(transcript)).toBe(`streaming · 3 s · first token 0.35 s · ${words}`);
    transcript.dispose();
  }
});

test("the line names lost messages and a queued stop", () => {
  const { kernel, transcript } = pair();
  transcript.receive(kernel.delta("a"));
  kernel.delta("lost");
  transcript.receive(kernel.delta("b"));
  expect(line(transcript)).toContain("catching up");
  transcript.wished("stop");
  expect(line(transcript)).toContain("stopping · ");
  vi.advanceTimersByTime(1000);
  expect(line(transcript)).toBe("kernel busy: the stop is queued");
});

test("every outcome has an ending that does not make it look whole, and its remedies", () => {
  for (const [outcome, detail, end, offered] of [
    ["complete", "", "complete", []],
    [
      "length",
      "",
      "stopped at the token limit; raise it by --max-tokens, max_tokens= or the settings of the chat",
      ["continue", "retry"],
    ],
    ["filtered", "", "stopped by a content filter; the answer is cut", ["retry"]],
    ["cancelled", "", "stopped by you; the text so far is kept", ["continue", "retry"]],
    ["interrupted", "x", "connection lost; the answer is cut", ["continue", "retry"]],
    ["timeout", "No $& text.", "timed out (No $& text); the answer is cut", ["continue", "retry"]],
    ["error", "overloaded.", "error (overloaded); the answer is cut", ["continue", "retry"]],
    ["http_error", "401", "request failed (401); the answer is cut", ["retry"]],
    ["protocol_error", "", "unreadable response (the response could not be read); the answer is cut", ["retry"]],
    ["some_new_one", "", "some new one; the answer is cut", ["continue", "retry"]],
  ] as const) {
    for (const kept of [true, false]) {
      const { kernel, transcript } = pair({ kept });
      transcript.receive(kernel.delta("a"));
      expect(remedies(transcript)).toEqual([]);
      transcript.receive(kernel.end(outcome, detail));
      expect(ending(transcript)).toBe(end);
      expect(announcement(transcript, performance.now())).toBe(`Answer ${end}`);
      expect(figures(transcript)).toEqual(["182 tokens", "first token 0.35 s", "total 3.2 s"]);
      expect(remedies(transcript)).toEqual(kept ? offered : []);
      transcript.kernelGone();
      expect(remedies(transcript)).toEqual([]);
    }
  }
});

test("without a text there is nothing to continue", () => {
  const { kernel, transcript } = pair({ kept: true });
  transcript.receive(kernel.end("cancelled"));
  expect(remedies(transcript)).toEqual(["retry"]);
  expect(ending(transcript)).toBe("stopped by you; no text had come");
});

test("an end without figures has none", () => {
  const { kernel, transcript } = pair();
  transcript.receive(kernel.end("http_error", "connection refused", { timing: null, tokens: null }));
  expect(figures(transcript)).toEqual([]);
});

test("a screen reader hears the start, trouble and the end, and not every delta", () => {
  const { kernel, transcript } = pair();
  expect(announcement(transcript, performance.now())).toBe("");
  transcript.receive(kernel.status("retrying", "429", { delay: 3 }));
  expect(announcement(transcript, performance.now())).toBe("Retrying. 429");
  transcript.receive(kernel.delta("a"));
  const started = announcement(transcript, performance.now());
  transcript.receive(kernel.delta("b"));
  expect(announcement(transcript, performance.now())).toBe(started);
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
