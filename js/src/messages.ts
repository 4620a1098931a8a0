// The messages between page and kernel. Whatever comes from the kernel is untrusted until it passed a guard here:
// a guard gives a well-formed value or null, and never throws.

export type Phase = "waiting" | "streaming" | "retrying" | "over";

export interface Timing {
  /** Seconds from the request to the first delta; null when there was none. */
  readonly first_delta: number | null;
  /** Seconds from the request to the end. */
  readonly total: number;
  /** How many deltas came. */
  readonly deltas: number;
}

/** Everything about one view: the `state` trait, and the answer to `sync`. */
export interface ViewState {
  /** The sequence number of the last message that this state contains. */
  readonly seq: number;
  readonly phase: Phase;
  readonly text: string;
  /** How the stream ended; null while it runs. */
  readonly outcome: string | null;
  readonly detail: string;
  /** Seconds since the request. */
  readonly elapsed: number;
  readonly timing: Timing | null;
  readonly tokens: number | null;
  readonly model: string | null;
  readonly demo: boolean;
  readonly id: string;
}

export interface DeltaMessage {
  readonly op: "delta";
  readonly seq: number;
  readonly text: string;
  /** How many deltas the kernel joined into this message; null when it does not say. */
  readonly deltas: number | null;
}

export interface StatusMessage {
  readonly op: "status";
  readonly seq: number;
  readonly phase: Exclude<Phase, "over">;
  readonly detail: string;
  /** Seconds until the next attempt; only with phase "retrying". */
  readonly delay: number | null;
}

export interface EndMessage {
  readonly op: "end";
  readonly seq: number;
  readonly outcome: string;
  readonly detail: string;
  readonly timing: Timing | null;
  readonly tokens: number | null;
}

export interface SnapshotMessage {
  readonly op: "snapshot";
  readonly state: ViewState;
}

export type KernelMessage = DeltaMessage | StatusMessage | EndMessage | SnapshotMessage;

export type PageMessage = { readonly op: "sync"; readonly page: string } | { readonly op: "stop" };

const DETAIL_LIMIT = 500;

type Fields = Readonly<Record<string, unknown>>;

function fields(value: unknown): Fields | null {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : null;
}

function isSeq(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function positive(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : null;
}

function oneLine(value: unknown): string {
  return typeof value === "string" ? value.slice(0, DETAIL_LIMIT).replace(/\s+/g, " ").trim() : "";
}

function label(value: unknown): string | null {
  return oneLine(value) || null;
}

// An end whose outcome cannot be read is still an end: to drop it would leave the view running for ever.
function outcomeOf(value: unknown): string {
  return typeof value === "string" && /^[a-z_]{1,40}$/.test(value) ? value : "error";
}

function timingOf(value: unknown): Timing | null {
  const raw = fields(value);
  const total = positive(raw?.total);
  if (!raw || total === null) return null;
  return { first_delta: positive(raw.first_delta), total, deltas: positive(raw.deltas) ?? 0 };
}

/** The state in `value`, or null when it has no usable sequence number, phase or text. */
export function parseState(value: unknown): ViewState | null {
  const raw = fields(value);
  if (!raw || !isSeq(raw.seq) || typeof raw.text !== "string") return null;
  const phase = raw.phase;
  if (phase !== "waiting" && phase !== "streaming" && phase !== "retrying" && phase !== "over") return null;
  return {
    seq: raw.seq,
    phase,
    text: raw.text,
    outcome: phase === "over" ? outcomeOf(raw.outcome) : null,
    detail: oneLine(raw.detail),
    elapsed: positive(raw.elapsed) ?? 0,
    timing: timingOf(raw.timing),
    tokens: positive(raw.tokens),
    model: label(raw.model),
    demo: raw.demo === true,
    id: typeof raw.id === "string" ? raw.id : "",
  };
}

/** The message in `value`, or null when it is not one of ours. */
export function parseMessage(value: unknown): KernelMessage | null {
  const raw = fields(value);
  if (!raw) return null;
  if (raw.op === "snapshot") {
    const state = parseState(raw);
    return state && { op: "snapshot", state };
  }
  const seq = raw.seq;
  if (!isSeq(seq)) return null;
  switch (raw.op) {
    case "delta":
      return typeof raw.text === "string" ? { op: "delta", seq, text: raw.text, deltas: positive(raw.deltas) } : null;
    case "status": {
      const phase = raw.phase;
      if (phase !== "waiting" && phase !== "streaming" && phase !== "retrying") return null;
      return { op: "status", seq, phase, detail: oneLine(raw.detail), delay: positive(raw.delay) };
    }
    case "end":
      return {
        op: "end",
        seq,
        outcome: outcomeOf(raw.outcome),
        detail: oneLine(raw.detail),
        timing: timingOf(raw.timing),
        tokens: positive(raw.tokens),
      };
    default:
      return null;
  }
}
