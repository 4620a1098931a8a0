// The messages between page and kernel. Nothing from the kernel is trusted until it passed a guard (guards.ts).

import { type Author, authorOf } from "./answered_by";
import {
  type Fields,
  fields,
  isCount,
  label,
  line,
  type Phase,
  parseOutcome,
  phaseOf,
  positive,
  string,
} from "./guards";

export interface Timing {
  /** Seconds from the request to the first delta. Null if none came. */
  readonly first_delta: number | null;
  /** Seconds from the request to the end. */
  readonly total: number;
  /** How many deltas came. */
  readonly deltas: number;
  /** Seconds of reasoning. Null if there was none, or while it still comes. */
  readonly reasoning: number | null;
}

/** The figures of an answer, in the line under it. */
interface Figures {
  readonly timing: Timing | null;
  readonly tokens: number | null;
  /** What else is known of the tokens, and the cost. Empty: nothing. */
  readonly spent: string;
  /** What is missing in the answer. Empty: nothing. */
  readonly missing: string;
}

export interface ToolCallState {
  readonly name: string | null;
  readonly arguments: string;
}

/** A step of an agent that is over. */
interface StepState {
  readonly text: string;
  readonly toolCalls: readonly ToolCallState[];
}

/** A tool that waits until the person lets it run. */
export interface Ask {
  /** Goes back with the answer. */
  readonly key: string;
  readonly name: string;
  readonly arguments: string;
}

export type Decision = "once" | "always" | "refuse";

/** What a model yields beside text, in the formats of a notebook. */
export interface OutputState {
  /** Its place in the text, in UTF-16 units. */
  at: number;
  readonly data: Fields;
  readonly metadata: Fields;
  /** What was too large, in words. */
  readonly cut: string;
  /** An object of the kernel made it, not a file. */
  readonly trusted: boolean;
}

/** A limit that the stream waits under: its name (or "retry"), the seconds so far, and the seconds allowed. */
interface WaitState {
  readonly what: string;
  readonly seconds: number;
  readonly limit: number;
}

/** Everything about one view: the `state` trait, and the answer to `sync`. */
export interface ViewState extends Author, Figures {
  /** The sequence number of the last message in this state. */
  readonly seq: number;
  readonly phase: Phase;
  readonly text: string;
  readonly reasoning: string;
  readonly refusal: string;
  readonly toolCalls: readonly ToolCallState[];
  /** The steps before this one, whose texts and calls the other fields do not have. */
  readonly steps: readonly StepState[];
  readonly outputs: readonly OutputState[];
  readonly asks: readonly Ask[];
  /** How the stream ended. Null while it runs. */
  readonly outcome: string | null;
  readonly detail: string;
  /** Seconds since the request. */
  readonly elapsed: number;
  readonly wait: WaitState | null;
  readonly id: string;
  /** The view stays live after the end of the stream, so that the person can ask for more. */
  readonly kept: boolean;
  /** The answer was asked for as a value. `wraps`: an object with one field is around it. */
  readonly value: { readonly wraps: boolean } | null;
}

interface DeltaMessage {
  readonly op: "delta" | "reasoning" | "refusal";
  readonly seq: number;
  readonly text: string;
  /** How many deltas the kernel joined into this message. Null if it does not say. */
  readonly deltas: number | null;
}

export interface ToolMessage {
  readonly op: "tool";
  readonly seq: number;
  readonly index: number;
  readonly name: string | null;
  /** The next piece of the arguments. */
  readonly arguments: string;
}

interface OutputMessage {
  readonly op: "output";
  readonly seq: number;
  readonly output: OutputState;
}

/** The tools that wait for the person now. */
interface AsksMessage {
  readonly op: "asks";
  readonly seq: number;
  readonly asks: readonly Ask[];
}

/** The step is over. What comes now belongs to the next one. */
interface StepMessage {
  readonly op: "step";
  readonly seq: number;
}

interface StatusMessage {
  readonly op: "status";
  readonly seq: number;
  readonly phase: Exclude<Phase, "over">;
  readonly detail: string;
  /** Seconds until the next attempt, in the phase "retrying". */
  readonly delay: number | null;
}

interface EndMessage extends Figures {
  readonly op: "end";
  readonly seq: number;
  readonly outcome: string;
  readonly detail: string;
}

export interface SnapshotMessage {
  readonly op: "snapshot";
  readonly state: ViewState;
}

export type KernelMessage =
  | DeltaMessage
  | ToolMessage
  | OutputMessage
  | AsksMessage
  | StepMessage
  | StatusMessage
  | EndMessage
  | SnapshotMessage;

/** What the person can ask for after the end of an answer whose view is kept. */
export type Remedy = "retry" | "continue";

export type PageMessage =
  | {
      readonly op: "sync" | "saved" | "left";
      readonly page: string;
      readonly together?: boolean;
      readonly heard?: boolean;
    }
  | { readonly op: "confirm"; readonly key: string; readonly decision: Decision; readonly reason: string }
  | { readonly op: "stop" | Remedy };

