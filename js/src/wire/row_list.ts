// The list of rows. Only the rows in sight are in the page.

import { make } from "../dom/elements";
import { lastAtMost } from "../text/search";
import { countLines, shownPieces } from "./row_text";
import type { Row, Wire } from "./wire";

const PROBE = 50; // characters in the text whose width is measured
const LABEL = 18; // characters of a row's time and kind, as in wire.css
const NARROW = 60; // characters: in a narrower row, time and kind stand above the text
const PAD = 7; // CSS pixels above, below and between rows, as in wire.css
const OVERSCAN = 4; // rows

let lists = 0;

export class RowList {
  readonly root = make("div", "streamwidget-wire-list");
  /** The newest row is in sight, and the list scrolls to the next one. */
  following = true;

  #wire: Wire;
  #sizer = make("div", "streamwidget-wire-rows");
  #probe = make("span", "streamwidget-wire-probe", "0".repeat(PROBE));
  #id: string;
  #made = new Map<number, HTMLElement>();
  #tops: number[] = [0]; // of the rows in CSS pixels, and the end of the last row
  #columns = 0;
  #lineHeight = 0;
  #ownScroll = -1;
  #lit = -1;

  constructor(wire: Wire, signal: AbortSignal, changed: () => void) {
    this.#wire = wire;
    lists += 1;
    this.#id = `streamwidget-wire-${lists}`;
    this.#sizer.role = "presentation";
    this.root.role = "listbox";
    this.root.tabIndex = 0;
    this.root.ariaLabel = "What came over the wire";
    this.#probe.ariaHidden = "true";
    // The probe stays in the page. Its size changes with the font, and the list's need not.
    this.root.append(this.#sizer, this.#probe);
    this.root.addEventListener("scroll", () => {
      const { scrollTop, clientHeight, scrollHeight } = this.root;
      if (Math.abs(scrollTop - this.#ownScroll) > 1) this.following = scrollTop + clientHeight >= scrollHeight - 4;
      changed();
    });
    const resized = new ResizeObserver(() => {
      if (this.#measure()) changed();
    });
    resized.observe(this.root);
    resized.observe(this.#probe);
    signal.addEventListener("abort", () => resized.disconnect(), { once: true });
  }

  /** The number of the row that holds an element of the list, or -1. */
  rowOf(target: EventTarget | null): number {
    const row = target instanceof Element ? target.closest<HTMLElement>("[data-row]") : null;
    return row && this.root.contains(row) ? Number(row.dataset.row) : -1;
  }

  /** Scrolls the list to a row. */
  reveal(index: number): void {
    const top = this.#tops[index] ?? 0;
    const bottom = this.#tops[index + 1] ?? top;
    const { scrollTop, clientHeight } = this.root;
    if (top < scrollTop) this.#scroll(top);
    else if (bottom > scrollTop + clientHeight) this.#scroll(Math.min(top, bottom - clientHeight));
  }

  /** Draws those of the first `shown` rows that are in sight. */
  paint(shown: number, lit: number, hold: boolean): void {
    if (this.#columns === 0 && !this.#measure()) return;
    for (let index = this.#tops.length - 1; index < shown; index += 1) {
      this.#tops.push((this.#tops[index] as number) + this.#heightOf(this.#wire.rows[index] as Row));
    }
    const height = `${this.#tops[shown]}px`;
    if (this.#sizer.style.height !== height) this.#sizer.style.height = height;
    if (this.following && !hold) this.#scroll((this.#tops[shown] as number) - this.root.clientHeight);
    const { scrollTop, clientHeight } = this.root;
    const first = Math.max(0, this.#indexAt(scrollTop, shown) - OVERSCAN);
    const last = Math.min(shown - 1, this.#indexAt(scrollTop + clientHeight, shown) + OVERSCAN);
    for (const [index, element] of this.#made) {
      if (index >= first && index <= last) continue;
      element.remove();
      this.#made.delete(index);
    }
    for (let index = first; index <= last; index += 1) {
      if (!this.#made.has(index)) this.#draw(index);
      (this.#made.get(index) as HTMLElement).ariaSetSize = String(shown);
    }
    this.#light(lit);
  }

  #light(lit: number): void {
    if (lit !== this.#lit) {
      const before = this.#made.get(this.#lit);
      if (before) before.ariaSelected = "false";
    }
    this.#lit = lit;
    const element = this.#made.get(lit);
    if (element) {
      element.ariaSelected = "true";
      this.root.setAttribute("aria-activedescendant", element.id);
    } else {
      this.root.removeAttribute("aria-activedescendant");
    }
  }

  #scroll(top: number): void {
    this.root.scrollTop = Math.max(0, top);
    this.#ownScroll = this.root.scrollTop;
  }

  // Measures the list, once it is in the page. Returns true if its rows must be drawn anew.
  #measure(): boolean {
    const { width, height } = this.#probe.getBoundingClientRect();
    if (width === 0) return false;
    const all = Math.floor((this.root.clientWidth - 16) / (width / PROBE));
    const narrow = all < NARROW;
    const columns = Math.max(10, narrow ? all : all - LABEL);
    if (columns === this.#columns && Math.abs(height - this.#lineHeight) < 0.01) return false;
    this.#columns = columns;
    this.#lineHeight = height;
    this.root.classList.toggle("streamwidget-wire-narrow", narrow);
    this.root.style.setProperty("--streamwidget-columns", String(columns));
    this.#tops = [0];
    for (const element of this.#made.values()) element.remove();
    this.#made.clear();
    return true;
  }

  #heightOf(row: Row): number {
    const lines = countLines(shownPieces(row).join(""), this.#columns);
    const label = this.root.classList.contains("streamwidget-wire-narrow") ? 1 : 0;
    return (lines + label) * this.#lineHeight + PAD;
  }

  #indexAt(y: number, shown: number): number {
    return Math.min(lastAtMost(this.#tops, y), Math.max(0, shown - 1));
  }

  #draw(index: number): void {
    const row = this.#wire.rows[index] as Row;
    const element = make("div", "streamwidget-wire-row");
    element.id = `${this.#id}-${index}`;
    element.role = "option";
    element.ariaSelected = "false";
    element.ariaPosInSet = String(index + 1);
    element.dataset.row = String(index);
    element.dataset.kind = row.kind;
    element.style.top = `${this.#tops[index]}px`;
    element.style.height = `${(this.#tops[index + 1] as number) - (this.#tops[index] as number)}px`;
    const raw = make("span", "streamwidget-wire-raw");
    for (const [number, piece] of shownPieces(row).entries()) {
      if (number > 0) raw.append(cutMark());
      raw.append(...marked(piece, row.made));
    }
    const kind = row.attempt > 1 ? `${row.kind} ${row.attempt}` : row.kind;
    element.append(
      make("span", "streamwidget-wire-at", `${row.at.toFixed(3)} `),
      make("span", "streamwidget-wire-kind", `${kind} `),
      raw,
    );
    this.#sizer.append(element);
    this.#made.set(index, element);
  }
}

function cutMark(): HTMLElement {
  const mark = make("span", "streamwidget-wire-cut");
  mark.title = "end of a chunk";
  return mark;
}

// Marks the text that the row made in the row itself: the last JSON value that is this text. For example, of the text `a`
// it marks the letter in `{"delta":{"content":"a"}}`.
function marked(piece: string, made: string): Node[] {
  const value = JSON.stringify(made);
  const start = piece.lastIndexOf(value) + 1;
  const end = start + value.length - 2;
  if (made === "" || start === 0 || !/: ?"$/.test(piece.slice(0, start))) return signed(piece);
  return [...signed(piece.slice(0, start)), make("b", "", piece.slice(start, end)), ...signed(piece.slice(end))];
}

function signed(text: string): Node[] {
  return text
    .split(/(↵)/)
    .filter((part) => part !== "")
    .map((part) => (part === "↵" ? make("span", "streamwidget-wire-end", part) : document.createTextNode(part)));
}
