// The answer as plain text, appended in bounded blocks, so that the cost of an append does not grow with the answer.
//
// A block is an element that ends with a line break, and in pre-wrap text a break at the end of a block adds no line:
// the blocks look like one text, and the textContent of the root is exactly that text. A line longer than a block stays
// in its block, in bounded text nodes.

const BLOCK = 1500; // UTF-16 units after which a block ends at the next line break
const NODE = 4096; // UTF-16 units in one text node

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f]/g;

/** `text` with C0 control characters (but for line feed and tab) as visible pictures: ESC as U+241B. */
export function visible(text: string): string {
  return text.replace(CONTROL, (c) => (c === "\u007f" ? "\u2421" : String.fromCharCode(0x2400 + c.charCodeAt(0))));
}

export class TextBlocks {
  #root: HTMLElement;
  #block: HTMLElement | null = null;
  #node: Text | null = null;
  #size = 0;

  constructor(root: HTMLElement) {
    this.#root = root;
  }

  append(text: string): void {
    let rest = visible(text);
    while (rest !== "") {
      const end = this.#size < BLOCK ? rest.indexOf("\n", BLOCK - this.#size - 1) : rest.indexOf("\n");
      const piece = end < 0 ? rest : rest.slice(0, end + 1);
      this.#write(piece);
      if (end >= 0) this.#block = null;
      rest = rest.slice(piece.length);
    }
  }

  clear(): void {
    this.#root.replaceChildren();
    this.#block = null;
  }

  #write(piece: string): void {
    if (!this.#block) {
      this.#block = document.createElement("div");
      this.#root.append(this.#block);
      this.#node = null;
      this.#size = 0;
    }
    this.#size += piece.length;
    for (let at = 0; at < piece.length; ) {
      if (!this.#node || this.#node.length >= NODE) {
        this.#node = document.createTextNode("");
        this.#block.append(this.#node);
      }
      let end = Math.min(piece.length, at + NODE - this.#node.length);
      // Never between the halves of a surrogate pair; one unit more does no harm.
      if (end < piece.length && /[\ud800-\udbff]/.test(piece.charAt(end - 1))) end += 1;
      this.#node.appendData(piece.slice(at, end));
      at = end;
    }
  }
}
