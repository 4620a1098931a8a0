// The connection between the page and its kernel, as far as the host reports it. JupyterLab, Notebook 7 and Voila do.
// Where a host reports nothing, the connection counts as up, and a kernel that does not answer counts as busy.

import { Listeners } from "./listeners";

/** "lost": the host tries to connect again. "given up": it tries no more. */
export type ConnectionState = "up" | "lost" | "given up";

const SILENT_MS = 10_000; // then it is not the connection alone: the server does not answer

export class Connection {
  state: ConnectionState = "up";
  /** The state in words. Empty while the connection is up. */
  words = "";
  #timer: ReturnType<typeof setTimeout> | undefined;
  #listeners = new Listeners();

  get up(): boolean {
    return this.state === "up";
  }

  /** The words for the line under a stream. With `stopping` they say what becomes of the person's stop. */
  line(stopping: boolean): string {
    if (this.up || !stopping) return this.words;
    const stop = this.state === "lost" ? "your stop is sent when it is back" : "your stop did not reach the kernel";
    return `${this.words} · ${stop}`;
  }

  become(state: ConnectionState): void {
    if (state === this.state) return;
    this.state = state;
    clearTimeout(this.#timer);
    if (state === "lost")
      this.#timer = setTimeout(() => this.#say("the server does not answer, trying again"), SILENT_MS);
    this.#say(WORDS[state]);
  }

  /** Calls `listener` at each change. The returned function ends that. */
  subscribe(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  #say(words: string): void {
    this.words = words;
    this.#listeners.call();
  }
}

const WORDS: Readonly<Record<ConnectionState, string>> = {
  up: "",
  lost: "connection to the kernel lost, trying again",
  "given up": "connection lost: the text so far is kept",
};
