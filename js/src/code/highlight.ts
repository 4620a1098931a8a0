// Colours for code that leave the DOM alone: CSS Custom Highlight API. No node is made or changed, so a selection, and
// whatever else holds on to the text, stays.
//
// Chromium looks at every range of the page again in each frame in which anything in the page changed (5-9 us a range,
// measured on 156). So only the lines on the screen have ranges, a page has at most RANGES of them, and they are
// StaticRanges: a live Range costs each change of the DOM besides. Everything is measured where layout is done already:
// in the callbacks of observers, and in the frame after a scroll.

import { type Kind, type Language, languageOf, type State, scanLine } from "./languages";

const RANGES = 300;
const BLOCK = 50_000; // UTF-16 units; a longer block is left plain
const LINE = 1000; // a longer line is left plain
const MARGIN = 2; // lines beyond the edge of the screen; after a scroll the next frame has the rest

type Shown = readonly [Highlight, StaticRange];

export const supported = typeof CSS !== "undefined" && "highlights" in CSS && typeof StaticRange === "function";

let count = 0; // of ranges in the page

// By name, and not in a variable of this module: two versions of the bundle in one page share them.
function highlightOf(kind: Kind): Highlight {
  const name = `streamwidget-${kind}`;
  let found = CSS.highlights.get(name);
  if (!found) {
    found = new Highlight();
    CSS.highlights.set(name, found);
  }
  return found;
}

export interface Coloured {
  /** The text of the block changed. */
  update(): void;
  dispose(): void;
}

/** Colours `code`, a code element in a pre, while it is on the screen; null where the page or the language cannot. */
export function highlightCode(code: HTMLElement, language: string): Coloured | null {
  const known = supported ? languageOf(language) : undefined;
  return known ? new Block(code, known) : null;
}

class Block implements Coloured {
  readonly frame: HTMLElement;
  #code: HTMLElement;
  #language: Language;
  #text = "";
  #nodes: Text[] = [];
  #offsets: number[] = []; // of each node in the text
  #lines = [0]; // the offset of each line, and the state at its start
  #states: State[] = [""];
  #shown = new Map<number, Shown[]>();
  #first = 0; // lines on the screen
  #last = -1;
  #visible = false;
  #stale = true;
  #plain = false;

  constructor(code: HTMLElement, language: Language) {
    this.#code = code;
    this.#language = language;
    this.frame = code.parentElement ?? code;
    watch(this);
  }

