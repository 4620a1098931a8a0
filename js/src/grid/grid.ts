// What the page knows of one batch: all of it in numbers, and the rows in sight. The kernel sends a page only the rows
// that it has asked for. The others are forgotten, so that the page stays small.

import { Connection } from "../transcript/connection";
import { Questions } from "../transcript/questions";
import { type GridMessage, type GridRow, parseGrid } from "./messages";

const KEPT = 120; // rows

export class Grid {
  /** The newest message, but for its rows. */
  facts: GridMessage;
  /** The kernel died or was restarted. */
  gone = false;
  /** Stop was sent. */
  stopping = false;
  /** The rows that the page asks for begin here. Null: the newest ones. */
  first: number | null = null;

  readonly connection: Connection;

  #rows = new Map<number, GridRow>();
  #questions: Questions;
  #sync: (first: number | null) => boolean;
  #leave: () => void;
  #listeners = new Set<() => void>();

  /** `sync` asks the kernel for the rows from `first` on, and for their changes. It must not throw. */
  constructor(initial: unknown, sync: (first: number | null) => boolean, connection = new Connection()) {
    this.connection = connection;
    this.#sync = sync;
    this.#questions = new Questions(
      () => sync(this.first),
      () => {},
    );
    this.facts = parseGrid(initial) ?? (parseGrid({ grid: true, phase: "waiting" }) as GridMessage);
    this.#take(this.facts);
    if (!this.over) this.#questions.ask();
    this.#leave = connection.subscribe(() => {
      if (connection.up && !this.over && !this.gone) this.#questions.ask();
      this.#changed();
    });
  }

  get over(): boolean {
    return this.facts.phase === "over";
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
    this.#sync(first);
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Takes the content of one custom message, or the `state` trait when it changed. */
  receive(content: unknown): void {
    const message = parseGrid(content);
    if (!message || (this.over && message.phase !== "over")) return;
    this.#questions.heard();
    this.#questions.answered();
    this.gone = false;
    this.#take(message);
    this.#changed();
  }

  stopWished(): void {
    this.stopping = true;
    this.#changed();
  }

  kernelGone(): void {
    if (this.over || this.gone) return;
    this.gone = true;
    this.#changed();
  }

  dispose(): void {
    this.#leave();
    this.#listeners.clear();
    this.#questions.rest();
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

  #changed(): void {
    if (this.over || this.gone || !this.connection.up) this.#questions.rest();
    else this.#questions.watch();
    for (const listener of this.#listeners) listener();
  }
}
