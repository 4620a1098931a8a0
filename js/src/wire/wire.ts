// All rows of one wire that the page has. Rows have numbers. A page that misses rows asks for those after its last one,
// so that no row is lost and no row comes twice.

import { countCodePoints } from "../text/code_points";
import { firstBehind } from "../text/search";
import type { Connection } from "../transcript/connection";
import { Followed } from "../transcript/followed";
import type { Phase } from "../transcript/guards";
import { parseRows, type RowsMessage, type WireRow } from "./messages";

export interface Row extends WireRow {
  /** The part of the answer that came from this row, in UTF-16 units. (The kernel counts code points.) */
  readonly start: number;
  readonly end: number;
  /** Characters (code points) of the answer up to here. */
  readonly characters: number;
}

export class Wire extends Followed {
  readonly rows: Row[] = [];
  text = "";
  phase: Phase = "waiting";
  outcome: string | null = null;
  detail = "";
  model: string | null = null;
  demo = false;
  mark = "";
  id = "";

  #sync: (have: number) => boolean;

  /** `sync` asks the kernel for the rows after the first `have`. It must not throw. */
  constructor(initial: unknown, sync: (have: number) => boolean, connection?: Connection) {
    super(connection);
    this.#sync = sync;
    const state = parseRows(initial);
    if (state) this.#take(state);
    this.begin();
  }

  get over(): boolean {
    return this.phase === "over";
  }

  ask(): boolean {
    return this.#sync(this.rows.length);
  }

  receive(content: unknown): void {
    const message = parseRows(content);
    if (!message || this.over) return;
    this.questions.heard();
    this.gone = false;
    this.#take(message);
    this.changed();
  }

  /** The row that the character at `offset` of the text came from, or -1. */
  rowAt(offset: number): number {
    if (offset < 0 || offset >= this.text.length) return -1;
    return firstBehind(this.rows.length, (index) => (this.rows[index] as Row).end > offset);
  }

  #take(message: RowsMessage): void {
    const have = this.rows.length;
    this.questions.lost = message.seq > have;
    if (this.questions.lost) return;
    for (const row of message.rows.slice(have - message.seq)) this.#add(row);
    this.questions.answered();
    // The message describes the stream at `total` rows. With more rows here it is out of date.
    if (this.rows.length > message.total) return;
    if (message.phase !== "over" || this.rows.length === message.total) {
      this.phase = message.phase;
      this.outcome = message.outcome;
    }
    this.detail = message.detail;
    this.model = message.model;
    this.demo = message.demo;
    this.mark = message.mark;
    this.id = message.id;
  }

  #add(row: WireRow): void {
    const start = this.text.length;
    this.text += row.made;
    const before = this.rows.at(-1)?.characters ?? 0;
    this.rows.push({ ...row, start, end: this.text.length, characters: before + countCodePoints(row.made) });
  }
}
