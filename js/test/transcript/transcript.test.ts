import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type ToolCall, Transcript } from "../../src/transcript/transcript";
import { KernelSide, random } from "../kernel_side";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

const plain = (call: ToolCall) => ({ name: call.name, arguments: call.arguments.text });

function pair(state: Record<string, unknown> = {}) {
  const kernel = new KernelSide(state);
  const sync = vi.fn(() => true);
  const transcript = new Transcript(structuredClone(kernel.state), sync);
  return { kernel, sync, transcript };
}

test("a page that cannot reach the kernel does not ask again, until a message comes", () => {
  const { kernel, sync, transcript } = pair();
  expect(sync).toHaveBeenCalledTimes(1);
  sync.mockReturnValue(false);
  vi.advanceTimersByTime(3_600_000);
  expect(sync).toHaveBeenCalledTimes(2);
  sync.mockReturnValue(true);
  transcript.receive(kernel.delta("after all"));
  expect(transcript.text).toBe("after all");
  vi.advanceTimersByTime(5_000);
  expect(sync.mock.calls.length).toBeGreaterThan(2);
});

test("a transcript that no view shows asks nothing, until one shows it again", () => {
  const { kernel, sync, transcript } = pair();
  transcript.receive(kernel.delta("seen "));
  transcript.unseen = true;
  vi.advanceTimersByTime(3_600_000);
  expect(sync).toHaveBeenCalledTimes(1);
  kernel.delta("and ");
  transcript.unseen = false; // the view asks, too
  transcript.receive(kernel.snapshot());
  expect(transcript.text).toBe("seen and ");
  vi.advanceTimersByTime(3_000);
  expect(sync.mock.calls.length).toBeGreaterThan(1);
});

test("messages in order make the text, equal deltas too", () => {
  const { kernel, transcript } = pair();
  for (const text of ["ha", "ha", "", "\ud83d", "\ude00"]) transcript.receive(kernel.delta(text));
  transcript.receive(kernel.end());
  expect(transcript.text).toBe("haha😀");
  expect(transcript).toMatchObject({ phase: "over", outcome: "complete", tokens: 182 });
});

test("it starts from the state that came with the model, and drops old messages", () => {
  const { kernel, transcript } = pair();
  const old = [kernel.delta("one "), kernel.delta("two ")];
  const late = new Transcript(structuredClone(kernel.state), () => true);
  for (const message of old) late.receive(message);
  late.receive(kernel.delta("three"));
  expect(late.text).toBe("one two three");
  expect(transcript.text).toBe("");
});

test("a stream that is over asks nothing and arms no timer", () => {
  const { sync } = pair({ phase: "over", outcome: "complete", text: "done", seq: 3 });
  expect(sync).not.toHaveBeenCalled();
  expect(vi.getTimerCount()).toBe(0);
});

test("a gap freezes the text until the snapshot, and asks for it", () => {
  const { kernel, sync, transcript } = pair();
  transcript.receive(kernel.snapshot());
  vi.advanceTimersByTime(600);
  sync.mockClear();
  transcript.receive(kernel.delta("a"));
  kernel.delta("lost");
  transcript.receive(kernel.delta("b"));
  transcript.receive(kernel.delta("c"));
  expect(transcript.text).toBe("a");
  vi.advanceTimersByTime(0);
  expect(sync).toHaveBeenCalledTimes(1);
  transcript.receive(kernel.snapshot());
  expect(transcript.text).toBe("alostbc");
  expect(transcript.answer.epoch).toBe(0);
  transcript.receive(kernel.delta("d"));
  expect(transcript.text).toBe("alostbcd");
});

test("a thousand gaps in a second are three questions at most", () => {
  const { kernel, sync, transcript } = pair();
  sync.mockClear();
  for (let i = 0; i < 1000; i += 1) {
    kernel.delta("x");
    transcript.receive(kernel.delta("y"));
    transcript.receive(kernel.snapshot());
    vi.advanceTimersByTime(1);
  }
  expect(sync.mock.calls.length).toBeLessThanOrEqual(3);
  expect(transcript.text).toBe(kernel.state.text);
});

test("a snapshot older than the shown text changes nothing", () => {
  const { kernel, transcript } = pair();
  const old = kernel.snapshot();
  transcript.receive(kernel.delta("a"));
  transcript.receive(old);
  expect(transcript.text).toBe("a");
});

