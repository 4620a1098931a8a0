// The state of one stream in the page, one for each model, however many views show it.
//
// Rules (the wire is lossy and may repeat):
// 1. A message is applied only when its seq is the next one. An older one is a duplicate and is dropped.
// 2. A seq beyond the next one means that messages were lost: nothing is applied until a snapshot came.
// 3. A snapshot is applied unless it is older than what is shown. It replaces the text only where it must, so that a
//    view need not paint again what it already shows.
// 4. While the stream is not over, silence is not trusted: the page asks. One question at a time, and ever more
//    slowly while none is answered, because a busy kernel will answer all of them in the end.
// 5. Nothing changes after the end.

import {
  type KernelMessage,
  type Phase,
  parseMessage,
  parseState,
  type SnapshotMessage,
  type Timing,
  type ViewState,
} from "./messages";
import { Pace, type Rate } from "./pace";

const SILENCE_MS = 2000;
const PATIENCE_MS = 1000;
const SHORTEST_MS = 500; // between two questions: each answer carries the whole text
const BACKOFF_MS = [1000, 2000, 4000, 8000, 16000, 30000];
const STOP_PATIENCE_MS = 1000;

/** "asked": a stop was sent; "queued": it was, and the kernel has not ended the stream in time. */
export type Stopping = "no" | "asked" | "queued";

export class Transcript {
  phase: Phase = "waiting";
  outcome: string | null = null;
  detail = "";
  timing: Timing | null = null;
  tokens: number | null = null;
  model: string | null = null;
  demo = false;
  id = "";
  /** The answer, in the pieces in which it came. Pieces are only ever added, until `epoch` changes. */
  chunks: string[] = [];
  epoch = 0;
  /** performance.now() of the request, of the first delta, and of the next attempt. */
  startedAt: number;
  firstDelta: number | null = null;
  retryAt: number | null = null;
  stopping: Stopping = "no";
  /** The kernel does not answer (a cell blocks it, or the connection is down). */
  busy = false;
  /** The kernel died or was restarted: no more will come. */
  gone = false;

  #seq = 0;
  #lost = false;
  #heardAt: number;
  #askedAt: number | null = null;
  #lastAsk = Number.NEGATIVE_INFINITY;
  #unanswered = 0;
  #pace = new Pace();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopTimer: ReturnType<typeof setTimeout> | undefined;
  #listeners = new Set<() => void>();
  #sync: () => void;

  /**
   * @param initial the `state` trait as it came with the model
   * @param sync    sends {"op": "sync"} to the kernel; must not throw
   */
  constructor(initial: unknown, sync: () => void) {
    this.#sync = sync;
    this.startedAt = this.#heardAt = performance.now();
    const state = parseState(initial);
    if (state) this.#apply(state);
    if (!this.over) this.#ask();
  }

  get over(): boolean {
    return this.phase === "over";
  }

  get text(): string {
    return this.chunks.join("");
  }

  /** True while messages are known to be missing. */
  get lost(): boolean {
    return this.#lost;
  }

