import { expect, test } from "vitest";
import { forgetClosed } from "../../src/kernel/kernel";

type Slot = (closed: unknown) => void;

function build() {
  const slots: Record<string, Slot> = {};
  forgetClosed({ on: (event: string, slot: Slot) => Object.assign(slots, { [event]: slot }) } as never);
  return { destroy: (closed: unknown) => slots.destroy?.(closed) };
}

test("the comm of a closed model calls the model no more", () => {
  const called: string[] = [];
  const comm = {
    message: (): unknown => called.push("message"),
    closed: (): unknown => called.push("closed"),
    on_msg(callback: () => void) {
      this.message = callback;
    },
    on_close(callback: () => void) {
      this.closed = callback;
    },
  };
  const { destroy } = build();
  comm.message();
  destroy({ comm });
  comm.message();
  comm.closed();
  expect(called).toEqual(["message"]);
});

test("a host whose models have no such comm is left alone", () => {
  for (const closed of [undefined, {}, { comm: {} }]) expect(() => build().destroy(closed)).not.toThrow();
});
