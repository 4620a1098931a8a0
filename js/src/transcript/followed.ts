// A state of the kernel that the page follows: it asks for all of it at the start, when messages are missing, and when
// the connection is back. What the state is, and how its messages are taken, the classes that extend this one know.

import { Connection } from "./connection";
import { Listeners } from "./listeners";
import { Questions } from "./questions";

export abstract class Followed {
  /** The kernel died or was restarted. */
  gone = false;
  /** Stop was sent. */
  stopping = false;

  readonly connection: Connection;

  protected readonly questions = new Questions(
    () => this.ask(),
    () => {},
  );
  #leave = () => {};
  #listeners = new Listeners();

  constructor(connection = new Connection()) {
    this.connection = connection;
  }

  /** By which the kernel knows what is followed. */
  abstract readonly id: string;
  /** True once all of it has come. */
  abstract get over(): boolean;
  /** Asks the kernel for what is missing. False where it cannot. It must not throw. */
  abstract ask(): boolean;
  /** Takes the content of one custom message, or the `state` trait when it changed. */
  abstract receive(content: unknown): void;

  /** Follows from now on. A constructor calls it when it has taken the first state. */
  protected begin(): void {
    if (!this.over) this.questions.ask();
    this.#leave = this.connection.subscribe(() => {
      if (this.connection.up && !this.over && !this.gone) this.questions.ask();
      this.changed();
    });
  }

  subscribe(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  stopWished(): void {
    this.stopping = true;
    this.changed();
  }

  kernelGone(): void {
    if (this.over || this.gone) return;
    this.gone = true;
    this.changed();
  }

  dispose(): void {
    this.#leave();
    this.#listeners.clear();
    this.questions.rest();
  }

  protected changed(): void {
    if (this.over || this.gone || !this.connection.up) this.questions.rest();
    else this.questions.watch();
    this.#listeners.call();
  }
}
