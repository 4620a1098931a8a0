// The kernel's half of a wire view, as the tests play it, and a view in the page.

import type { AnyModel } from "@anywidget/types";
import { requestPaint } from "../../src/dom/frames";
import wireView from "../../src/wire/widget";
import { FakeKernel } from "../kernel_side";

type Listener = (...args: unknown[]) => void;
type Row = Record<string, unknown> & { at: number; kind: string; pieces: string[] };

/** An event of a chat completion whose text is `made`. */
export function delta(at: number, made: string): Row {
  return {
    at,
    kind: "data",
    pieces: [`data: {"choices":[{"delta":{"content":${JSON.stringify(made)}}}]}\n\n`, ""],
    made,
  };
}

export function request(at = 0): Row {
  return { at, kind: "request", pieces: ["POST http://127.0.0.1/v1/chat/completions\n\n{}"], attempt: 1 };
}

export class WireHost {
  rows: Row[] = [];
  phase = "waiting";
  outcome: string | null = null;
  sent: Record<string, unknown>[] = [];
  listeners = new Map<string, Set<Listener>>();
  life = new AbortController();
  widget = wireView();
  state: unknown;
  /** The previous state, which a model remembers. */
  previous: unknown;
  kernel = new FakeKernel();
  /** The outputs that the page put in place of the view. */
  replaced: Record<string, unknown>[] = [];

  constructor(rows: Row[] = [], phase = "waiting", outcome: string | null = null) {
    this.rows = rows;
    this.phase = phase;
    this.outcome = outcome;
    this.state = this.message(0);
  }

  message(seq: number, count = Number.POSITIVE_INFINITY): Record<string, unknown> {
    const { phase, outcome, rows } = this;
    return {
      op: "rows",
      wire: true,
      seq,
      rows: structuredClone(rows.slice(seq, seq + count)),
      total: rows.length,
      phase,
      outcome,
      detail: "",
      model: "demo",
      demo: true,
      id: "s1",
    };
  }

  #output = { data: { "application/vnd.jupyter.widget-view+json": { model_id: "m1" } } };
  #outputs = {
    length: 1,
    get: () => this.#output,
    set: (_index: number, output: Record<string, unknown>) => this.replaced.push(output),
  };

  show(parent: HTMLElement = document.body): HTMLElement {
    const model = {
      get: (name: string) => (name === "key" ? "7" : this.state),
      set: (_name: "state", value: unknown) => {
        this.previous = this.state;
        this.state = value;
      },
      send: (message: Record<string, unknown>) => this.sent.push(message),
      on: (name: string, listener: Listener) => {
        this.listeners.set(name, (this.listeners.get(name) ?? new Set()).add(listener));
      },
      off: (name: string, listener: Listener) => this.listeners.get(name)?.delete(listener),
      widget_manager: {
        kernel: this.kernel,
        get_model: async () => ({ get: () => this.state }),
        context: { model: { cells: [{ outputs: this.#outputs }] } },
      },
    } as unknown as AnyModel<{ state: unknown; key: string }>;
    this.widget.initialize({ model, signal: this.life.signal });
    const el = document.createElement("div");
    parent.append(el);
    this.widget.render({ el, signal: this.life.signal });
    return el.querySelector(".streamwidget") as HTMLElement;
  }

  deliver(message: unknown): void {
    for (const listener of this.listeners.get("msg:custom") ?? []) listener(structuredClone(message), []);
  }

  /** Adds rows and sends them. */
  tell(...rows: Row[]): void {
    const seq = this.rows.length;
    this.rows.push(...rows);
    if (this.phase === "waiting") this.phase = "streaming";
    this.deliver(this.message(seq));
  }

  end(outcome = "complete"): void {
    this.phase = "over";
    this.outcome = outcome;
    this.deliver(this.message(this.rows.length));
  }
}

export function frames(n = 2): Promise<void> {
  return new Promise((done) => {
    const step = (left: number) => (left === 0 ? done() : requestPaint(() => step(left - 1)));
    step(n);
  });
}

export function litText(): string {
  const ranges = [...(CSS.highlights.get("streamwidget-wire") ?? [])];
  return ranges.map((range) => range.toString()).join("|");
}

export function litRow(root: HTMLElement): number {
  const lit = root.querySelector<HTMLElement>("[aria-selected=true]");
  return lit ? Number(lit.dataset.row) : -1;
}