test("a snapshot that contradicts the text replaces it and starts a new epoch", () => {
  const { kernel, transcript } = pair();
  transcript.receive(kernel.delta("wrong"));
  kernel.state.text = "right";
  transcript.receive(kernel.snapshot());
  expect(transcript.text).toBe("right");
  expect(transcript.answer.epoch).toBe(1);
});

test("nothing changes after the end", () => {
  const { kernel, transcript } = pair();
  transcript.receive(kernel.delta("a"));
  transcript.receive(kernel.end());
  transcript.receive(kernel.delta("b"));
  transcript.receive(kernel.snapshot());
  expect(transcript.text).toBe("a");
  expect(vi.getTimerCount()).toBe(0);
});

test("after two seconds of silence the page asks, and the lost tail and end come back", () => {
  const { kernel, sync, transcript } = pair();
  transcript.receive(kernel.snapshot());
  transcript.receive(kernel.delta("a"));
  sync.mockClear();
  kernel.delta("tail");
  kernel.end();
  vi.advanceTimersByTime(2000);
  expect(sync).toHaveBeenCalledTimes(1);
  transcript.receive(kernel.snapshot());
  expect(transcript).toMatchObject({ text: "atail", phase: "over" });
});

test("after unanswered questions the kernel counts as busy, and questions grow rare", () => {
  const { kernel, sync, transcript } = pair();
  vi.advanceTimersByTime(1000);
  expect(transcript.busy).toBe(true);
  vi.advanceTimersByTime(119_000);
  expect(sync.mock.calls.length).toBeLessThanOrEqual(9);
  transcript.receive(kernel.delta("a"));
  expect(transcript.busy).toBe(false);
});

test("a kernel that sends deltas is not busy, even if it never answers", () => {
  const { kernel, sync, transcript } = pair();
  for (let i = 0; i < 100; i += 1) {
    transcript.receive(kernel.delta("a"));
    vi.advanceTimersByTime(100);
    expect(transcript.busy).toBe(false);
  }
  expect(sync).toHaveBeenCalledTimes(1);
});

test("a stop without an end within a second is queued, and the end clears it", () => {
  const { kernel, transcript } = pair();
  transcript.wished("stop");
  expect(transcript).toMatchObject({ wish: "stop", queued: false });
  vi.advanceTimersByTime(1000);
  expect(transcript).toMatchObject({ wish: "stop", queued: true });
  transcript.receive(kernel.end("cancelled"));
  expect(transcript).toMatchObject({ wish: null, queued: false });
  expect(vi.getTimerCount()).toBe(0);
});

test("a dead kernel is not asked, and the text stays", () => {
  const { kernel, sync, transcript } = pair();
  transcript.receive(kernel.delta("kept"));
  transcript.kernelGone();
  sync.mockClear();
  vi.advanceTimersByTime(60_000);
  expect(sync).not.toHaveBeenCalled();
  expect(transcript).toMatchObject({ gone: true, text: "kept" });
});

test("the time of the first delta counts from the request, not from the page's load", () => {
  const { kernel, transcript } = pair({ elapsed: 2 });
  vi.advanceTimersByTime(500);
  transcript.receive(kernel.delta("a"));
  expect(transcript.firstDelta).toBeCloseTo(2.5, 2);
});

test("a detail of the wait is not carried into the streaming", () => {
  const { kernel, transcript } = pair();
  transcript.receive(kernel.status("retrying", "429", { delay: 2 }));
  expect(transcript).toMatchObject({ phase: "retrying", detail: "429" });
  transcript.receive(kernel.delta("a"));
  expect(transcript).toMatchObject({ phase: "streaming", detail: "", retryAt: null });
});

test("reasoning, refusal and tool calls grow beside the text", () => {
  const { kernel, transcript } = pair();
  for (const message of [
    kernel.reasoning("so "),
    kernel.reasoning("so"),
    kernel.delta("a"),
    kernel.tool(0, "f", '{"x'),
    kernel.tool(1, null, ""),
    kernel.tool(0, null, '": 1}'),
    kernel.tool(1, "g", "[]"),
    kernel.refusal("no"),
    kernel.end(),
  ])
    transcript.receive(message);
  expect(transcript.reasoning.text).toBe("so so");
  expect(transcript.refusal.text).toBe("no");
  expect(transcript.text).toBe("a");
  expect(transcript.calls.map(({ name, arguments: { text } }) => [name, text])).toEqual([
    ["f", '{"x": 1}'],
    ["g", "[]"],
  ]);
});

