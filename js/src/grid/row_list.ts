// The list of rows. Only those in sight are in the page, each as one line of a fixed height.

import { make, makeButton, setHidden, setText } from "../dom/elements";
import { outcomeOf } from "../transcript/outcomes";
import type { Grid } from "./grid";
import type { GridRow } from "./messages";

const HEIGHT = 26; // CSS pixels of a row, as in grid.css
const OVERSCAN = 4; // rows
const WINDOW = 40; // rows that the kernel sends, as in streamwidget/_view/grid/feed.py
const AHEAD = 12; // rows before those in sight that the page asks for
const MOST = 300_000; // rows: a browser draws no taller box
const OWN = new Set(["waiting", "running", "put back", "not asked"]);
const COLUMNS = ["Row", "State", "Prompt", "Answer", "First", "Tokens", "Cost", "Stop"];

class Line {
  readonly root = make("div", "streamwidget-grid-row");
  readonly stop: HTMLButtonElement;
  #cells = COLUMNS.map(() => make("span", "streamwidget-grid-cell"));

  constructor(number: number, stop: (number: number) => void) {
    this.root.role = "row";
    this.root.ariaRowIndex = String(number + 2); // the head is the first one
    this.root.style.top = `${number * HEIGHT}px`;
    for (const cell of this.#cells) cell.role = "cell";
    this.stop = makeButton("streamwidget-grid-stop", "Stop", () => stop(number));
    this.stop.ariaLabel = `Stop row ${number}`;
    this.#cells.at(-1)?.append(this.stop);
    this.root.append(...this.#cells);
  }

  paint(number: number, row: GridRow | undefined, active: boolean): void {
    const state = row?.state ?? "waiting";
    const words = [
      row?.id ?? String(number),
      stateOf(row),
      row?.about ?? "",
      row ? said(row) : "",
      typeof row?.first === "number" ? `${row.first.toFixed(2)} s` : "",
      typeof row?.tokens === "number" ? row.tokens.toLocaleString("en") : "",
      row?.cost ?? "",
    ];
    for (const [index, word] of words.entries()) {
      const cell = this.#cells[index] as HTMLElement;
      setText(cell, word);
      if (index === 2 || index === 3) cell.title = word;
    }
    this.root.dataset.state = row?.bad ? "bad" : state === "complete" ? "good" : state;
    setHidden(this.stop, !(active && (state === "running" || state === "put back")));
  }
}

/** The state of a row in one or two words. streamwidget/_saved/grid.py has the same. */
export function stateOf(row: GridRow | undefined): string {
  if (!row) return "waiting";
  if (row.state === "complete" && row.bad) return "not valid";
  if (row.reused) return "from the file";
  return OWN.has(row.state) ? row.state : outcomeOf(row.state).state;
}

/** What a row says: its answer, or why there is none. */
export function said(row: GridRow): string {
  return row.bad ? row.error : row.text || row.error;
}

export class RowList {
  readonly root = make("div", "streamwidget-grid-list");
  /** The newest row is in sight, and the list scrolls to the next one. */
  following = true;

  #grid: Grid;
  #stop: (number: number) => void;
  #head = make("div", "streamwidget-grid-row streamwidget-grid-head");
  #sizer = make("div", "streamwidget-grid-rows");
  #lines = new Map<number, Line>();
  #ownScroll = 0;
  #asked = -1; // the first row that the page has asked for

  constructor(grid: Grid, stop: (number: number) => void, changed: () => void, signal: AbortSignal) {
    this.#grid = grid;
    this.#stop = stop;
    this.root.role = "table";
    this.root.tabIndex = 0;
    this.root.ariaLabel = "Rows";
    this.#head.role = "row";
    this.#head.ariaRowIndex = "1";
    for (const name of COLUMNS) {
      const cell = make("span", "streamwidget-grid-cell", name);
      cell.role = "columnheader";
      this.#head.append(cell);
    }
    this.#sizer.role = "rowgroup";
    this.root.append(this.#head, this.#sizer);
    this.root.addEventListener("scroll", () => {
      if (Math.abs(this.root.scrollTop - this.#ownScroll) > 1) this.following = this.#isAtNewest();
      changed();
    });
    const resized = new ResizeObserver(changed);
    resized.observe(this.root);
    signal.addEventListener("abort", () => resized.disconnect(), { once: true });
  }

  /** Draws the rows in sight. A person who points at a row, or has a button of one focused, is not scrolled away. */
  paint(): void {
    const { facts } = this.#grid;
    const length = Math.min(this.#grid.length, MOST);
    const height = `${length * HEIGHT}px`;
    if (this.#sizer.style.height !== height) this.#sizer.style.height = height;
    this.root.ariaRowCount = String(this.#grid.length + 1);
    const inside = this.root.clientHeight - this.#head.offsetHeight;
    if (inside <= 0) return;
    const follows = this.following && !this.#isHeld();
    if (follows) this.#scroll(Math.min(facts.taken, MOST) * HEIGHT - inside);
    const first = Math.max(0, Math.floor(this.root.scrollTop / HEIGHT) - OVERSCAN);
    const last = Math.min(length - 1, Math.ceil((this.root.scrollTop + inside) / HEIGHT) + OVERSCAN);
    for (const [number, line] of this.#lines) {
      if ((number >= first && number <= last) || line.root.contains(document.activeElement)) continue;
      line.root.remove();
      this.#lines.delete(number);
    }
    for (let number = first; number <= last; number += 1) {
      let line = this.#lines.get(number);
      if (!line) {
        line = new Line(number, this.#stop);
        this.#lines.set(number, line);
        this.#place(number, line);
      }
      line.paint(number, this.#grid.row(number), !this.#grid.over && !this.#grid.gone);
    }
    this.#ask(first, last, follows);
  }

  // Rows stand in the order of their numbers, for the people who go through them by keyboard or hear them.
  #place(number: number, line: Line): void {
    let after: number | null = null;
    for (const other of this.#lines.keys()) if (other > number && (after === null || other < after)) after = other;
    this.#sizer.insertBefore(line.root, after === null ? null : (this.#lines.get(after) as Line).root);
  }

  #ask(first: number, last: number, follows: boolean): void {
    if (this.#grid.gone || last < 0) return;
    const taken = Math.min(last, this.#grid.facts.taken - 1);
    if (follows) {
      if (this.#grid.first !== null) this.#grid.look(null);
      this.#asked = -1;
      return;
    }
    const has = (number: number) => number > taken || this.#grid.row(number) !== undefined;
    const inside = this.#asked >= 0 && first >= this.#asked && last < this.#asked + WINDOW;
    if (inside && has(first) && has(taken)) return;
    const wanted = Math.max(0, first - AHEAD);
    if (wanted === this.#asked) return; // it was asked, and the answer is on its way
    this.#asked = wanted;
    this.#grid.look(wanted);
  }

  #isHeld(): boolean {
    return (
      this.root.matches(":hover") ||
      (this.root.contains(document.activeElement) && this.root !== document.activeElement)
    );
  }

  #isAtNewest(): boolean {
    const { scrollTop, clientHeight } = this.root;
    const end = Math.min(this.#grid.facts.taken, MOST) * HEIGHT;
    return scrollTop < end && scrollTop + clientHeight - this.#head.offsetHeight >= end - HEIGHT / 2;
  }

  #scroll(top: number): void {
    this.root.scrollTop = Math.max(0, top);
    this.#ownScroll = this.root.scrollTop;
  }
}
