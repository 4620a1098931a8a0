// The control comm: the page sends messages to the kernel on it, beside the cells.
//
// The kernel never publishes on it. So ipykernel >= 7.3 serves it in a subshell thread, also while a cell blocks the
// main thread. It avoids a bug too: a comm message in the main shell, just when one cell ends and the next begins,
// makes ipykernel 7.4 confuse the two. The end of the next cell is then not reported, and the cell looks as if it ran
// for ever. Without a subshell there is still model.send. So nothing here throws.
//
// A page has one control comm for each kernel, and does not close it. When the last comm of a target is closed,
// JupyterLab deletes the target's subshell. A comm that is opened just then is lost, and ipykernel prints a warning
// into the cell that runs.

import { type Comm, type Kernel, kernelOf } from "./kernel";

const TARGET = "streamwidget.control";

class Channel {
  readonly comm: Comm;
  /** True if the kernel serves the comm in a subshell. */
  subshell = false;
  /** Resolves when the comm is open, in its subshell if it has one. */
  readonly whenOpen: Promise<void>;
  #opened = false;
  #resolve = () => {};

  constructor(kernel: Kernel) {
    this.comm = kernel.createComm(TARGET);
    this.whenOpen = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    // A comm_open without the subshell's name waits behind the cell that runs, and messages before it are lost.
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
      this.#resolve();
    } catch {
      // The connection is down. The host disposes of the comm when it is up again.
    }
  };
}

const channels = new WeakMap<Kernel, Channel>();

function channelOf(model: object): Channel | null {
  const kernel = kernelOf(model);
  if (!kernel) return null;
  let channel = channels.get(kernel);
  // After a kernel restart the old comm is disposed. Its onClose is never called.
  if (!channel || channel.comm.isDisposed) {
    channel = new Channel(kernel);
    channels.set(kernel, channel);
  }
  return channel;
}

/** Opens the comm before it is needed, because the kernel may be busy then. */
export function openControl(model: object): void {
  try {
    channelOf(model);
  } catch {
    // The kernel is dead or disconnected. sendControl tries again.
  }
}

/** Sends `message` to the kernel of `model` beside its cells. Returns false if it cannot now. */
export function sendBeside(model: object, message: Addressed, buffers?: ArrayBuffer[]): boolean {
  try {
    if (sendToWorker(message, buffers)) return true;
    const channel = channelOf(model);
    if (!channel?.subshell) return false;
    channel.comm.send(message, undefined, buffers);
    return true;
  } catch {
    return false;
  }
}

/** Sends `message` to the kernel of `model`, as soon as there is a way beside its cells. It may be lost. */
export async function sendWhenOpen(model: object, message: object): Promise<void> {
  try {
    const channel = channelOf(model);
    await channel?.whenOpen;
    channel?.comm.send(message);
  } catch {
    // The kernel is gone, or the connection is down.
  }
}

/** A message to what the kernel calls `id`. */
export type Addressed = object & { readonly id?: string | undefined };

const workers = new Map<string, BroadcastChannel>();

/**
 * Sends `message` to a kernel in a worker of this page. JupyterLite's is one, and takes no comm message while a cell
 * awaits. Its names begin with its channel: "CHANNEL/12". Returns false for all other kernels.
 */
export function sendToWorker(message: Addressed, buffers?: ArrayBuffer[]): boolean {
  const [name, own] = (message.id ?? "").split("/");
  if (!name || !own) return false;
  const channel = workers.get(name) ?? new BroadcastChannel(name);
  workers.set(name, channel); // kept open, so that messages arrive in their order
  channel.postMessage({ content: { data: message }, buffers });
  return true;
}

/** Sends `message` to the kernel of `model` if it can. */
export function sendControl(model: object, message: object): void {
  try {
    const channel = channelOf(model);
    channel?.open();
    channel?.comm.send(message);
  } catch {
    // There is still model.send.
  }
}
