// Messages from the kernel about a batch. Nothing of them is trusted until it passed a guard.

import { type Author, authorOf } from "../transcript/answered_by";
import {
  count,
  fields,
  isCount,
  line,
  type Phase,
  parseOutcome,
  phaseOf,
  positive,
  string,
} from "../transcript/guards";

export interface GridRow {
  readonly number: number;
  readonly id: string;
  /** The outcome of its answer, or `waiting`, `running`, `put back` or `not asked`. */
  readonly state: string;
  /** The beginning of its prompt. */
  readonly about: string;
  readonly text: string;
  /** What went wrong. Empty: nothing. */
  readonly error: string;
  /** Shown as a failure. */
  readonly bad: boolean;
  /** The answer is from the batch's file. */
  readonly reused: boolean;
  /** Seconds to the first text. */
  readonly first: number | null;
  readonly tokens: number | null;
  /** In words. Empty if it is not known. */
  readonly cost: string;
}

/** The `state` trait, and each message: all of the batch in numbers, and some of its rows. */
export interface GridMessage extends Author {
  readonly phase: Phase;
  readonly outcome: string | null;
  readonly detail: string;
  /** All of the batch in one line. */
  readonly line: string;
  /** How many rows there are. Null if nobody knows yet. */
  readonly total: number | null;
  /** How many rows were taken from their source. */
  readonly taken: number;
  readonly done: number;
  readonly failed: number;
  readonly rows: readonly GridRow[];
  readonly id: string;
}

const MOST_ROWS = 1000; // of one message

function rowsOf(value: unknown): GridRow[] {
  if (!Array.isArray(value)) return [];
  return value.slice(0, MOST_ROWS).flatMap((one) => {
    const raw = fields(one);
    if (!raw || !isCount(raw.row)) return [];
    return [
      {
        number: raw.row,
        id: line(raw.id),
        state: typeof raw.state === "string" && /^[a-z_ ]{1,40}$/.test(raw.state) ? raw.state : "waiting",
        about: line(raw.about),
        text: line(raw.text),
        error: line(raw.error),
        bad: raw.bad === true,
        reused: raw.reused === true,
        first: positive(raw.first),
        tokens: positive(raw.tokens),
        cost: line(raw.cost),
      },
    ];
  });
}

export function parseGrid(value: unknown): GridMessage | null {
  const raw = fields(value);
  const phase = phaseOf(raw?.phase);
  if (raw?.grid !== true || phase === null) return null;
  return {
    phase,
    outcome: phase === "over" ? parseOutcome(raw.outcome) : null,
    detail: line(raw.detail),
    line: line(raw.line),
    total: isCount(raw.total) ? raw.total : null,
    taken: count(raw.taken),
    done: count(raw.done),
    failed: count(raw.failed),
    rows: rowsOf(raw.rows),
    ...authorOf(raw),
    id: string(raw.id),
  };
}
