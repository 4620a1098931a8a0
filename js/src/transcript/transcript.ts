// The state of one stream in the page. Each model has one, however many views show it.
//
// Rules (messages may get lost, and may come twice):
// 1. A message is applied only when its seq is the next one. For example, after 7 only 8 is applied. An older message
//    is a duplicate and is dropped.
// 2. A seq beyond the next one means that messages were lost. Then nothing is applied until a snapshot came.
// 3. A snapshot is applied unless it is older than the text on the screen. It replaces text only where it must, so that
//    a view need not paint the same text again.
// 4. While the stream runs, silence is not trusted: the page asks (questions.ts).
// 5. An agent's step that is over does not change. The answer and the calls are those of its last step.
// 6. Nothing changes after the end. One exception: a kept view may begin again, by a snapshot with a higher seq, or by
//    news of a chat, which has its own order.

import { Connection } from "./connection";
import { GrowingText } from "./growing_text";
import type { Phase } from "./guards";
import { Listeners } from "./listeners";
import {
  type Ask,
  type KernelMessage,
  type OutputState,
  parseMessage,
  parseState,
  type Remedy,
  type SnapshotMessage,
  type Timing,
  type ToolCallState,
  type ToolMessage,
  type ViewState,
} from "./messages";
import { Questions } from "./questions";
import { type Rate, TokenRate } from "./token_rate";

const WISH_PATIENCE_MS = 1000;

export interface ToolCall {
  name: string | null;
  readonly arguments: GrowingText;
}

function callOf({ name, arguments: whole }: ToolCallState): ToolCall {
  const call = { name, arguments: new GrowingText() };
  call.arguments.add(whole);
  return call;
}

/** A step of an agent that is over. */
export interface Step {
  readonly text: string;
  readonly calls: readonly ToolCall[];
}

export class Transcript {
  phase: Phase = "waiting";
  outcome: string | null = null;
  detail = "";
  timing: Timing | null = null;
  tokens: number | null = null;
  spent = "";
  missing = "";
  model: string | null = null;
  demo = false;
  mark = "";
  id = "";
  kept = false;
  value: { readonly wraps: boolean } | null = null;
  readonly answer = new GrowingText();
  readonly reasoning = new GrowingText();
  readonly refusal = new GrowingText();
  calls: ToolCall[] = [];
  steps: Step[] = [];
  /** What came beside the text, in order. */
  outputs: OutputState[] = [];
  /** The tools that wait for the person. */
  asks: readonly Ask[] = [];
  /** performance.now() of the request and of the next attempt. Then seconds from the request to the first delta. */
  startedAt: number;
  retryAt: number | null = null;
  firstDelta: number | null = null;
  /** Seconds from the first reasoning to what followed it, by the page's clock. Null before that. */
  thoughtFor: number | null = null;
  /** The limit that the kernel waits under: its name, since when (performance.now()), and its seconds. */
  wait: { readonly what: string; readonly since: number; readonly limit: number } | null = null;
  /** The person asked the kernel for this and has not got it yet. It is `queued` once that takes long. */
  wish: "stop" | Remedy | null = null;
  queued = false;
  /** The kernel died or was restarted: no more will come. */
  gone = false;

  readonly connection: Connection;

  #seq = 0;
  #unseen = false;
  #thinksSince: number | null = null;
  #tokenRate = new TokenRate();
  #questions: Questions;
  #wishTimer: ReturnType<typeof setTimeout> | undefined;
  #leave: () => void;
  #listeners = new Listeners();

