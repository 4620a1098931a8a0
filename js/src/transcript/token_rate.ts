// How fast the answer comes, from the delta messages of the last three seconds.

const WINDOW_MS = 3000;
const SHORTEST_MS = 500;
const LONGEST_TOKEN = 12; // characters of a delta. With more, a provider sends several tokens at once

interface Sample {
  readonly at: number;
  readonly deltas: number | null;
  readonly characters: number;
}

export interface Rate {
  readonly perSecond: number;
  /** A delta counts as a token where deltas are as short as tokens. */
  readonly unit: "tokens" | "characters";
}

export class TokenRate {
  #samples: Sample[] = [];

  add(at: number, deltas: number | null, characters: number): void {
    this.#samples.push({ at, deltas, characters });
    this.#trim(at);
  }

  /** The present rate. Null until enough has come. */
  rate(now: number): Rate | null {
    this.#trim(now);
    const first = this.#samples[0];
    if (!first || now - first.at < SHORTEST_MS || this.#samples.length < 2) return null;
    let deltas = 0;
    let characters = 0;
    // The first sample opens the window. Its own text came before.
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
