// The views that hear of each change of what they show.

export class Listeners {
  #all = new Set<() => void>();

  /** Calls `listener` at each change. The returned function ends that. */
  add(listener: () => void): () => void {
    this.#all.add(listener);
    return () => this.#all.delete(listener);
  }

  call(): void {
    for (const listener of this.#all) listener();
  }

  clear(): void {
    this.#all.clear();
  }
}
