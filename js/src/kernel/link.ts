// What every widget says to its kernel, and how: beside the cells where that can be, by the widget's own comm otherwise;
// Stop by both, because which of them gets through depends on the kernel and on what it is doing.

import type { AnyModel } from "@anywidget/types";
import type { Said } from "../transcript/messages";
import { openControl, sendBeside, sendControl } from "./control";
import { interruptDeafKernel } from "./kernel";

// How long a stop that was sent beside the cells may take before it is sent the other way too.
const STOPPED_MS = 300;
// How long a stop may take before a kernel that hears nothing while a cell runs is interrupted instead.
const UNHEARD_MS = 800;

type Model = AnyModel<{ state: unknown }>;

export class Link {
  #model: Model;
  #id: string | undefined;
  #signal: AbortSignal;

  /** `id` is what the kernel knows the widget by, beside its comm. */
  constructor(model: Model, id: string | undefined, signal: AbortSignal) {
    this.#model = model;
    this.#id = id;
    this.#signal = signal;
  }

  /** Makes the way beside the cells ready, before it is needed. */
  open(): void {
    openControl(this.#model);
  }

  /** False where there is no way at all now: the kernel is gone, or there is none. */
  tell(message: Said): boolean {
    return sendBeside(this.#model, { ...message, id: this.#id }) || this.#send(message);
  }

  /** Stops, by `stop` and the `id` that goes beside it. `unanswered`: whether that has still not come about, later. */
  stop(id: string, stop: Said, first: boolean, unanswered: () => boolean): void {
    const message = { ...stop, id };
    // Stopping twice is stopping once.
    if (sendBeside(this.#model, message)) {
      this.#later(STOPPED_MS, () => unanswered() && this.#send(stop));
    } else {
      sendControl(this.#model, message);
      this.#send(stop);
    }
    if (first) this.#later(UNHEARD_MS, () => unanswered() && interruptDeafKernel(this.#model));
  }

  #later(ms: number, act: () => unknown): void {
    const timer = setTimeout(act, ms);
    this.#signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  }

  // With the kernel gone, or in a page without one, there may be no comm to send on.
  #send(message: Said): boolean {
    try {
      this.#model.send(message);
      return true;
    } catch (error) {
      console.debug("[streamwidget] not sent", message.op, error);
      return false;
    }
  }
}

/** An AbortController that ends with the host's signal (absent before anywidget 0.10) or with the returned clean-up. */
export function lifetime(signal: AbortSignal | undefined): AbortController {
  const controller = new AbortController();
  if (signal?.aborted) controller.abort();
  signal?.addEventListener("abort", () => controller.abort(), { once: true, signal: controller.signal });
  return controller;
}