  rate(now: number): Rate | null {
    return this.#pace.rate(now);
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Takes the content of one custom message. */
  receive(content: unknown): void {
    const message = parseMessage(content);
    if (!message || this.over) return;
    if (message.op === "snapshot") {
      this.#snapshot(message.state);
      return;
    }
    if (message.seq <= this.#seq) return;
    this.#heard();
    if (message.seq !== this.#seq + 1) this.#lost = true;
    if (!this.#lost) this.#step(message);
    this.#changed();
  }

  /** Takes the `state` trait, when it changed. */
  receiveState(value: unknown): void {
    const state = parseState(value);
    if (state && !this.over) this.#snapshot(state);
  }

  /** Notes that a stop was sent to the kernel. */
  stopSent(): void {
    if (this.over || this.stopping !== "no") return;
    this.stopping = "asked";
    this.#stopTimer = setTimeout(() => {
      this.stopping = "queued";
      this.#changed();
    }, STOP_PATIENCE_MS);
    this.#changed();
  }

  /** Notes that the kernel died or was restarted. */
  kernelGone(): void {
    if (this.over || this.gone) return;
    this.gone = true;
    this.#changed();
  }

  dispose(): void {
    this.#listeners.clear();
    clearTimeout(this.#timer);
    clearTimeout(this.#stopTimer);
  }

  #step(message: Exclude<KernelMessage, SnapshotMessage>): void {
    this.#seq = message.seq;
    const now = this.#heardAt;
    switch (message.op) {
      case "delta":
        if (this.phase !== "streaming") this.detail = "";
        this.phase = "streaming";
        this.retryAt = null;
        // With text in a snapshot before it, this delta was not the first.
        if (this.chunks.length === 0) this.firstDelta ??= (now - this.startedAt) / 1000;
        this.chunks.push(message.text);
        this.#pace.add(now, message.deltas, message.text.length);
        break;
      case "status":
        this.phase = message.phase;
        this.detail = message.detail;
        this.retryAt = message.phase === "retrying" && message.delay !== null ? now + message.delay * 1000 : null;
        break;
      case "end":
        this.phase = "over";
        this.outcome = message.outcome;
        this.detail = message.detail;
        this.timing = message.timing;
        this.tokens = message.tokens;
        break;
    }
  }

  #snapshot(state: ViewState): void {
    if (state.seq < this.#seq) return;
    this.#heard();
    this.#askedAt = null;
    this.#unanswered = 0;
    this.#lost = false;
    this.#apply(state);
    this.#changed();
  }

  #apply(state: ViewState): void {
    const shown = this.text;
    if (state.text.startsWith(shown)) {
      if (state.text.length > shown.length) this.chunks.push(state.text.slice(shown.length));
    } else {
      this.chunks = state.text === "" ? [] : [state.text];
      this.epoch += 1;
    }
    this.#seq = state.seq;
    if (state.phase !== "retrying") this.retryAt = null;
    this.phase = state.phase;
    this.outcome = state.outcome;
    this.detail = state.detail;
    this.timing = state.timing;
    this.tokens = state.tokens;
    this.model = state.model;
    this.demo = state.demo;
    this.id = state.id;
    this.firstDelta = state.timing?.first_delta ?? this.firstDelta;
    this.startedAt = this.#heardAt - state.elapsed * 1000;
  }

  #heard(): void {
    this.#heardAt = performance.now();
    this.busy = this.gone = false;
  }

  #ask(): void {
    this.#askedAt = this.#lastAsk = performance.now();
    this.#sync();
    this.#watch();
  }

  #changed(): void {
    if (this.over) {
      this.stopping = "no";
      clearTimeout(this.#stopTimer);
    }
    this.#watch();
    for (const listener of this.#listeners) listener();
  }

  // Arms the one timer of rule 4.
  #watch(): void {
    clearTimeout(this.#timer);
    if (this.over || this.gone) return;
    const due = Math.min(this.#nextAsk(), this.#nextDoubt());
    this.#timer = setTimeout(() => this.#elapsed(), Math.max(0, due - performance.now()));
  }

  #nextAsk(): number {
    const silent = this.#lost ? 0 : this.#heardAt + SILENCE_MS;
    if (this.#askedAt === null) return Math.max(silent, this.#lastAsk + SHORTEST_MS);
    const wait = BACKOFF_MS[Math.min(this.#unanswered, BACKOFF_MS.length - 1)] as number;
    return Math.max(silent, this.#askedAt + wait);
  }

  #nextDoubt(): number {
    const unheard = this.#askedAt !== null && this.#heardAt <= this.#askedAt;
    return unheard && !this.busy ? (this.#askedAt as number) + PATIENCE_MS : Number.POSITIVE_INFINITY;
  }

  #elapsed(): void {
    const now = performance.now();
    if (now >= this.#nextDoubt()) {
      this.busy = true;
      this.#changed();
    }
    if (now >= this.#nextAsk()) {
      if (this.#askedAt !== null) this.#unanswered += 1;
      this.#ask();
    } else {
      this.#watch();
    }
  }
}