  /**
   * @param initial    the `state` trait as it came with the model
   * @param sync       sends {"op": "sync"} to the kernel. It returns false if it cannot, and must not throw.
   * @param connection the connection to the kernel. Asks when it is back.
   */
  constructor(initial: unknown, sync: () => boolean, connection = new Connection()) {
    this.connection = connection;
    this.#questions = new Questions(sync, () => this.#changed());
    this.startedAt = this.#questions.heardAt;
    const state = parseState(initial);
    if (state) this.#apply(state);
    if (!this.over) this.#questions.ask();
    this.#leave = connection.subscribe(() => {
      if (connection.up && !this.#atRest) this.#questions.ask();
      this.#changed();
    });
  }

  get over(): boolean {
    return this.phase === "over";
  }

  get text(): string {
    return this.answer.text;
  }

  /** True once anything has come: text, reasoning, a refusal or a tool call. */
  get hasContent(): boolean {
    const { answer, reasoning, refusal, calls, steps, outputs } = this;
    return answer.length + reasoning.length + refusal.length + calls.length + steps.length + outputs.length > 0;
  }

  /** True while messages are known to be missing. */
  get lost(): boolean {
    return this.#questions.lost;
  }

  get busy(): boolean {
    return this.#questions.busy;
  }

  rate(now: number): Rate | null {
    return this.#tokenRate.rate(now);
  }

  subscribe(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  /** No view shows it. The kernel sends nothing then, and silence means nothing. */
  set unseen(unseen: boolean) {
    this.#unseen = unseen;
    this.#changed();
  }

  /** Takes the content of one custom message. */
  receive(content: unknown): void {
    const message = parseMessage(content);
    if (!message || (this.over && !this.kept)) return;
    if (message.op === "snapshot") {
      this.#snapshot(message.state);
      return;
    }
    if (message.seq <= this.#seq) return;
    this.#heard();
    // After the end, a further message means that the stream began again, and that its snapshot was lost.
    if (this.over || message.seq !== this.#seq + 1) this.#questions.lost = true;
    if (!this.lost) this.#step(message);
    this.#changed();
  }

  /** Takes the `state` trait, when it changed. */
  receiveState(value: unknown): void {
    const state = parseState(value);
    if (state && (!this.over || this.kept)) this.#snapshot(state);
  }

  /** Takes the state from a chat's news. They come in order, so only a state with a lower seq is stale. */
  replaceState(state: ViewState): void {
    if (state.seq < this.#seq) return;
    this.wish = null;
    this.#become(state);
  }

  /** Notes that the person's wish was sent to the kernel. */
  wished(wish: "stop" | Remedy): void {
    if (this.wish !== null) return;
    this.wish = wish;
    this.#wishTimer = setTimeout(() => {
      this.queued = true;
      this.#changed();
    }, WISH_PATIENCE_MS);
    this.#changed();
  }

  /** Notes that the kernel will not do what was wished. */
  refused(): void {
    this.wish = null;
    this.#changed();
  }

  /** Notes that the kernel died or was restarted. */
  kernelGone(): void {
    if ((this.over && !this.kept) || this.gone) return;
    this.gone = true;
    this.#changed();
  }

  dispose(): void {
    this.#leave();
    this.#listeners.clear();
    this.#questions.rest();
    clearTimeout(this.#wishTimer);
  }

  #step(message: Exclude<KernelMessage, SnapshotMessage>): void {
    this.#seq = message.seq;
    const now = this.#questions.heardAt;
    switch (message.op) {
      case "delta":
      case "reasoning":
      case "refusal": {
        const text = message.op === "delta" ? this.answer : this[message.op];
        this.#streaming(now);
        if (message.op === "reasoning") this.#thinksSince ??= now;
        else this.#thought(now);
        text.add(message.text);
        this.#tokenRate.add(now, message.deltas, message.text.length);
        break;
      }
      case "tool":
        this.#streaming(now);
        this.#thought(now);
        this.#tool(message);
        break;
      case "output":
        this.#streaming(now);
        this.outputs.push(message.output);
        break;
      case "asks":
        this.asks = message.asks;
        break;
      case "step":
        for (const output of this.outputs) output.at = 0; // what stood before it is in a fold
        this.steps.push({ text: this.text, calls: this.calls });
        this.answer.become("");
        this.calls = [];
        break;
      case "status":
        this.wait = null;
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
        this.spent = message.spent;
        this.missing = message.missing;
        break;
    }
  }

  #streaming(now: number): void {
    if (this.phase !== "streaming") this.detail = "";
    this.phase = "streaming";
    this.wait = null; // in the next silence the page asks anew
    this.retryAt = null;
    // If a snapshot brought content before, this delta is not the first.
    if (!this.hasContent) this.firstDelta ??= (now - this.startedAt) / 1000;
  }

  #thought(now: number): void {
    if (this.#thinksSince !== null) this.thoughtFor ??= (now - this.#thinksSince) / 1000;
  }

  #tool(message: ToolMessage): void {
    const call = this.#call(message.index);
    call.name = message.name ?? call.name;
    call.arguments.add(message.arguments);
  }

  #call(index: number): ToolCall {
    for (let i = this.calls.length; i <= index; i += 1) this.calls.push({ name: null, arguments: new GrowingText() });
    return this.calls[index] as ToolCall;
  }

  #snapshot(state: ViewState): void {
    if (state.seq < this.#seq) return;
    if (this.over && state.seq === this.#seq) {
      // The page asked after the wish, and this is the answer: the kernel never got the wish.
      if (this.queued) this.refused();
      return;
    }
    if (this.wish !== "stop") this.wish = null;
    this.#become(state);
  }

  #become(state: ViewState): void {
    this.#heard();
    this.#questions.answered();
    this.#apply(state);
    this.#changed();
  }

  #apply(state: ViewState): void {
    if (state.id !== this.id) {
      this.#tokenRate = new TokenRate();
      this.firstDelta = this.thoughtFor = this.#thinksSince = null;
    }
    this.answer.become(state.text);
    this.reasoning.become(state.reasoning);
    this.refusal.become(state.refusal);
    this.asks = state.asks;
    // The views of those that were shown stay.
    const same = state.id === this.id;
    this.outputs = state.outputs.map((output, index) => {
      const shown = same ? this.outputs[index] : undefined;
      if (!shown) return output;
      shown.at = output.at;
      return shown;
    });
    let known = true; // the views of such steps stay
    this.steps = state.steps.map(({ text, toolCalls }, index) => {
      const step = this.steps[index];
      known &&= step?.text === text && step.calls.length === toolCalls.length;
      return known && step ? step : { text, calls: toolCalls.map(callOf) };
    });
    this.calls.length = Math.min(this.calls.length, state.toolCalls.length);
    for (const [index, { name, arguments: whole }] of state.toolCalls.entries()) {
      const call = this.#call(index);
      call.name = name;
      call.arguments.become(whole);
    }
    this.#seq = state.seq;
    const heardAt = this.#questions.heardAt;
    this.wait = state.wait && {
      what: state.wait.what,
      since: heardAt - state.wait.seconds * 1000,
      limit: state.wait.limit,
    };
    if (state.phase !== "retrying") this.retryAt = null;
    else if (this.wait?.what === "retry") this.retryAt ??= this.wait.since + this.wait.limit * 1000;
    this.phase = state.phase;
    this.outcome = state.outcome;
    this.detail = state.detail;
    this.timing = state.timing;
    this.tokens = state.tokens;
    this.spent = state.spent;
    this.missing = state.missing;
    this.model = state.model;
    this.demo = state.demo;
    this.mark = state.mark;
    this.id = state.id;
    this.kept = state.kept;
    this.value = state.value;
    this.firstDelta = state.timing?.first_delta ?? this.firstDelta;
    this.startedAt = heardAt - state.elapsed * 1000;
  }

  /** Nothing more is to be asked for. */
  get #atRest(): boolean {
    return this.gone || this.#unseen || !this.connection.up || (this.over && !this.lost && !this.queued);
  }

  #heard(): void {
    this.#questions.heard();
    this.gone = false;
  }

  #changed(): void {
    if (this.wish !== null && (this.wish === "stop") === this.over) this.wish = null;
    if (this.wish === null) {
      this.queued = false;
      clearTimeout(this.#wishTimer);
    }
    if (this.#atRest) this.#questions.rest();
    else this.#questions.watch();
    this.#listeners.call();
  }
}
