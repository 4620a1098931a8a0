// The control comm: what the page says to the kernel, where that can be said beside the cells.
//
// The kernel never publishes on it, so that ipykernel >= 7.3 serves it in a subshell thread, also while a cell blocks
// the main thread. And a comm message in the main shell just when one cell ends and the next begins makes ipykernel 7.4
// take the one cell for the other: the next cell's end is not reported, and it looks as if it ran for ever.
// Where a subshell cannot be had, model.send remains. Hence nothing here throws.
//
// A page has one for each kernel, and does not close it. With the last comm of a target JupyterLab deletes the target's
// subshell: a comm that is opened just then is lost, and ipykernel prints a warning into the cell that runs.

import { type Comm, type Kernel, kernelOf } from "./kernel";

const TARGET = "streamwidget.control";

class Channel {
  readonly comm: Comm;
  /** The kernel serves the comm in a subshell. */
  subshell = false;
  #opened = false;

  constructor(kernel: Kernel) {
    this.comm = kernel.createComm(TARGET);
    // A comm_open that does not name the subshell waits behind the cell that runs, and messages before it are lost.
    const ready = kernel.supportsSubshells ? this.comm.subshellStarted : undefined;
    if (ready) ready.then(this.#openThere, this.open);
    else this.open();
  }

  readonly #openThere = (): void => {
    this.subshell = !this.#opened;
    this.open();
  };

  readonly open = (): void => {
    if (this.#opened || this.comm.isDisposed) return;
    this.#opened = true;
    try {
      this.comm.open();
    } catch {
      // The connection is down: the comm is disposed when it is up again.
    }
  };
}

const channels = new WeakMap<Kernel, Channel>();

function channelOf(model: object): Channel | null {
  const kernel = kernelOf(model);
  if (!kernel) return null;
  let channel = channels.get(kernel);
  // After a kernel restart the old comm is disposed, and its onClose was never called.
  if (!channel || channel.comm.isDisposed) {
    channel = new Channel(kernel);
    channels.set(kernel, channel);
  }
  return channel;
}

/** Makes the comm ready, so that it need not be opened when the kernel is busy. */
export function openControl(model: object): void {
  try {
    channelOf(model);
  } catch {
    // A dead or disconnected kernel: sendControl tries again.
  }
}

/** Sends `message` to the kernel of `model` beside its cells; false where that cannot be done now. */
export function sendBeside(model: object, message: object): boolean {
  try {
    const channel = channelOf(model);
    if (!channel?.subshell) return false;
    channel.comm.send(message);
    return true;
  } catch {
    return false;
  }
}

/** Sends `message` to the kernel of `model`, if there is a way. */
export function sendControl(model: object, message: object): void {
  try {
    const channel = channelOf(model);
    channel?.open();
    channel?.comm.send(message);
  } catch {
    // model.send remains.
  }
}
