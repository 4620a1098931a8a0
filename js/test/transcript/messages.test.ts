import { expect, test } from "vitest";
import { parseMessage, parseState } from "../../src/transcript/messages";
import { KernelSide } from "../kernel_side";

const kernel = new KernelSide();
const good = [
  kernel.delta("a"),
  kernel.reasoning("b"),
  kernel.refusal("c"),
  kernel.tool(0, "f", "{}"),
  kernel.status("retrying", "429", { delay: 3 }),
  kernel.end(),
  kernel.snapshot(),
];
const junk = [
  undefined,
  null,
  true,
  -1,
  1.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  2 ** 60,
  "",
  "x",
  "__proto__",
  [],
  [1],
  {},
  { seq: 1 },
  () => 1,
];

test("every message of the contract is understood", () => {
  expect(good.map((message) => parseMessage(message)?.op)).toEqual([
    "delta",
    "reasoning",
    "refusal",
    "tool",
    "status",
    "end",
    "snapshot",
  ]);
});

test("a guard never throws, and returns null or a value of the right types, whatever one field holds", () => {
  for (const message of good) {
    for (const key of Object.keys(message)) {
      for (const value of junk) {
        const parsed = parseMessage({ ...message, [key]: value });
        if (parsed === null) continue;
        const flat = parsed.op === "snapshot" ? parsed.state : parsed;
        expect(Number.isSafeInteger(flat.seq)).toBe(true);
        if ("text" in flat) expect(typeof flat.text).toBe("string");
        if ("detail" in flat) expect(typeof flat.detail).toBe("string");
        if ("tokens" in flat && flat.tokens !== null) expect(Number.isFinite(flat.tokens)).toBe(true);
        if (parsed.op === "end") expect(parsed.outcome).toMatch(/^[a-z_]+$/);
        if (parsed.op === "delta" && parsed.deltas !== null) expect(Number.isFinite(parsed.deltas)).toBe(true);
      }
    }
  }
});

test("a value that is not a message is null", () => {
  for (const value of junk) {
    expect(parseMessage(value)).toBeNull();
    expect(parseState(value)).toBeNull();
  }
  expect(parseMessage({ op: "eval", seq: 1, text: "x" })).toBeNull();
  expect(parseMessage({ op: "delta", seq: "1", text: "x" })).toBeNull();
  expect(parseMessage({ op: "delta", seq: 1, text: { toString: () => "x" } })).toBeNull();
});

test("an end with an unreadable outcome is still an end", () => {
  expect(parseMessage({ op: "end", seq: 1, outcome: "<b>" })).toMatchObject({ op: "end", outcome: "error" });
});

test("a detail is of bounded length", () => {
  const parsed = parseMessage({ op: "end", seq: 1, outcome: "error", detail: "x".repeat(99_999) });
  expect((parsed as { detail: string }).detail.length).toBeLessThanOrEqual(2400);
});

test("tool calls are bounded in number, and a hostile list is read as far as it goes", () => {
  expect(parseMessage({ op: "tool", seq: 1, index: 1e6, name: "f", arguments: "" })).toBeNull();
  for (const value of junk) {
    const state = parseState({ ...kernel.snapshot(), tool_calls: [value, { name: value, arguments: value }] });
    for (const call of state?.toolCalls ?? []) {
      expect(typeof call.arguments).toBe("string");
      expect(call.name === null || typeof call.name === "string").toBe(true);
    }
  }
  const many = parseState({ ...kernel.snapshot(), tool_calls: new Array(5000).fill({ name: "f", arguments: "" }) });
  expect(many?.toolCalls.length).toBe(1000);
});
