// What the page knows of one batch: all of it in numbers, and the rows in sight. The kernel sends a page only the rows
// that it has asked for. The others are forgotten, so that the page stays small.

import type { Connection } from "../transcript/connection";
import { Followed } from "../transcript/followed";
import { type GridMessage, type GridRow, parseGrid } from "./messages";

const KEPT = 120; // rows

export class Grid extends Followed {
  /** The newest message, but for its rows. */
  facts: GridMessage;
  /** The rows that the page asks for begin here. Null: the newest ones. */
  first: number | null = null;

  #rows = new Map<number, GridRow>();
  #sync: (first: number | null) => boolean;

  /** `sync` asks the kernel for the rows from `first` on, and for their changes. It must not throw. */
  constructor(initial: unknown, sync: (first: number | null) => boolean, connection?: Connection) {
    super(connection);
    this.#sync = sync;
    this.facts = parseGrid(initial) ?? (parseGrid({ grid: true, phase: "waiting" }) as GridMessage);
    this.#take(this.facts);
    this.begin();
  }

  get id(): string {
    return this.facts.id;
  }

  get over(): boolean {
    return this.facts.phase === "over";
  }

  ask(): boolean {
    return this.#sync(this.first);
  }

  /** How many rows there are, as far as it is known. */
  get length(): number {
    return Math.max(this.facts.total ?? 0, this.facts.taken);
  }

  row(number: number): GridRow | undefined {
    return this.#rows.get(number);
  }

  /** The rows that are here, in their order. */
  get rows(): GridRow[] {
    return [...this.#rows.values()].sort((a, b) => a.number - b.number);
  }

  /** Asks for the rows from `first` on. Null: for the newest ones. */
  look(first: number | null): void {
    this.first = first;
    this.ask();
  }

  receive(content: unknown): void {
    const message = parseGrid(content);
    if (!message || (this.over && message.phase !== "over")) return;
    this.questions.heard();
    this.questions.answered();
    this.gone = false;
    this.#take(message);
    this.changed();
  }

  #take(message: GridMessage): void {
    this.facts = { ...message, rows: [] };
    for (const row of message.rows) {
      this.#rows.delete(row.number);
      this.#rows.set(row.number, row);
    }
    // The oldest news go first. Those of the rows in sight are the newest, or were asked for last.
    for (const number of this.#rows.keys()) {
      if (this.#rows.size <= KEPT) break;
      this.#rows.delete(number);
    }
  }
}
