// One prompt and its answer, as the page knows them. The transcript is made when the turn is shown or streams, because
// of two hundred turns most are never looked at.

import type { Connection } from "../transcript/connection";
import { parseState, type ViewState } from "../transcript/messages";
import { Transcript } from "../transcript/transcript";
import type { Feedback, FileState, TurnChange } from "./messages";

export class Turn {
  readonly key: string;
  text = "";
  files: readonly FileState[] = [];
  /** True if later prompts are sent with this turn. */
  sent = false;
  /** When it was asked, in seconds since 1970. */
  at: number | null = null;
  /** The number of this branch, from 0, and how many there are. */
  branch = 0;
  branches = 1;
  feedback: Feedback | null = null;
  /** Changes with the prompt. */
  edition = 0;
  #raw: unknown = null;
  #answer: ViewState | null = null;
  #transcript: Transcript | null = null;
  #sync: () => boolean;
  #connection: Connection;
  #changed: () => void;

  /**
   * @param sync    asks the kernel for the whole answer
   * @param changed is called when the transcript changed
   */
  constructor(key: string, sync: () => boolean, connection: Connection, changed: () => void) {
    this.key = key;
    this.#sync = sync;
    this.#connection = connection;
    this.#changed = changed;
  }

  take(change: TurnChange): void {
    this.sent = change.sent;
    this.at = change.at;
    this.branch = change.branch;
    this.branches = change.branches;
    this.feedback = change.feedback;
    if (change.prompt) {
      this.text = change.prompt.text;
      this.files = change.prompt.files;
      this.edition += 1;
    }
    if (change.answer === undefined) return;
    this.#raw = change.answer;
    this.#answer = parseState(change.answer);
    if (!this.#answer) return;
    if (this.#transcript) this.#transcript.replaceState(this.#answer);
    else if (this.#answer.phase !== "over") void this.transcript;
  }

  /** The answer. Null if there is none. */
  get transcript(): Transcript | null {
    if (this.#transcript || !this.#answer) return this.#transcript;
    this.#transcript = new Transcript(this.#raw, this.#sync, this.#connection);
    this.#transcript.subscribe(this.#changed);
    return this.#transcript;
  }

  /** The answer's text, also without a transcript. */
  get preview(): string {
    return this.#transcript?.text ?? this.#answer?.text ?? "";
  }

  get outcome(): string | null {
    return this.#transcript ? this.#transcript.outcome : (this.#answer?.outcome ?? null);
  }

  /** The answer is being written. */
  get streams(): boolean {
    return this.#transcript !== null && !this.#transcript.over && !this.#transcript.gone;
  }

  kernelGone(): void {
    this.#transcript?.kernelGone();
  }

  dispose(): void {
    this.#transcript?.dispose();
  }
}
