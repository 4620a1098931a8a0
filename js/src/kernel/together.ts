// The messages that many views share: one for all that is new in them, on the model of their bundle. The kernel sends
// {"views": {KEY: [MESSAGE, ...], ...}}. Each view reads those of its key, as if they were its own.
//
// A host may keep messages from a model that has no view, or give each output a frame of its own. So only a host that
// shows its kernel (JupyterLab, Notebook 7, Voila) gets them. Elsewhere the kernel sends each view its own messages.

import { fields } from "../transcript/guards";
import { kernelOf } from "./kernel";

type Listener = (content: unknown) => void;

/** The model of a bundle, in the page. */
export interface SharedModel {
  on?(event: "msg:custom", listener: Listener): void;
  off?(event: "msg:custom", listener: Listener): void;
}

interface Readers {
  readonly byKey: Map<string, Listener>;
  readonly listener: Listener;
  /** A shared message has come. */
  heard: boolean;
}

const all = new WeakMap<SharedModel, Readers>();

function readersOf(shared: SharedModel): Readers {
  let readers = all.get(shared);
  if (!readers) {
    const byKey = new Map<string, Listener>();
    const made: Readers = { byKey, listener, heard: false };
    function listener(content: unknown): void {
      made.heard = true;
      for (const [key, messages] of Object.entries(fields(fields(content)?.views) ?? {}))
        if (Array.isArray(messages)) for (const message of messages) byKey.get(key)?.(message);
    }
    readers = made;
    all.set(shared, readers);
    shared.on?.("msg:custom", listener);
  }
  return readers;
}

/** Gives `receive` the messages of the view that the kernel calls `key`, until `life` aborts. Null where it cannot. */
export function readTogether(
  model: object,
  shared: SharedModel | undefined,
  key: unknown,
  receive: Listener,
  life: AbortSignal,
): { readonly heard: boolean } | null {
  if (!kernelOf(model) || typeof shared?.on !== "function" || typeof key !== "string" || key === "") return null;
  const readers = readersOf(shared);
  const { byKey, listener } = readers;
  byKey.set(key, receive);
  life.addEventListener("abort", () => {
    byKey.delete(key);
    if (byKey.size > 0) return;
    shared.off?.("msg:custom", listener);
    all.delete(shared);
  });
  return readers;
}
