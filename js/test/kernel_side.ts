// The kernel's half of one stream, as the tests play it: it numbers messages, keeps the state and logs the page's
// messages. And a host's model, as anywidget gives it: `initialize` and each `render` get a different proxy.

import type { AnyModel } from "@anywidget/types";
import streamView from "../src/answer/widget";
import makeTools from "../src/code/bundle";
import { requestPaint } from "../src/dom/frames";

type Message = Record<string, unknown> & { op: string };

export class KernelSide {
  state: Record<string, unknown> & {
    seq: number;
    text: string;
    reasoning: string;
    refusal: string;
    tool_calls: { name: string | null; arguments: string }[];
    steps: { text: string; tool_calls: { name: string | null; arguments: string }[] }[];
  };

  constructor(state: Record<string, unknown> = {}) {
    this.state = {
      seq: 0,
      phase: "waiting",
      text: "",
      reasoning: "",
      refusal: "",
      tool_calls: [],
      steps: [],
      outcome: null,
      detail: "",
      elapsed: 0,
      timing: null,
      tokens: null,
      missing: "",
      model: "demo-model",
      demo: false,
      mark: "",
      id: "s1",
      kept: false,
      ...state,
    };
  }

  delta(text: string, more: object = {}): Message {
    this.state.phase = "streaming";
    this.state.text += text;
    return { op: "delta", seq: ++this.state.seq, text, ...more };
  }

  reasoning(text: string): Message {
    this.state.phase = "streaming";
    this.state.reasoning += text;
    return { op: "reasoning", seq: ++this.state.seq, text, deltas: 1 };
  }

  refusal(text: string): Message {
    this.state.phase = "streaming";
    this.state.refusal += text;
    return { op: "refusal", seq: ++this.state.seq, text, deltas: 1 };
  }

  tool(index: number, name: string | null, fragment: string): Message {
    this.state.phase = "streaming";
    const calls = this.state.tool_calls;
    while (calls.length <= index) calls.push({ name: null, arguments: "" });
    const call = calls[index] as (typeof calls)[number];
    call.name = name ?? call.name;
    call.arguments += fragment;
    return { op: "tool", seq: ++this.state.seq, index, name, arguments: fragment };
  }

  step(): Message {
    const { text, tool_calls } = this.state;
    this.state.steps.push({ text, tool_calls });
    Object.assign(this.state, { text: "", tool_calls: [] });
    return { op: "step", seq: ++this.state.seq };
  }

  /** Begins again, as a kept view does for "retry" and "continue". */
  restart(text: string): Message {
    Object.assign(this.state, { phase: "waiting", outcome: null, detail: "", timing: null, tokens: null, elapsed: 0 });
    Object.assign(this.state, { text, reasoning: "", refusal: "", tool_calls: [], steps: [], id: `${this.state.id}+` });
    this.state.seq += 1;
    return this.snapshot();
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

/** A signal of JupyterLab's. */
class FakeSignal {
  slots = new Set<Listener>();
  connect(slot: Listener) {
    this.slots.add(slot);
  }
  disconnect(slot: Listener) {
    this.slots.delete(slot);
  }
  emit(args: unknown) {
    for (const slot of this.slots) slot(this, args);
  }
}

export class FakeKernel {
  comms: FakeComm[] = [];
  targets: string[] = [];
  statusChanged = new FakeSignal();
  connectionStatusChanged = new FakeSignal();
  disposed = new FakeSignal();
  supportsSubshells = false;
  interrupts = 0;
  async interrupt() {
    this.interrupts += 1;
  }
  /** Gives a comm its subshell. JupyterLab does so some time after createComm. */
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
    this.statusChanged.emit(status);
  }
  /** "connected", "connecting" or "disconnected". */
  connection(status: string) {
    this.connectionStatusChanged.emit(status);
  }
}

/** The model of the bundle, which all views of a kernel share. */
export class FakeShared {
  listeners = new Set<Listener>();
  on(_name: string, listener: Listener) {
    this.listeners.add(listener);
  }
  off(_name: string, listener: Listener) {
    this.listeners.delete(listener);
  }
  deliver(content: unknown) {
    for (const listener of [...this.listeners]) listener(structuredClone(content), []);
  }
}

export class Host {
  sent: Message[] = [];
  listeners = new Map<string, Set<Listener>>();
  life = new AbortController();
  widget: ReturnType<typeof streamView>;
  kernel: FakeKernel | null = new FakeKernel();
  state: unknown;
  /** The previous state, which a model remembers. */
  previous: unknown;
  maxHeight: number | null;
  sendFails = false;
  /** The cell that shows the view, as JupyterLab has it. */
  cell = { executionState: "idle", outputs: this.#outputs("m1") };

  #outputs(model_id: string) {
    const output = { data: { "application/vnd.jupyter.widget-view+json": { model_id } } };
    return { length: 1, get: () => output, set: () => {} };
  }

  /** The kernel's name of the view. */
  key = "7";

  constructor(
    state: unknown,
    maxHeight: number | null = null,
    widget: typeof streamView = streamView,
    shared?: FakeShared,
  ) {
    this.widget = widget(loadMore, shared);
    this.state = structuredClone(state);
    this.maxHeight = maxHeight;
  }

  proxy() {
    return {
      get: (name: string) => (name === "state" ? this.state : name === "key" ? this.key : this.maxHeight),
      set: (_name: "state", value: unknown) => {
        this.previous = this.state;
        this.state = value;
      },
      send: (message: Message, _callbacks?: unknown, buffers?: ArrayBuffer[]) => {
        if (this.sendFails) throw new Error("no comm");
        this.sent.push(buffers ? { ...message, buffers } : message);
      },
      on: (name: string, listener: Listener) => {
        const set = this.listeners.get(name) ?? new Set();
        this.listeners.set(name, set.add(listener));
      },
      off: (name: string, listener: Listener) => this.listeners.get(name)?.delete(listener),
      widget_manager: {
        kernel: this.kernel,
        context: { model: { cells: [{ executionState: "running", outputs: this.#outputs("m0") }, this.cell] } },
        get_model: async (id: string) => ({ get: () => (id === "m1" ? this.state : {}) }),
      },
    } as unknown as AnyModel<{ state: unknown; key: string; max_height: unknown; layout: unknown }>;
  }

  initialize() {
    return this.widget.initialize({ model: this.proxy(), signal: this.life.signal });
  }

  render(parent: HTMLElement = document.body) {
    const el = document.createElement("div");
    parent.append(el);
    const life = new AbortController();
    const cleanup = this.widget.render({
      model: this.proxy(),
      el,
      signal: AbortSignal.any([this.life.signal, life.signal]),
    });
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

  /** How many listeners there are, without those to the model's own end. */
  listening(): number {
    const { statusChanged, connectionStatusChanged, disposed } = this.kernel ?? {};
    let n = [statusChanged, connectionStatusChanged, disposed].reduce((sum, one) => sum + (one?.slots.size ?? 0), 0);
    for (const [name, set] of this.listeners) if (name !== "destroy") n += set.size;
    return n;
  }

  ops(op: string): number {
    return this.sent.filter((message) => message.op === op).length;
  }
}

/** What the loader gives to a part. */
export const loadMore = async () => ({ make: makeTools, sheet: new CSSStyleSheet() });

/** Waits until views have painted `n` times, in the frames of src/dom/frames.ts. */
export function frames(n = 2): Promise<void> {
  return new Promise((done) => {
    const step = (left: number) => (left === 0 ? done() : requestPaint(() => step(left - 1)));
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
