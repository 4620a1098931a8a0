// The kernel's half of one stream, as the tests need it: it numbers messages, keeps the state, and logs what the page
// sends. And a host model as anywidget gives it: a different proxy to initialize and to each render.

import type { AnyModel } from "@anywidget/types";
import streamView from "../src/widget";

type Message = Record<string, unknown> & { op: string };

export class KernelSide {
  state: Record<string, unknown> & { seq: number; text: string };

  constructor(state: Record<string, unknown> = {}) {
    this.state = {
      seq: 0,
      phase: "waiting",
      text: "",
      outcome: null,
      detail: "",
      elapsed: 0,
      timing: null,
      tokens: null,
      model: "demo-model",
      demo: false,
      id: "s1",
      ...state,
    };
  }

  delta(text: string, more: object = {}): Message {
    this.state.phase = "streaming";
    this.state.text += text;
    return { op: "delta", seq: ++this.state.seq, text, ...more };
  }

  status(phase: string, detail = "", more: object = {}): Message {
    Object.assign(this.state, { phase, detail });
    return { op: "status", seq: ++this.state.seq, phase, detail, ...more };
  }

  end(outcome = "complete", detail = "", more: object = {}): Message {
    const how = { outcome, detail, timing: { first_delta: 0.35, total: 3.2, deltas: 90 }, tokens: 182, ...more };
    Object.assign(this.state, how, { phase: "over" });
    return { op: "end", seq: ++this.state.seq, ...how };
  }

  snapshot(): Message {
    return { op: "snapshot", ...structuredClone(this.state) };
  }
}

type Listener = (...args: unknown[]) => void;

export class FakeComm {
  isDisposed = false;
  opened = false;
  sent: unknown[] = [];
  subshellStarted?: Promise<void>;
  open() {
    this.opened = true;
  }
  send(data: object) {
    if (this.isDisposed) throw new Error("Cannot send");
    this.sent.push(data);
  }
}

export class FakeKernel {
  comms: FakeComm[] = [];
  targets: string[] = [];
  slots = new Set<Listener>();
  statusChanged = {
    connect: (slot: Listener) => this.slots.add(slot),
    disconnect: (slot: Listener) => this.slots.delete(slot),
  };
  supportsSubshells = false;
  /** Gives a comm its subshell; JupyterLab does so some time after createComm. */
  startSubshell: () => void = () => {};
  createComm(target: string): FakeComm {
    const comm = new FakeComm();
    comm.subshellStarted = new Promise((resolve) => {
      this.startSubshell = resolve;
    });
    this.targets.push(target);
    this.comms.push(comm);
    return comm;
  }
  status(status: string) {
    for (const slot of this.slots) slot(this, status);
  }
}

export class Host {
  sent: Message[] = [];
  listeners = new Map<string, Set<Listener>>();
  life = new AbortController();
  widget = streamView();
  kernel: FakeKernel | null = new FakeKernel();
  state: unknown;
  sendFails = false;

  constructor(state: unknown) {
    this.state = structuredClone(state);
  }

  proxy() {
    return {
      get: () => this.state,
      send: (message: Message) => {
        if (this.sendFails) throw new Error("no comm");
        this.sent.push(message);
      },
      on: (name: string, listener: Listener) => {
        const set = this.listeners.get(name) ?? new Set();
        this.listeners.set(name, set.add(listener));
      },
      off: (name: string, listener: Listener) => this.listeners.get(name)?.delete(listener),
      widget_manager: { kernel: this.kernel },
    } as unknown as AnyModel<{ state: unknown }>;
  }

  initialize() {
    return this.widget.initialize({ model: this.proxy(), signal: this.life.signal });
  }

  render(parent: HTMLElement = document.body) {
    const el = document.createElement("div");
    parent.append(el);
    const life = new AbortController();
    const cleanup = this.widget.render({ el, signal: AbortSignal.any([this.life.signal, life.signal]) });
    return { el, life, cleanup, root: el.querySelector<HTMLElement>(".streamwidget") as HTMLElement };
  }

  deliver(...messages: unknown[]) {
    for (const message of messages)
      for (const l of this.listeners.get("msg:custom") ?? []) l(structuredClone(message), []);
  }

  change(state: unknown) {
    this.state = structuredClone(state);
    for (const l of this.listeners.get("change:state") ?? []) l();
  }

  listening(): number {
    let n = this.kernel?.slots.size ?? 0;
    for (const set of this.listeners.values()) n += set.size;
    return n;
  }

  ops(op: string): number {
    return this.sent.filter((message) => message.op === op).length;
  }
}

export function frames(n = 2): Promise<void> {
  return new Promise((done) => {
    const step = (left: number) => (left === 0 ? done() : requestAnimationFrame(() => step(left - 1)));
    step(n);
  });
}

/** A small seeded generator, so that a failing case can be run again. */
export function random(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
