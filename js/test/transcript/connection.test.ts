import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Connection } from "../../src/transcript/connection";
import { progressLine } from "../../src/transcript/status";
import { Transcript } from "../../src/transcript/transcript";
import { Wire } from "../../src/wire/wire";
import { KernelSide } from "../kernel_side";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

test("a connection that stays lost is the server's silence, until it is back or given up", () => {
  const connection = new Connection();
  const heard: string[] = [];
  connection.subscribe(() => heard.push(connection.words));
  connection.become("lost");
  vi.advanceTimersByTime(9_000);
  expect(heard).toEqual(["connection to the kernel lost, trying again"]);
  vi.advanceTimersByTime(2_000);
  expect(heard.at(-1)).toBe("the server does not answer, trying again");
  for (const state of ["given up", "lost", "up"] as const) connection.become(state);
  vi.advanceTimersByTime(60_000);
  expect(heard.slice(2)).toEqual([
    "connection lost: the text so far is kept",
    "connection to the kernel lost, trying again",
    "",
  ]);
});

test("while the connection is down nothing is asked and no second counts, and once it is back the page asks", () => {
  const connection = new Connection();
  const kernel = new KernelSide();
  for (const make of [
    (sync: () => boolean) => new Transcript(structuredClone(kernel.state), sync, connection),
    (sync: () => boolean) => new Wire({ op: "rows", wire: true, seq: 0, rows: [], total: 0 }, sync, connection),
  ]) {
    const sync = vi.fn(() => true);
    const made = make(sync);
    vi.advanceTimersByTime(1_500); // unanswered so far
    connection.become("lost");
    sync.mockClear();
    vi.advanceTimersByTime(11_000);
    const line = made instanceof Transcript ? progressLine(made, performance.now()) : "";
    vi.advanceTimersByTime(3_600_000);
    expect(sync).not.toHaveBeenCalled();
    if (made instanceof Transcript) {
      expect(line).toBe("the server does not answer, trying again");
      expect(progressLine(made, performance.now())).toBe(line);
    }
    connection.become("up");
    expect(sync).toHaveBeenCalledTimes(1);
    if (made instanceof Transcript) expect(progressLine(made, performance.now())).not.toContain("busy");
    made.dispose();
    for (const state of ["lost", "up"] as const) connection.become(state);
    expect(sync).toHaveBeenCalledTimes(1);
  }
  expect(vi.getTimerCount()).toBe(0);
});