/** Any message to the kernel. */
export interface OutgoingMessage {
  readonly op: string;
  readonly [field: string]: unknown;
}

const MOST_TOOL_CALLS = 1000;
const MOST_STEPS = 1000;

function timingOf(value: unknown): Timing | null {
  const raw = fields(value);
  const total = positive(raw?.total);
  if (!raw || total === null) return null;
  return {
    first_delta: positive(raw.first_delta),
    total,
    deltas: positive(raw.deltas) ?? 0,
    reasoning: positive(raw.reasoning),
  };
}

function figuresOf(raw: Fields): Figures {
  return {
    timing: timingOf(raw.timing),
    tokens: positive(raw.tokens),
    spent: line(raw.spent),
    missing: line(raw.missing),
  };
}

function waitOf(value: unknown): WaitState | null {
  const raw = fields(value);
  const seconds = positive(raw?.seconds);
  const limit = positive(raw?.limit);
  if (typeof raw?.for !== "string" || seconds === null || limit === null) return null;
  return { what: raw.for, seconds, limit };
}

function toolCallsOf(value: unknown): ToolCallState[] {
  if (!Array.isArray(value)) return [];
  return Array.from(value.slice(0, MOST_TOOL_CALLS), (call) => {
    const raw = fields(call);
    return { name: label(raw?.name), arguments: string(raw?.arguments) };
  });
}

function stepsOf(value: unknown): StepState[] {
  if (!Array.isArray(value)) return [];
  return Array.from(value.slice(0, MOST_STEPS), (step) => {
    const raw = fields(step);
    return { text: string(raw?.text), toolCalls: toolCallsOf(raw?.tool_calls) };
  });
}

function asksOf(value: unknown): Ask[] {
  if (!Array.isArray(value)) return [];
  return value.slice(0, MOST_TOOL_CALLS).flatMap((ask) => {
    const raw = fields(ask);
    const key = raw?.key;
    return typeof key === "string" ? [{ key, name: string(raw?.name), arguments: string(raw?.arguments) }] : [];
  });
}

function outputOf(value: unknown): OutputState[] {
  const raw = fields(value);
  const data = fields(raw?.data);
  if (!raw || !data || !isCount(raw.at)) return [];
  const { at, trusted } = raw;
  return [{ at, data, metadata: fields(raw.metadata) ?? {}, cut: line(raw.cut), trusted: trusted === true }];
}

/** The state in `value`. Null if its sequence number, phase or text cannot be used. */
export function parseState(value: unknown): ViewState | null {
  const raw = fields(value);
  if (!raw || !isCount(raw.seq) || typeof raw.text !== "string") return null;
  const phase = phaseOf(raw.phase);
  if (phase === null) return null;
  return {
    seq: raw.seq,
    phase,
    text: raw.text,
    reasoning: string(raw.reasoning),
    refusal: string(raw.refusal),
    toolCalls: toolCallsOf(raw.tool_calls),
    steps: stepsOf(raw.steps),
    outputs: Array.isArray(raw.outputs) ? raw.outputs.flatMap(outputOf) : [],
    asks: asksOf(raw.asks),
    outcome: phase === "over" ? parseOutcome(raw.outcome) : null,
    detail: line(raw.detail),
    elapsed: positive(raw.elapsed) ?? 0,
    wait: waitOf(raw.waits),
    ...figuresOf(raw),
    ...authorOf(raw),
    id: string(raw.id),
    kept: raw.kept === true,
    value: fields(raw.value) && { wraps: fields(raw.value)?.wraps === true },
  };
}

/** The message in `value`. Null if it is not one of ours. */
export function parseMessage(value: unknown): KernelMessage | null {
  const raw = fields(value);
  if (!raw) return null;
  if (raw.op === "snapshot") {
    const state = parseState(raw);
    return state && { op: "snapshot", state };
  }
  const seq = raw.seq;
  if (!isCount(seq)) return null;
  switch (raw.op) {
    case "delta":
    case "reasoning":
    case "refusal":
      return typeof raw.text === "string" ? { op: raw.op, seq, text: raw.text, deltas: positive(raw.deltas) } : null;
    case "tool": {
      const index = raw.index;
      if (!isCount(index) || index >= MOST_TOOL_CALLS || typeof raw.arguments !== "string") return null;
      return { op: "tool", seq, index, name: label(raw.name), arguments: raw.arguments };
    }
    case "output": {
      const [output] = outputOf(raw);
      return output ? { op: "output", seq, output } : null;
    }
    case "asks":
      return { op: "asks", seq, asks: asksOf(raw.asks) };
    case "step":
      return { op: "step", seq };
    case "status": {
      const phase = phaseOf(raw.phase);
      if (phase === null || phase === "over") return null;
      return { op: "status", seq, phase, detail: line(raw.detail), delay: positive(raw.delay) };
    }
    case "end":
      return {
        op: "end",
        seq,
        outcome: parseOutcome(raw.outcome),
        detail: line(raw.detail),
        ...figuresOf(raw),
      };
    default:
      return null;
  }
}
