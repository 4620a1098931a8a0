// Which rows are shown: all, those up to a row, or those that had come at a moment of the replay.

import { afterEach, expect, test, vi } from "vitest";
import { Player } from "../../src/wire/player";
import { Wire } from "../../src/wire/wire";
import { delta, request, WireHost } from "./kernel_side";

afterEach(() => vi.useRealTimers());

function make(over = true) {
  const rows = [request(), delta(1, "a"), delta(1, "b"), delta(3, "c")];
  const kernel = new WireHost(rows, over ? "over" : "streaming", over ? "complete" : null);
  const wire = new Wire(kernel.message(0), () => true);
  const player = new Player(wire, () => {});
  return { kernel, wire, player };
}

test("it shows all that comes", () => {
  const { kernel, wire, player } = make(false);
  expect(player.shown).toBe(4);
  kernel.rows.push(delta(4, "d"));
  wire.receive(kernel.message(4));
  player.follow();
  expect(player.shown).toBe(5);
  wire.dispose();
});

test("a paused player stays while more comes, steps by one row, and goes on with all rows", () => {
  const { kernel, wire, player } = make(false);
  player.pause();
  kernel.rows.push(delta(4, "d"));
  wire.receive(kernel.message(4));
  player.follow();
  expect(player.shown).toBe(4);
  player.step(-1);
  player.step(-1);
  expect(player.shown).toBe(2);
  player.step(1);
  expect(player.shown).toBe(3);
  player.resume();
  expect([player.mode, player.shown]).toEqual(["live", 5]);
  wire.dispose();
});

test("steps end at both ends", () => {
  const { player } = make();
  player.step(1);
  expect(player.shown).toBe(4);
  for (let n = 0; n < 9; n += 1) player.step(-1);
  expect(player.shown).toBe(0);
});

test.each([0.25, 1, 8])("a replay at %s× shows each row at its time", (speed) => {
  vi.useFakeTimers();
  const { player } = make();
  player.setSpeed(speed);
  player.replay();
  const after = (seconds: number) => {
    vi.advanceTimersByTime((seconds * 1000) / speed);
    return player.shown;
  };
  expect(player.shown).toBe(1);
  expect(after(0.9)).toBe(1);
  expect(after(0.25)).toBe(3);
  expect(after(1.7)).toBe(3);
  expect(after(0.4)).toBe(4);
  expect(player.mode).toBe("live");
});

test("a replay that was paused goes on from there, at another speed too", () => {
  vi.useFakeTimers();
  const { player } = make();
  player.replay();
  vi.advanceTimersByTime(1200);
  player.pause();
  vi.advanceTimersByTime(60_000);
  expect([player.mode, player.shown]).toEqual(["paused", 3]);
  player.setSpeed(4);
  player.resume();
  vi.advanceTimersByTime(400);
  expect(player.shown).toBe(3);
  vi.advanceTimersByTime(200);
  expect([player.mode, player.shown]).toEqual(["live", 4]);
});