test("a snapshot brings all lost text, and keeps all text that is right", () => {
  const { kernel, transcript } = pair();
  transcript.receive(kernel.reasoning("why "));
  transcript.receive(kernel.tool(0, "f", "{"));
  const { calls } = transcript;
  const first = calls[0];
  kernel.reasoning("not");
  kernel.tool(0, null, "}");
  kernel.tool(1, "g", "");
  transcript.receive(kernel.snapshot());
  expect(transcript.reasoning).toMatchObject({ text: "why not", epoch: 0 });
  expect(transcript.calls[0]).toBe(first);
  expect(transcript.calls.map(({ arguments: { text, epoch } }) => [text, epoch])).toEqual([
    ["{}", 0],
    ["", 0],
  ]);
});

test("a kept view begins again by a snapshot with a higher seq, for more or anew", () => {
  for (const [remedy, text] of [
    ["continue", "half "],
    ["retry", ""],
  ] as const) {
    const { kernel, sync, transcript } = pair({ kept: true });
    for (const message of [kernel.delta("half "), kernel.tool(0, "f", "{}"), kernel.end("interrupted", "gone")])
      transcript.receive(message);
    transcript.receive(kernel.snapshot());
    transcript.wished(remedy);
    sync.mockClear();
    transcript.receive(kernel.restart(text));
    expect(transcript).toMatchObject({ phase: "waiting", outcome: null, wish: null, text, id: "s1+", calls: [] });
    expect(transcript.answer.epoch).toBe(remedy === "retry" ? 1 : 0);
    vi.advanceTimersByTime(2000);
    expect(sync).toHaveBeenCalledTimes(1);
    transcript.receive(kernel.delta("whole"));
    transcript.receive(kernel.end());
    expect(transcript).toMatchObject({ text: `${text}whole`, outcome: "complete", phase: "over" });
    expect(vi.getTimerCount()).toBe(0);
  }
});

test("the page asks for a lost new beginning, and still drops old messages", () => {
  const { kernel, sync, transcript } = pair({ kept: true });
  const old = [kernel.delta("one"), kernel.end("cancelled"), kernel.snapshot()];
  for (const message of [...old, ...old]) transcript.receive(message);
  transcript.receiveState(structuredClone(kernel.state));
  expect(vi.getTimerCount()).toBe(0);
  sync.mockClear();
  kernel.restart("");
  vi.advanceTimersByTime(600);
  transcript.receive(kernel.delta("two"));
  expect(transcript).toMatchObject({ text: "one", phase: "over" });
  vi.advanceTimersByTime(0);
  expect(sync).toHaveBeenCalledTimes(1);
  transcript.receive(kernel.snapshot());
  expect(transcript).toMatchObject({ text: "two", phase: "streaming" });
});

test("a wish that the kernel does not take is queued, and is one wish", () => {
  const { kernel, transcript } = pair({ kept: true });
  transcript.receive(kernel.end("http_error"));
  transcript.wished("retry");
  transcript.wished("continue");
  expect(transcript.wish).toBe("retry");
  vi.advanceTimersByTime(1000);
  expect(transcript.queued).toBe(true);
  transcript.receive(kernel.restart(""));
  expect(transcript).toMatchObject({ wish: null, queued: false });
});

test("a lost wish, or one whose new beginning was lost, ends: the page asks, and trusts the answer", () => {
  const { kernel, sync, transcript } = pair({ kept: true });
  transcript.receive(kernel.end("http_error"));
  transcript.wished("retry");
  transcript.receive(kernel.snapshot()); // of a question before the wish
  expect(transcript.wish).toBe("retry");
  sync.mockClear();
  vi.advanceTimersByTime(3000);
  expect(sync).toHaveBeenCalled();
  transcript.receive(kernel.snapshot());
  expect(transcript).toMatchObject({ wish: null, queued: false });
  expect(vi.getTimerCount()).toBe(0);
  transcript.wished("retry");
  kernel.restart("");
  kernel.end("http_error");
  transcript.receive(kernel.snapshot());
  expect(transcript).toMatchObject({ wish: null, outcome: "http_error" });
});

