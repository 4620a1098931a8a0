// What the kernel says of a wire. It is untrusted until it passed the guard here, which gives a well-formed value or
// null, and never throws.

import type { Phase } from "../transcript/messages";

export interface WireRow {
  /** Seconds since the request. */
  readonly at: number;
  readonly kind: string;
  /** The text, cut where a chunk of the transport ended. */
  readonly pieces: readonly string[];
  /** Characters that are left out at the end of the text. */
  readonly more: number;
  /** The characters of the answer that it made. */
  readonly made: string;
  /** Which request it is; 0 for a row that is none. */
  readonly attempt: number;
}

/** Rows, from the row `seq` on, and how the stream stands: the `state` trait, and each message. */
export interface RowsMessage {
  readonly seq: number;
  readonly rows: readonly WireRow[];
  /** How many rows there were when this was said. */
  readonly total: number;
  readonly phase: Phase;
  readonly outcome: string | null;
  readonly detail: string;
  readonly model: string | null;
  readonly demo: boolean;
  readonly id: string;
}

const PHASES = new Set<unknown>(["waiting", "streaming", "retrying", "over"]);
const LINE_LIMIT = 2400; // UTF-16 units

type Fields = Readonly<Record<string, unknown>>;

function fields(value: unknown): Fields | null {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : null;
}

function count(value: unknown): number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : 0;
}

function line(value: unknown): string {
  return typeof value === "string" ? value.slice(0, LINE_LIMIT) : "";
}

// A row that cannot be read is still a row: without it all that follow would have the wrong number.
function rowOf(value: unknown): WireRow {
  const raw = fields(value) ?? {};
  const pieces = Array.isArray(raw.pieces) ? raw.pieces.filter((piece) => typeof piece === "string") : [];
  return {
    at: typeof raw.at === "number" && Number.isFinite(raw.at) && raw.at >= 0 ? raw.at : 0,
    kind: typeof raw.kind === "string" && /^[a-z]{1,20}$/.test(raw.kind) ? raw.kind : "other",
    pieces,
    more: count(raw.more),
    made: typeof raw.made === "string" ? raw.made : "",
    attempt: count(raw.attempt),
  };
}

export function parseRows(value: unknown): RowsMessage | null {
  const raw = fields(value);
  if (raw?.wire !== true || !Array.isArray(raw.rows) || !PHASES.has(raw.phase)) return null;
  return {
    seq: count(raw.seq),
    rows: raw.rows.map(rowOf),
    total: count(raw.total),
    phase: raw.phase as Phase,
    outcome: typeof raw.outcome === "string" && /^[a-z_]{1,40}$/.test(raw.outcome) ? raw.outcome : null,
    detail: line(raw.detail),
    model: line(raw.model).trim() || null,
    demo: raw.demo === true,
    id: line(raw.id),
  };
}
