// The kernel, as the host's widget manager shows it. JupyterLab and Notebook 7 show it. nbclassic, VS Code, Colab,
// marimo and exported pages do not. So everything here may be missing, and nothing here throws.

import type { AnyModel } from "@anywidget/types";
import { ownCellRuns } from "../notebook/cells";
import type { Connection, ConnectionState } from "../transcript/connection";

export interface Comm {
  readonly isDisposed: boolean;
  /** Resolves once the comm has a subshell. Never resolves if the kernel has none. */
  readonly subshellStarted?: Promise<void>;
  open(data?: object): unknown;
  send(data: object, metadata?: undefined, buffers?: ArrayBuffer[]): unknown;
}

/** The own comm of a widget, as the widget managers have it. */
interface ClassicComm {
  on_msg?(callback: () => void): void;
  on_close?(callback: () => void): void;
}

type StatusSlot = (sender: unknown, status: string) => void;

/** A signal of JupyterLab's whose argument is a status. */
interface StatusSignal {
  connect(slot: StatusSlot): unknown;
  disconnect(slot: StatusSlot): unknown;
}

export interface Kernel {
  createComm(target: string): Comm;
  readonly supportsSubshells?: boolean;
  interrupt?(): Promise<void>;
  readonly statusChanged?: StatusSignal;
  readonly connectionStatusChanged?: StatusSignal;
  /** The host has given this kernel up: another one took its place, or it was shut down. */
  readonly disposed?: StatusSignal;
}

/** The present kernel connection of a model. Null where the host hides it. */
export function kernelOf(model: object): Kernel | null {
  try {
    const kernel = (model as { widget_manager?: { kernel?: Kernel | null } }).widget_manager?.kernel;
    return kernel && typeof kernel.createComm === "function" ? kernel : null;
  } catch {
    return null;
  }
}

/** Interrupts a kernel that hears nothing while a cell runs (ipykernel 6), if that cell shows `model`. */
export async function interruptDeafKernel(model: AnyModel<{ state: unknown }>): Promise<void> {
  try {
    const kernel = kernelOf(model);
    if (kernel?.interrupt && !kernel.supportsSubshells && (await ownCellRuns(model))) await kernel.interrupt();
  } catch (error) {
    console.debug("[streamwidget] not interrupted", error);
  }
}

/**
 * Lets the page forget `model` once it is closed. JupyterLab keeps each comm as long as its kernel lives, and with the
 * comm its listeners. The model is destroyed after everything else has left it, so this listener stays to the end.
 */
export function forgetClosed(model: Pick<AnyModel, "on">): void {
  model.on("destroy", (closed: { comm?: ClassicComm }) => {
    closed?.comm?.on_msg?.(() => {});
    closed?.comm?.on_close?.(() => {});
  });
}

const GONE = new Set(["dead", "terminating", "restarting", "autorestarting"]);
const CONNECTION: Readonly<Record<string, ConnectionState>> = {
  connected: "up",
  connecting: "lost",
  disconnected: "given up",
};

/**
 * Keeps `connection` up to date, and calls `gone` whenever the kernel of `model` dies, restarts or is replaced. Ends
 * when `signal` aborts.
 */
export function watchKernel(
  model: object,
  connection: Pick<Connection, "become">,
  gone: () => void,
  signal: AbortSignal,
): void {
  const kernel = kernelOf(model);
  const watch = (changes: StatusSignal | undefined, act: (status: string) => void) => {
    if (typeof changes?.connect !== "function") return;
    const slot: StatusSlot = (_sender, status) => act(status);
    changes.connect(slot);
    signal.addEventListener("abort", () => changes.disconnect(slot), { once: true });
  };
  watch(kernel?.statusChanged, (status) => {
    if (GONE.has(status)) gone();
  });
  watch(kernel?.disposed, gone);
  watch(kernel?.connectionStatusChanged, (status) => {
    const state = CONNECTION[status];
    if (state) connection.become(state);
  });
}
