// The lines of a code element whose text grows, and the state in which each line begins. Only new text is read.

import { lastAtMost } from "../text/search";
import { type Emit, type Language, type State, scanLine } from "./languages";

const MOST = 50_000; // UTF-16 units: the rest of longer code is not read
const LINE = 1000; // a longer line is left plain

export class Lines {
  /** UTF-16 units. */
  length = 0;
  isTooLong = false;
  #code: HTMLElement;
  #language: Language;
  #nodes: Text[] = [];
  #data: string[] = []; // of each node, when it was read
  #offsets: number[] = []; // of each node in the text
  #texts = [""]; // of each line, without its line break
  #starts = [0];
  #states: State[] = [""];

  constructor(code: HTMLElement, language: Language) {
    this.#code = code;
    this.#language = language;
  }

  get count(): number {
    return this.#starts.length;
  }

  /** Reads the new text. Returns the first line that is new or has changed. */
  read(): number {
    const walker = document.createTreeWalker(this.#code, NodeFilter.SHOW_TEXT);
    let node = walker.nextNode() as Text | null;
    let index = 0;
    while (node && node === this.#nodes[index] && node.data === this.#data[index]) {
      index += 1;
      node = walker.nextNode() as Text | null;
    }
    const known = this.#data[index] ?? "";
    const grown = node !== null && node === this.#nodes[index] && node.data.startsWith(known) ? known.length : 0;
    const first = this.#cut((this.#offsets[index] ?? this.length) + grown);
    this.#nodes.length = index;
    this.#data.length = index;
    this.#offsets.length = index;
    for (let skip = grown; node; node = walker.nextNode() as Text | null) {
      const { data } = node;
      this.isTooLong = this.length + data.length - skip > MOST;
      if (this.isTooLong) return first;
      this.#nodes.push(node);
      this.#data.push(data);
      this.#offsets.push(this.length - skip);
      this.#add(data.slice(skip));
      skip = 0;
    }
    return first;
  }

  /** Calls `emit` for each token of a line. Returns the state at its end. */
  scan(line: number, emit: Emit = () => {}): State {
    const text = this.#texts[line] as string;
    const state = this.#states[line] as State;
    return text.length > LINE ? state : scanLine(this.#language, text, state, emit);
  }

  /** Where a line begins in the text. */
  start(line: number): number {
    return this.#starts[line] as number;
  }

  /** The text node that holds the character at `offset`, and the index in that node. */
  locate(offset: number): [Text, number] {
    const index = lastAtMost(this.#offsets, offset);
    return [this.#nodes[index] as Text, offset - (this.#offsets[index] as number)];
  }

  // Forgets the text from `offset` on. Returns the line that it cut.
  #cut(offset: number): number {
    const line = lastAtMost(this.#starts, offset);
    this.#texts.length = line + 1;
    this.#starts.length = line + 1;
    this.#states.length = line + 1;
    this.#texts[line] = (this.#texts[line] as string).slice(0, offset - this.start(line));
    this.length = offset;
    return line;
  }

  #add(text: string): void {
    const [rest, ...further] = text.split("\n") as [string, ...string[]];
    let line = this.count - 1;
    this.#texts[line] += rest;
    for (const next of further) {
      this.#states.push(this.scan(line));
      this.#starts.push(this.start(line) + (this.#texts[line] as string).length + 1);
      this.#texts.push(next);
      line += 1;
    }
    this.length += text.length;
  }
}
