// The control comm: the second way for a stop to reach the kernel.
//
// The kernel never publishes on it, so that ipykernel >= 7.3 serves it in a subshell thread even while a cell blocks
// the main thread. It is a bonus: where it cannot be had, model.send remains. Hence nothing here throws.

import { type Comm, kernelOf } from "./kernel";

const TARGET = "streamwidget.control";

export class Control {
  #model: object;
  #comm: Comm | null = null;

  constructor(model: object) {
    this.#model = model;
    this.#open();
  }

  /** Sends `message` if there is a way; true if it was handed to the kernel connection. */
  send(message: object): boolean {
    try {
      // After a kernel restart the old comm is disposed, and its onClose was never called.
      if (!this.#comm || this.#comm.isDisposed) this.#open();
      this.#comm?.send(message);
      return this.#comm !== null;
    } catch {
      return false;
    }
  }

  close(): void {
    const comm = this.#comm;
    this.#comm = null;
    try {
      if (comm && !comm.isDisposed) comm.close();
    } catch {
      // The connection is gone, and the comm with it.
    }
  }

  #open(): void {
    this.#comm = null;
    try {
      const comm = kernelOf(this.#model)?.createComm(TARGET) ?? null;
      comm?.open();
      this.#comm = comm;
    } catch {
      // A dead or disconnected kernel: the next send tries again.
    }
  }
}
