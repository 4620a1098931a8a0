// Text that only grows, in the pieces in which it came, so that who shows it need not look at what it has shown.

export class GrowingText {
  /** Pieces are only ever added, until `epoch` changes. */
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

  /** Makes the text `whole`: by one more piece where it can be, else in a new epoch. */
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

/** Where one reader of a GrowingText stands. */
export class Reader {
  #source: GrowingText;
  #epoch: number;
  #read = 0;

  constructor(source: GrowingText) {
    this.#source = source;
    this.#epoch = source.epoch;
  }

  /** What has come since the last call; `fresh` is true where all of before is void. */
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
