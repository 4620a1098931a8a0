import { expect, test } from "vitest";
import { forgetClosed } from "../src/kernel";

type Slot = (closed: unknown) => void;

/** A model that is destroyed as Backbone does it: who listened when that began is told, though it leaves meanwhile. */
function build() {
  const life = new AbortController();
  const slots = new Set<Slot>();
  const model = { on: (_: string, slot: Slot) => slots.add(slot), off: (_: string, slot: Slot) => slots.delete(slot) };
  forgetClosed(model as never, life.signal);
  const destroy = (closed: unknown) => {
    const told = [...slots];
    life.abort();
    for (const slot of told) slot(closed);
  };
  return { destroy, slots };
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
  const { destroy, slots } = build();
  comm.message();
  destroy({ comm });
  comm.message();
  comm.closed();
  expect(called).toEqual(["message"]);
  expect(slots.size).toBe(0);
});

test("a host whose models have no such comm is left alone", () => {
  for (const closed of [undefined, {}, { comm: {} }]) expect(() => build().destroy(closed)).not.toThrow();
});
