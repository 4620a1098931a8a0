// A long table that is still being written. When a row is added, a browser lays out all rows of the table anew: with
// 1,200 rows that takes 10 ms a frame. So each row of a long table is laid out as a table of its own (answer/answer.css). Its
// columns have the widths that they had when all rows were last laid out together. That is done again when a taller
// row came or the page changed its width, but not before the table has grown by a twentieth. When the table is
// finished it is laid out as one table.

const LONG = 32; // rows
const GROWTH = 1.05;
const COLUMNS = 16; // the style sheet has widths for so many. A table with more stays as it is
const NAME = "streamwidget-long";

export class LongTable {
  #table: HTMLElement;
  #rows: HTMLCollection;
  #seen = 0; // rows whose height is known
  #tallest = 0; // CSS pixels
  #laidOut = 0; // how many rows were last laid out together
  #isStale = true;
  #room = 0; // CSS pixels
  #sizes: ResizeObserver | null = null;

  constructor(table: HTMLElement, body: HTMLElement) {
    this.#table = table;
    this.#rows = body.children;
  }

  /** Call it when rows have come. */
  grow(): void {
    if (this.#isStale && this.#rows.length >= Math.max(LONG, GROWTH * this.#laidOut)) this.#layOut();
  }

  /** Lets the table be laid out as one again. */
  release(): void {
    this.#sizes?.disconnect();
    this.#sizes = null;
    if (this.#table.classList.contains(NAME)) this.#join();
  }

  #join(): void {
    this.#table.removeAttribute("class");
    this.#table.removeAttribute("style");
  }

  #layOut(): void {
    this.release();
    // The table is as wide as its row. Its box may be wider, because it scrolls (answer/answer.css).
    const row = this.#table.querySelector("tr") as Element;
    const [width, ...columns] = [row, ...row.children].map(widthOf);
    if (!width || columns.length > COLUMNS || !this.#table.parentElement) return; // it is not in the page, or not shown
    this.#isStale = false;
    this.#laidOut = this.#rows.length;
    this.#seen = 0;
    this.#tallest = 0;
    this.#look((height) => {
      this.#tallest = Math.max(this.#tallest, height);
    });
    this.#room = this.#table.parentElement.clientWidth;
    this.#table.className = NAME;
    const widths = columns.map((column, index) => `--streamwidget-column-${index + 1}:${column}px`);
    this.#table.setAttribute("style", [`width:${width}px`, ...widths].join(";"));
    this.#sizes = new ResizeObserver(() => this.#resized());
    this.#sizes.observe(this.#table);
    this.#sizes.observe(this.#table.parentElement);
  }

  // Called after layout.
  #resized(): void {
    if (this.#table.parentElement?.clientWidth !== this.#room) {
      this.#isStale = true;
      this.#laidOut = 0;
    }
    this.#look((height) => {
      this.#isStale ||= height > this.#tallest;
    });
  }

  // Without the last row, which may not be complete.
  #look(at: (height: number) => void): void {
    for (; this.#seen < this.#rows.length - 1; this.#seen += 1)
      at((this.#rows[this.#seen] as HTMLElement).offsetHeight);
  }
}

// In 64ths of a pixel, as Chromium lays out. It reports fewer digits, and a cell that is narrower by one 64th may
// break its line elsewhere.
function widthOf(element: Element): number {
  return Math.round(Number.parseFloat(getComputedStyle(element).width) * 64) / 64;
}
