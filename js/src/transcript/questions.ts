// When the page asks the kernel for the whole state, because silence is not trusted. It asks one question at a time,
// and more slowly while none is answered: a busy kernel answers all of them in the end.

const SILENCE_MS = 2000;
const PATIENCE_MS = 1000;
const SHORTEST_MS = 500; // between two questions, because each answer carries the whole text
const BACKOFF_MS = [1000, 2000, 4000, 8000, 16000, 30000];

export class Questions {
  /** Messages are missing. Ask without waiting for silence. */
  lost = false;
  /** The kernel does not answer: a cell blocks it, or the host does not report that the connection is down. */
  busy = false;
  /** performance.now() of the last message. */
  heardAt = performance.now();

  #askedAt: number | null = null;
  #lastAsk = Number.NEGATIVE_INFINITY;
  #unanswered = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #send: () => boolean;
  #doubted: () => void;

  /**
   * @param send    asks the kernel, and returns false where it cannot, now or later
   * @param doubted is called when `busy` became true
   */
  constructor(send: () => boolean, doubted: () => void) {
    this.#send = send;
    this.#doubted = doubted;
  }

  /** Asks now, and watches from now on. */
  ask(): void {
    this.#askedAt = this.#lastAsk = performance.now();
    if (this.#send()) this.watch();
    else this.rest();
  }

  /** Notes a message of any kind. */
  heard(): void {
    this.heardAt = performance.now();
    this.busy = false;
  }

  /** Notes an answer: the whole state. */
  answered(): void {
    this.#askedAt = null;
    this.#unanswered = 0;
    this.lost = false;
  }

  /** Arms the one timer. */
  watch(): void {
    clearTimeout(this.#timer);
    const due = Math.min(this.#nextAsk(), this.#nextDoubt());
    this.#timer = setTimeout(() => this.#elapsed(), Math.max(0, due - performance.now()));
  }

  /** Stops asking. */
  rest(): void {
    this.busy = false;
    this.#askedAt = null;
    this.#unanswered = 0;
    clearTimeout(this.#timer);
  }

  #nextAsk(): number {
    const silent = this.lost ? 0 : this.heardAt + SILENCE_MS;
    if (this.#askedAt === null) return Math.max(silent, this.#lastAsk + SHORTEST_MS);
    const wait = BACKOFF_MS[Math.min(this.#unanswered, BACKOFF_MS.length - 1)] as number;
    return Math.max(silent, this.#askedAt + wait);
  }

  #nextDoubt(): number {
    const unheard = this.#askedAt !== null && this.heardAt <= this.#askedAt;
    return unheard && !this.busy ? (this.#askedAt as number) + PATIENCE_MS : Number.POSITIVE_INFINITY;
  }

  #elapsed(): void {
    const now = performance.now();
    if (now >= this.#nextDoubt()) {
      this.busy = true;
      this.#doubted();
    }
    if (now >= this.#nextAsk()) {
      if (this.#askedAt !== null) this.#unanswered += 1;
      this.ask();
    } else {
      this.watch();
    }
  }
}
