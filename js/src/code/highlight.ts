// Colours code with the CSS Custom Highlight API, which leaves the DOM alone. No node is made or changed, so selections
// stay.
//
// Chromium looks at every range of the page again in each frame in which anything in the page changed (5-9 us a range,
// measured on 156). So only the lines on the screen have ranges, and a page has at most RANGES of them. They are
// StaticRanges, because a live Range costs time with each change of the DOM. Everything is measured after layout is
// done.

import { canHighlight, sharedHighlight } from "../dom/highlights";
import { ElementColours } from "./elements";
import { type Emit, type Language, languageOf } from "./languages";
import { Lines } from "./lines";
import { canObserve, unwatch, watch } from "./on_screen";

const RANGES = 300;
const MARGIN = 2; // lines beyond the edge of the screen. The frame after a scroll adds the rest

type Shown = readonly [Highlight, StaticRange];

let count = 0; // of ranges in the page
let probe: Range | undefined; // one for all blocks, because a live Range costs time until it is collected

export interface Coloured {
  /** The text of the block changed. */
  update(): void;
  dispose(): void;
}

/** Colours `code`, a code element in a pre, while it is on the screen. Null if the page or the language cannot. */
export function highlightCode(code: HTMLElement, language: string): Coloured | null {
  const known = canObserve ? languageOf(language) : undefined;
  if (!known) return null;
  return canHighlight ? new Block(code, known) : new ElementColours(code, known);
}

class Block implements Coloured {
  #frame: HTMLElement;
  #lines: Lines;
  #shown = new Map<number, Shown[]>();
  #first = 0; // lines on the screen
  #last = -1;
  #isVisible = false;
  #isStale = true;

  constructor(code: HTMLElement, language: Language) {
    this.#lines = new Lines(code, language);
    this.#frame = code.parentElement ?? code;
    watch(this.#frame, this.#measure);
  }

  update(): void {
    this.#isStale = true;
    // The new lines may be on the screen too. `measure` knows after layout.
    if (this.#isVisible && this.#read()) this.#show();
  }

  dispose(): void {
    unwatch(this.#frame, this.#measure);
    this.#hide();
  }

  /** The block came onto the screen, left it, or moved. */
  #measure = (isVisible: boolean): void => {
    this.#isVisible = isVisible;
    if (!isVisible) {
      this.#hide();
      return;
    }
    if (!this.#read()) return;
    this.#first = this.#lastAbove(0, this.#first);
    this.#last = this.#lastAbove(window.innerHeight, this.#last);
    probe?.setStart(document, 0);
    probe?.collapse(true);
    this.#show();
  };

  // Reads the new text. Returns false if it is too long.
  #read(): boolean {
    if (this.#isStale && !this.#lines.isTooLong) {
      this.#isStale = false;
      this.#hide(this.#lines.read()); // because ranges in changed lines are void
      if (this.#lines.isTooLong) this.#hide();
    }
    return !this.#lines.isTooLong;
  }

  // The last line that begins above `edge` (from the top of the screen), or 0. Mostly it is the same as `before`.
  #lastAbove(edge: number, before: number): number {
    let low = 0;
    let high = this.#lines.count - 1;
    let middle = Math.min(Math.max(1, before), high);
    while (low < high) {
      if (this.#top(middle) >= edge) high = middle - 1;
      else if (middle === high || (middle === before && this.#top(middle + 1) >= edge)) return middle;
      else low = middle;
      middle = (low + high + 1) >> 1;
    }
    return low;
  }

  #top(line: number): number {
    // The bottom of the line break before it. The last line may have no other character.
    const [node, at] = this.#lines.locate(this.#lines.start(line) - 1);
    probe ??= document.createRange();
    probe.setStart(node, at);
    probe.setEnd(node, at + 1);
    return probe.getBoundingClientRect().bottom;
  }

  #show(): void {
    const from = Math.max(0, this.#first - MARGIN);
    const to = Math.min(this.#last + MARGIN, this.#lines.count - 1);
    for (const line of this.#shown.keys()) if (line < from || line > to) this.#hideLine(line);
    for (let line = from; line <= to; line += 1) {
      if (!this.#shown.has(line)) this.#colour(line);
    }
  }

  // Colours the whole line. If the page has too many ranges it colours nothing, and the next measure tries again.
  #colour(line: number): void {
    const start = this.#lines.start(line);
    const tokens: Parameters<Emit>[] = [];
    this.#lines.scan(line, (...token) => tokens.push(token));
    if (count + tokens.length > RANGES) return;
    count += tokens.length;
    const shown = tokens.map(([kind, from, to]): Shown => {
      const [startContainer, startOffset] = this.#lines.locate(start + from);
      const [endContainer, before] = this.#lines.locate(start + to - 1);
      const range = new StaticRange({ startContainer, startOffset, endContainer, endOffset: before + 1 });
      const highlight = sharedHighlight(`streamwidget-${kind}`);
      highlight.add(range);
      return [highlight, range];
    });
    this.#shown.set(line, shown);
  }

  #hide(from = 0): void {
    for (const line of this.#shown.keys()) if (line >= from) this.#hideLine(line);
  }

  #hideLine(line: number): void {
    for (const [highlight, range] of this.#shown.get(line) ?? []) {
      highlight.delete(range);
      count -= 1;
    }
    this.#shown.delete(line);
  }
}
