// An open code fence. It needs no parser: the text goes into the page as it comes, in parts and text nodes of bounded
// length.

import { PART, partEnd } from "./parts";

const NODE = 4096; // UTF-16 units in one text node

export class OpenFence {
  readonly element: HTMLElement;
  #code: HTMLElement;
  #part: HTMLElement; // the one that is being written
  #lines = 0; // whole lines in that part
  #node: Text | null = null;
  #indent: number;
  #closing: RegExp;
  #mayClose: RegExp;
  #line = ""; // the held back beginning of the newest line, which may close the fence
  #inLine = false; // a part of the newest line is shown

  /** `element` is the empty block in the page, `markup` the fence, `indent` the columns before it. */
  constructor(element: HTMLElement, markup: string, indent: number) {
    this.element = element;
    this.#code = element.firstElementChild as HTMLElement;
    this.#part = this.#code;
    this.#indent = indent;
    const marker = markup[0] as string;
    this.#closing = closingLine(markup);
    this.#mayClose = new RegExp(`^(?: {0,3}${marker}+[ \\t]*|[ \\t]*)$`);
  }

  /** Shows `text`. Returns the text behind the closing fence, or null while the fence is open. */
  append(text: string, last: boolean): string | null {
    let rest = this.#line + text;
    let shown = "";
    this.#line = "";
    while (rest !== "") {
      const end = rest.indexOf("\n") + 1;
      const line = end > 0 ? rest.slice(0, end) : rest;
      if (!this.#inLine) {
        const bare = end > 0 ? line.slice(0, -1) : line;
        if ((end > 0 || last) && this.#closing.test(bare)) {
          this.#write(shown);
          return rest.slice(line.length);
        }
        if (end === 0 && !last && this.#mayClose.test(bare)) {
          this.#line = line;
          break;
        }
        if (end === 0 && /^[ \t]*$/.test(bare)) break; // the parser too drops white space at the very end
      }
      shown += this.#inLine ? line : outdent(line, this.#indent);
      this.#inLine = end === 0;
      rest = rest.slice(line.length);
    }
    this.#write(shown);
    return null;
  }

  #write(text: string): void {
    for (let at = 0; at < text.length; ) {
      if (this.#lines === PART) {
        this.#part = document.createElement("span");
        this.#code.append(this.#part);
        this.#node = null;
        this.#lines = 0;
      }
      const full = partEnd(text, at, this.#lines);
      const piece = text.slice(at, full < 0 ? text.length : full);
      this.#append(piece);
      this.#lines = full < 0 ? this.#lines + piece.split("\n").length - 1 : PART;
      at += piece.length;
    }
  }

  #append(text: string): void {
    for (let at = 0; at < text.length; ) {
      if (!this.#node || this.#node.length >= NODE) {
        this.#node = document.createTextNode("");
        this.#part.append(this.#node);
      }
      let end = Math.min(text.length, at + NODE - this.#node.length);
      if (end < text.length && /[\ud800-\udbff]/.test(text.charAt(end - 1))) end += 1;
      this.#node.appendData(text.slice(at, end));
      at = end;
    }
  }
}

/** Matches a line that closes the fence `markup`. For "```" that is "```" or " ````". */
export function closingLine(markup: string): RegExp {
  return new RegExp(`^ {0,3}${markup[0]}{${markup.length},}[ \\t]*$`);
}

// Removes the fence's own indent from a line, as markdown-it does: with 2 columns "   a" is " a".
function outdent(line: string, indent: number): string {
  let column = 0;
  let at = 0;
  while (column < indent && (line[at] === " " || line[at] === "\t")) {
    column += line[at] === "\t" ? 4 - (column % 4) : 1;
    at += 1;
  }
  return " ".repeat(Math.max(0, column - indent)) + line.slice(at);
}
