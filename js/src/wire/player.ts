// How many rows of a wire are shown: all of them (live), up to one row (paused), or the rows that had come by a moment
// of the replay. The other rows are there too, only not shown.

import type { Row, Wire } from "./wire";

export const SPEEDS = [0.25, 0.5, 1, 2, 4, 8] as const;
const TICK_MS = 16;

export class Player {
  mode: "live" | "paused" | "replay" = "live";
  /** How many rows are shown. */
  shown: number;
  speed = 1;

  #wire: Wire;
  #changed: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  // At `#since` on the page's clock the replay was at `#from` of the recorded time.
  #from = 0;
  #since = 0;

  constructor(wire: Wire, changed: () => void) {
    this.#wire = wire;
    this.#changed = changed;
    this.shown = wire.rows.length;
  }

  /** Notes that more may have come. */
  follow(): void {
    if (this.mode === "live") this.shown = this.#wire.rows.length;
  }

  pause(): void {
    this.#stay(this.shown);
  }

  /** Goes on with the live rows. If all rows have come, it plays them at the speed at which they came. */
  resume(): void {
    if (this.#wire.over && this.shown < this.#wire.rows.length) {
      this.#play(this.#wire.rows[this.shown - 1]?.at ?? 0);
      return;
    }
    this.mode = "live";
    this.follow();
    this.#changed();
  }

  step(by: 1 | -1): void {
    this.#stay(Math.max(0, Math.min(this.shown + by, this.#wire.rows.length)));
  }

  replay(): void {
    this.shown = 0;
    this.#play(0);
  }

  setSpeed(speed: number): void {
    this.#from = this.#now();
    this.#since = performance.now();
    this.speed = speed;
    if (this.mode === "replay") this.#tick();
  }

  dispose(): void {
    clearTimeout(this.#timer);
  }

  #stay(shown: number): void {
    clearTimeout(this.#timer);
    this.mode = "paused";
    this.shown = shown;
    this.#changed();
  }

  #play(from: number): void {
    this.mode = "replay";
    this.#from = from;
    this.#since = performance.now();
    this.#tick();
  }

  #now(): number {
    return this.#from + ((performance.now() - this.#since) / 1000) * this.speed;
  }

  #tick(): void {
    clearTimeout(this.#timer);
    const { rows } = this.#wire;
    const now = this.#now();
    while (this.shown < rows.length && (rows[this.shown] as Row).at <= now) this.shown += 1;
    const next = rows[this.shown];
    if (next) {
      const wait = ((next.at - now) / this.speed) * 1000;
      this.#timer = setTimeout(() => this.#tick(), Math.max(TICK_MS, wait));
    } else {
      this.mode = "live";
    }
    this.#changed();
  }
}
