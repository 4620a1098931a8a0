// Messages from the kernel about a wire. Nothing of them is trusted until it passed a guard.

import { type Author, authorOf } from "../transcript/answered_by";
import { count, fields, line, type Phase, parseOutcome, phaseOf, positive, string } from "../transcript/guards";

export interface WireRow {
  /** Seconds since the request. */
  readonly at: number;
  readonly kind: string;
  /** The text, cut where a chunk of the transport ended. */
  readonly pieces: readonly string[];
  /** How many characters were left out at the end of the text. */
  readonly more: number;
  /** The text of the answer that came from this row. */
  readonly made: string;
  /** The number of the request. 0 if the row is not a request. */
  readonly attempt: number;
}

/** The `state` trait, and each message: the rows from number `seq` on, and the state of the stream. */
export interface RowsMessage extends Author {
  readonly seq: number;
  readonly rows: readonly WireRow[];
  /** How many rows there were when the kernel sent this. */
  readonly total: number;
  readonly phase: Phase;
  readonly outcome: string | null;
  readonly detail: string;
  readonly id: string;
}

// A row that cannot be read is still a row. Without it all later rows would have the wrong number.
function rowOf(value: unknown): WireRow {
  const raw = fields(value) ?? {};
  const pieces = Array.isArray(raw.pieces) ? raw.pieces.filter((piece) => typeof piece === "string") : [];
  return {
    at: positive(raw.at) ?? 0,
    kind: typeof raw.kind === "string" && /^[a-z]{1,20}$/.test(raw.kind) ? raw.kind : "other",
    pieces,
    more: count(raw.more),
    made: string(raw.made),
    attempt: count(raw.attempt),
  };
}

export function parseRows(value: unknown): RowsMessage | null {
  const raw = fields(value);
  const phase = phaseOf(raw?.phase);
  if (raw?.wire !== true || !Array.isArray(raw.rows) || phase === null) return null;
  return {
    seq: count(raw.seq),
    rows: raw.rows.map(rowOf),
    total: count(raw.total),
    phase,
    outcome: phase === "over" ? parseOutcome(raw.outcome) : null,
    detail: line(raw.detail),
    ...authorOf(raw),
    id: line(raw.id),
  };
}
