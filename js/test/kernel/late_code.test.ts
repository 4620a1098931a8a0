import { expect, test } from "vitest";
import { hearKernelLate } from "../../src/kernel/late_code";

type Listener = (value: unknown) => void;

/** A model as the widget managers have it, and anywidget's of it, whose messages await `ready`. */
class HostModel {
  readonly attributes: Record<string, unknown> = {};
  readonly listeners = new Map<string, Listener>();
  readonly heard: unknown[] = [];
  readonly sent: unknown[] = [];
  receive: (message: object) => unknown = () => {};
  readonly comm = {
    on_msg: (callback: (message: object) => unknown) => {
      this.receive = callback;
    },
    send: (data: object) => this.sent.push(data),
  };

  on(name: string, listener: Listener) {
    this.listeners.set(name, listener);
  }
  off(name: string) {
    this.listeners.delete(name);
  }
  set(name: string, value: unknown) {
    this.attributes[name] = value;
    this.listeners.get(`change:${name}`)?.(this);
  }
  unset(name: string) {
    delete this.attributes[name];
  }
  async _handle_comm_msg(message: { content?: { data: { method?: string } } }): Promise<void> {
    if (message.content?.data.method) this.heard.push(message.content.data.method);
  }
}

class WidgetModel extends HostModel {
  constructor(readonly ready: Promise<void>) {
    super();
    this.comm.on_msg(this._handle_comm_msg.bind(this));
  }
  override async _handle_comm_msg(message: object): Promise<void> {
    await this.ready;
    return super._handle_comm_msg(message);
  }
}

function shownTo(own: HostModel) {
  return { on: own.on.bind(own), off: own.off.bind(own), set: own.set.bind(own) } as never;
}

const custom = { content: { data: { method: "custom" } } };

test("a model whose code came late hears its kernel again, and asks once for what it missed", async () => {
  const own = new WidgetModel(Promise.reject(new Error("Failed to initialize model.")));
  await hearKernelLate(shownTo(own));
  await hearKernelLate(shownTo(own)); // the tools are given to it too
  await own.receive(custom);
  expect(own.heard).toEqual(["custom"]);
  expect(own.sent).toEqual([{ method: "request_state" }]);
  expect(own.attributes).toEqual({});
  expect(own.listeners.size).toBe(0);
});

test("a model whose code came in time stays as the host made it", async () => {
  const own = new WidgetModel(Promise.resolve());
  const { receive } = own;
  await hearKernelLate(shownTo(own));
  expect(own.receive).toBe(receive);
  expect([own.heard, own.sent, own.attributes]).toEqual([[], [], {}]);
});

test("a host that shows no model, or a model without a comm, is left alone", async () => {
  const hidden = { on: () => {}, off: () => {}, set: () => {} };
  await expect(hearKernelLate(hidden as never)).resolves.toBeUndefined();
  const saved = Object.assign(new WidgetModel(Promise.reject(new Error("late"))), { comm: undefined });
  await expect(hearKernelLate(shownTo(saved))).resolves.toBeUndefined();
});
