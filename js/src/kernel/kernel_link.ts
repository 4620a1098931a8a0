// How a widget sends messages to its kernel. They go beside the cells (control.ts) where that is possible, and by the
// widget's own comm otherwise. Stop goes both ways, because the kernel and what it runs decide which of them arrives.
// While the connection is down nothing is sent. A stop of that time is sent when the connection is back.

import type { AnyModel } from "@anywidget/types";
import { Connection } from "../transcript/connection";
import type { OutgoingMessage } from "../transcript/messages";
import { openControl, sendBeside, sendControl } from "./control";
import { interruptDeafKernel } from "./kernel";

// How long a stop that was sent beside the cells may take before it is sent the other way too.
const STOPPED_MS = 300;
// How long a stop may take. Then a kernel that hears nothing while a cell runs is interrupted instead.
const UNHEARD_MS = 800;

/**
 * The name of this page. With it the kernel knows a reloaded page from the page that it displayed the view in. It is
 * not a secret, so it needs no `crypto`, which a page without https lacks.
 */
export const PAGE = Math.random().toString(36).slice(2);

type Model = AnyModel<{ state: unknown }>;

export class KernelLink {
  readonly connection = new Connection();
  #model: Model;
  #id: string | undefined;
  #signal: AbortSignal;
  /** Sends the last stop again, if the connection is up and the kernel has not heard it. */
  #stopAgain = () => {};

  /** `id` is the name by which the kernel knows the widget in messages beside its comm. No other widget has it. */
  constructor(model: Model, id: string | undefined, signal: AbortSignal) {
    this.#model = model;
    this.#id = id;
    this.#signal = signal;
    // A stop that was sent just before the connection was found to be down is lost too.
    this.connection.subscribe(() => this.#stopAgain());
  }

  /** Makes the way beside the cells ready, before it is needed. */
  open(): void {
    openControl(this.#model);
  }

  /** Returns false where there is no way now: the connection is down, the kernel is gone, or there never was one. */
  send(message: OutgoingMessage, buffers?: ArrayBuffer[]): boolean {
    return this.connection.up && this.post(message, buffers);
  }

  /** The same, but while the connection is down the host keeps the message and sends it later. */
  post(message: OutgoingMessage, buffers?: ArrayBuffer[]): boolean {
    return sendBeside(this.#model, { ...message, id: this.#id }, buffers) || this.#sendByModel(message, buffers);
  }

  /**
   * Stops a stream.
   *
   * @param stop       the message
   * @param first      false where it was sent before
   * @param unanswered asked some time later: true while the stream still runs
   */
  stop(stop: OutgoingMessage, first: boolean, unanswered: () => boolean): void {
    this.#stopAgain = () => {
      if (this.connection.up && unanswered()) this.stop(stop, true, unanswered);
    };
    if (!this.connection.up) return;
    const message = { ...stop, id: this.#id };
    // To stop twice is to stop once.
    if (sendBeside(this.#model, message)) {
      this.#later(STOPPED_MS, () => unanswered() && this.#sendByModel(stop));
    } else {
      sendControl(this.#model, message);
      this.#sendByModel(stop);
    }
    if (first) this.#later(UNHEARD_MS, () => unanswered() && interruptDeafKernel(this.#model));
  }

  #later(ms: number, act: () => unknown): void {
    const timer = setTimeout(act, ms);
    this.#signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  }

  // There may be no comm to send on: the kernel is gone, or the page never had one.
  #sendByModel(message: OutgoingMessage, buffers?: ArrayBuffer[]): boolean {
    try {
      this.#model.send(message, undefined, buffers);
      return true;
    } catch (error) {
      console.debug("[streamwidget] not sent", message.op, error);
      return false;
    }
  }
}
