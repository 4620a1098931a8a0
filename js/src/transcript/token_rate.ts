// How fast the answer comes: a sliding window over the delta messages of the last few seconds.

const WINDOW_MS = 3000;
const SHORTEST_MS = 500;
const LONGEST_TOKEN = 12; // characters a delta; providers that send more send several tokens at once

interface Sample {
  readonly at: number;
  readonly deltas: number | null;
  readonly characters: number;
}

export interface Rate {
  readonly perSecond: number;
  /** Tokens are taken to be the deltas, where those are as short as tokens are. */
  readonly unit: "tokens" | "characters";
}

export class TokenRate {
  #samples: Sample[] = [];

  add(at: number, deltas: number | null, characters: number): void {
    this.#samples.push({ at, deltas, characters });
    this.#trim(at);
  }

  /** The present rate, or null until there is enough to tell. */
  rate(now: number): Rate | null {
    this.#trim(now);
    const first = this.#samples[0];
    if (!first || now - first.at < SHORTEST_MS || this.#samples.length < 2) return null;
    let deltas = 0;
    let characters = 0;
    // The first sample opens the window: what it carries came before.
    for (const sample of this.#samples.slice(1)) {
      deltas += sample.deltas ?? 0;
      characters += sample.characters;
    }
    const tokens = deltas > 0 && characters / deltas <= LONGEST_TOKEN;
    return {
      perSecond: ((tokens ? deltas : characters) * 1000) / (now - first.at),
      unit: tokens ? "tokens" : "characters",
    };
  }

  #trim(now: number): void {
    let old = 0;
    while (old < this.#samples.length - 1 && now - (this.#samples[old]?.at ?? now) > WINDOW_MS) old += 1;
    if (old > 0) this.#samples.splice(0, old);
  }
}