  update(): void {
    this.#stale = true;
    if (!this.#visible || this.#plain) return;
    // The new lines may be on the screen too; once layout is done, `measure` knows.
    if (this.#read()) this.#show(this.#first, this.#last);
  }

  dispose(): void {
    unwatch(this);
    this.#clear();
  }

  /** The block came onto the screen, left it, or moved. Called where layout is done. */
  measure(visible: boolean): void {
    this.#visible = visible;
    if (!visible) {
      this.#clear();
      return;
    }
    if (this.#plain || (this.#stale && !this.#read())) return;
    const first = this.#search((top) => top < 0);
    const last = this.#search((top) => top < window.innerHeight);
    probe?.setStart(document, 0);
    probe?.collapse(true);
    this.#show(Math.max(0, first - MARGIN), last + MARGIN);
  }

  // Takes in what the text has become; false if it is too long.
  #read(): boolean {
    this.#stale = false;
    const nodes: Text[] = [];
    const offsets: number[] = [];
    let text = "";
    const walker = document.createTreeWalker(this.#code, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      nodes.push(node as Text);
      offsets.push(text.length);
      text += (node as Text).data;
      if (text.length > BLOCK) {
        this.#plain = true;
        this.#clear();
        return false;
      }
    }
    // Ranges in a node that is gone, or that begins elsewhere, are void.
    if (this.#nodes.some((node, index) => node !== nodes[index] || this.#offsets[index] !== offsets[index]))
      this.#clear();
    this.#nodes = nodes;
    this.#offsets = offsets;
    if (!text.startsWith(this.#text)) {
      this.#clear();
      this.#lines = [0];
      this.#states = [""];
    }
    this.#text = text;
    let line = this.#lines.length - 1;
    this.#hide(line); // it may have grown
    for (let end = text.indexOf("\n", this.#lines[line]); end >= 0; end = text.indexOf("\n", end + 1)) {
      this.#states.push(this.#scan(line, end));
      this.#lines.push(end + 1);
      line += 1;
    }
    return true;
  }

  #scan(line: number, end: number, emit: (kind: Kind, from: number, to: number) => void = () => {}): State {
    const start = this.#lines[line] as number;
    const state = this.#states[line] as State;
    return end - start > LINE ? state : scanLine(this.#language, this.#text.slice(start, end), state, emit);
  }

  // The last line whose top (from that of the screen) satisfies `is`; 0 if none does.
  #search(is: (top: number) => boolean): number {
    let low = 0;
    let high = this.#lines.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (is(this.#top(middle))) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #top(line: number): number {
    const offset = this.#lines[line] as number;
    // The line break before it: there is always one, and in the last line there may be nothing else.
    const [node, at] = this.#place(offset - 1);
    probe ??= document.createRange();
    probe.setStart(node, at);
    probe.setEnd(node, at + 1);
    return probe.getBoundingClientRect().bottom;
  }

  #place(offset: number): [Text, number] {
    let low = 0;
    let high = this.#offsets.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#offsets[middle] as number) <= offset) low = middle;
      else high = middle - 1;
    }
    return [this.#nodes[low] as Text, offset - (this.#offsets[low] as number)];
  }

  #show(first: number, last: number): void {
    this.#first = first;
    this.#last = last;
    for (const line of this.#shown.keys()) if (line < first || line > last) this.#hide(line);
    for (let line = first; line <= Math.min(last, this.#lines.length - 1); line += 1) {
      if (this.#shown.has(line)) continue;
      const start = this.#lines[line] as number;
      const shown: Shown[] = [];
      this.#scan(line, (this.#lines[line + 1] ?? this.#text.length + 1) - 1, (kind, from, to) => {
        if (count >= RANGES) return;
        const [startContainer, startOffset] = this.#place(start + from);
        const [endContainer, before] = this.#place(start + to - 1);
        const range = new StaticRange({ startContainer, startOffset, endContainer, endOffset: before + 1 });
        const highlight = highlightOf(kind);
        highlight.add(range);
        count += 1;
        shown.push([highlight, range]);
      });
      this.#shown.set(line, shown);
    }
  }

  #hide(line: number): void {
    for (const [highlight, range] of this.#shown.get(line) ?? []) {
      highlight.delete(range);
      count -= 1;
    }
    this.#shown.delete(line);
  }

  #clear(): void {
    for (const line of this.#shown.keys()) this.#hide(line);
  }
}

// ---- what is on the screen

let probe: Range | undefined; // one for all: each live Range costs until it is collected
const blocks = new WeakMap<Element, Block>();
const visible = new Set<Block>();
let moved = 0;

const screen = supported
  ? new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        const block = blocks.get(target);
        if (!block) continue;
        if (isIntersecting) enter(block);
        else leave(block);
        block.measure(isIntersecting);
      }
    })
  : null;
const sizes = supported
  ? new ResizeObserver((entries) => {
      for (const { target } of entries) blocks.get(target)?.measure(true);
    })
  : null;

function watch(block: Block): void {
  blocks.set(block.frame, block);
  screen?.observe(block.frame);
}

function unwatch(block: Block): void {
  if (blocks.get(block.frame) !== block) return;
  blocks.delete(block.frame);
  screen?.unobserve(block.frame);
  leave(block);
}

function enter(block: Block): void {
  if (visible.size === 0) document.addEventListener("scroll", onScroll, { capture: true, passive: true });
  visible.add(block);
  sizes?.observe(block.frame);
}

function leave(block: Block): void {
  sizes?.unobserve(block.frame);
  if (visible.delete(block) && visible.size === 0) document.removeEventListener("scroll", onScroll, { capture: true });
}

function onScroll(): void {
  if (moved === 0) {
    moved = requestAnimationFrame(() => {
      moved = 0;
      for (const block of visible) block.measure(true);
    });
  }
}
