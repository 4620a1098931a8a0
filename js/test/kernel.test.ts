import { expect, test } from "vitest";
import { forgetClosed } from "../src/kernel";

test("the comm of a closed model calls the model no more", () => {
  const slots: Record<string, (model: object) => void> = {};
  const called: string[] = [];
  const comm = {
    message: () => called.push("message"),
    closed: () => called.push("closed"),
    on_msg(callback: () => number) {
      this.message = callback;
    },
    on_close(callback: () => number) {
      this.closed = callback;
    },
  };
  forgetClosed({
    on: (event: string, slot: (model: object) => void) => Object.assign(slots, { [event]: slot }),
  } as never);
  comm.message();
  slots.destroy?.({ comm });
  comm.message();
  comm.closed();
  expect(called).toEqual(["message"]);
});

test("a host whose models have no such comm is left alone", () => {
  for (const closed of [undefined, {}, { comm: {} }]) {
    let slot: (model: unknown) => void = () => {};
    forgetClosed({ on: (_event: string, given: typeof slot) => void (slot = given) } as never);
    expect(() => slot(closed)).not.toThrow();
  }
});
