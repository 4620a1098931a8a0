// Text that only grows, kept in the pieces in which it came. So a view reads only what is new.

export class GrowingText {
  /** Pieces are only added, until `epoch` changes. */
  chunks: string[] = [];
  epoch = 0;
  /** UTF-16 units. */
  length = 0;

  get text(): string {
    return this.chunks.join("");
  }

  add(piece: string): void {
    if (piece === "") return;
    this.chunks.push(piece);
    this.length += piece.length;
  }

  /** Makes the text `whole`. "ab" becomes "abc" by one more piece, and "xyz" in a new epoch. */
  become(whole: string): void {
    if (whole.length >= this.length && whole.startsWith(this.text)) {
      this.add(whole.slice(this.length));
      return;
    }
    this.chunks = whole === "" ? [] : [whole];
    this.length = whole.length;
    this.epoch += 1;
  }
}

/** How far one reader of a GrowingText has read. */
export class Reader {
  #source: GrowingText;
  #epoch: number;
  #read = 0;

  constructor(source: GrowingText) {
    this.#source = source;
    this.#epoch = source.epoch;
  }

  /** The text since the last call. With `fresh`, all text before that is void. */
  next(): { fresh: boolean; piece: string } {
    const { chunks, epoch } = this.#source;
    const fresh = epoch !== this.#epoch;
    if (fresh) {
      this.#epoch = epoch;
      this.#read = 0;
    }
    const piece = this.#read === chunks.length ? "" : chunks.slice(this.#read).join("");
    this.#read = chunks.length;
    return { fresh, piece };
  }
}