test("hostile messages change nothing", () => {
  const { kernel, transcript } = pair();
  transcript.receive(kernel.delta("a"));
  for (const bad of [null, 1, "x", [], { op: "delta", seq: 2 }, { op: "end" }, { op: "snapshot", seq: 9, text: 1 }])
    transcript.receive(bad);
  for (const bad of [null, 1, "x", [], {}]) transcript.receiveState(bad);
  expect(transcript).toMatchObject({ text: "a", phase: "streaming" });
});

test("every way to drop, repeat and reorder five messages ends in the kernel's text", () => {
  const build = () => {
    const kernel = new KernelSide();
    return { kernel, log: [kernel.delta("a"), kernel.delta("b"), kernel.delta("b"), kernel.delta("c"), kernel.end()] };
  };
  const orders: number[][] = [[]];
  for (let round = 0; round < 5; round += 1)
    for (const order of [...orders])
      if (order.length === round) for (let i = 0; i < 5; i += 1) orders.push([...order, i]);
  expect(orders.length).toBe(3906);
  for (const order of orders) {
    const { kernel, log } = build();
    const transcript = new Transcript(new KernelSide().state, () => true);
    for (const i of order) {
      transcript.receive(log[i]);
      expect("abbc".startsWith(transcript.text)).toBe(true);
    }
    transcript.receive(kernel.snapshot());
    expect(transcript).toMatchObject({ text: "abbc", phase: "over" });
    transcript.dispose();
  }
});

test("if messages are dropped and delayed at random, the questions alone bring the whole text", () => {
  for (let seed = 1; seed <= 60; seed += 1) {
    const next = random(seed);
    const kernel = new KernelSide({ kept: true });
    const wire: unknown[] = [];
    const drop = 0.3 * next();
    const post = (message: unknown) => {
      if (next() > drop) wire.push(message);
      if (next() < 0.05) wire.push(message);
    };
    const transcript = new Transcript(structuredClone(kernel.state), () => {
      setTimeout(() => post(kernel.snapshot()), 5 + 200 * next());
      return true;
    });
    const say = (i: number) => {
      const piece = String.fromCharCode(97 + (i % 26)).repeat(1 + Math.floor(3 * next()));
      if (i % 7 === 0) return kernel.reasoning(piece);
      if (i % 37 === 0) return kernel.step();
      if (i % 11 === 0) return kernel.tool(i % 3, i < 30 ? "f" : null, piece);
      return i % 13 === 0 ? kernel.refusal(piece) : kernel.delta(piece);
    };
    // Twice, because a second answer goes on where the first ended, or begins anew.
    for (const length of [200, 60]) {
      for (let i = 0; i < length; i += 1) {
        post(say(i));
        if (next() < 0.5) for (const message of wire.splice(0)) transcript.receive(message);
        const { length: at } = transcript.steps;
        const whole = kernel.state.steps[at]?.text ?? kernel.state.text;
        if (length === 200) expect(whole.startsWith(transcript.text), `seed ${seed}`).toBe(true);
        vi.advanceTimersByTime(40);
      }
      post(kernel.end());
      const id = kernel.state.id;
      for (let i = 0; i < 400 && !(transcript.over && transcript.id === id); i += 1) {
        for (const message of wire.splice(0)) transcript.receive(message);
        vi.advanceTimersByTime(500);
      }
      expect(transcript.over, `seed ${seed}`).toBe(true);
      expect(
        {
          text: transcript.text,
          reasoning: transcript.reasoning.text,
          refusal: transcript.refusal.text,
          tool_calls: transcript.calls.map(plain),
          steps: transcript.steps.map(({ text, calls }) => ({ text, tool_calls: calls.map(plain) })),
        },
        `seed ${seed}`,
      ).toEqual({
        text: kernel.state.text,
        reasoning: kernel.state.reasoning,
        refusal: kernel.state.refusal,
        tool_calls: kernel.state.tool_calls,
        steps: kernel.state.steps,
      });
      post(kernel.restart(next() < 0.5 ? kernel.state.text : ""));
    }
    transcript.dispose();
  }
});
