import { afterEach, expect, test, vi } from "vitest";
import { cancelPaint, requestPaint } from "../../src/dom/frames";

afterEach(() => {
  vi.restoreAllMocks();
});

function burn(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

const painted = (paint: () => void = () => {}) =>
  new Promise<void>((done) =>
    requestPaint(() => {
      paint();
      done();
    }),
  );

test("all paints of a page share a frame, each once", async () => {
  await painted();
  const request = vi.spyOn(window, "requestAnimationFrame");
  const paints = Array.from({ length: 20 }, () => vi.fn());
  for (const paint of [...paints, ...paints]) requestPaint(paint);
  await painted();
  for (const paint of paints) expect(paint).toHaveBeenCalledTimes(1);
  expect(request).toHaveBeenCalledTimes(1);
});

test("rendering takes at most about a quarter of the time, however long a frame takes", async () => {
  const begun = performance.now();
  const cost = 20;
  for (let i = 0; i < 6; i += 1) await painted(() => burn(cost));
  // After each of the first five frames, views wait three times its cost.
  expect(performance.now() - begun).toBeGreaterThan(5 * 4 * cost);
});

test("a frame begins no paint after 10 ms, and the next one begins with those that are left", async () => {
  await painted();
  const request = vi.spyOn(window, "requestAnimationFrame");
  const order: number[] = [];
  const paints = Array.from({ length: 12 }, (_, n) => () => {
    burn(6);
    order.push(n);
  });
  for (const paint of paints) requestPaint(paint);
  await painted();
  expect(order).toEqual(paints.map((_, n) => n));
  expect(request.mock.calls.length).toBeGreaterThanOrEqual(6); // two of them take more than 10 ms
});

test("a paint that another one of its frame cancels is not called", async () => {
  const second = vi.fn();
  requestPaint(() => cancelPaint(second));
  requestPaint(second);
  await painted();
  expect(second).not.toHaveBeenCalled();
});

test("a paint that fails does not harm the others", async () => {
  const reported = vi.spyOn(window, "reportError").mockImplementation(() => {});
  const other = vi.fn();
  requestPaint(() => {
    throw new Error("a broken view");
  });
  requestPaint(other);
  await painted();
  expect(other).toHaveBeenCalledTimes(1);
  expect(reported).toHaveBeenCalledTimes(1);
});

test("a paint that is cancelled is not called", async () => {
  const paint = vi.fn();
  requestPaint(paint);
  cancelPaint(paint);
  await painted();
  expect(paint).not.toHaveBeenCalled();
});
