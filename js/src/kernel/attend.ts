// What ties a widget's model to what the page holds of it: the messages, the state, the kernel's end and the model's own.

import type { AnyModel } from "@anywidget/types";
import type { Place } from "../notebook/place";
import { forgetClosed, watchKernel } from "./kernel";

type Model = AnyModel<{ state: unknown }>;

interface Held {
  receive(content: unknown): void;
  kernelGone(): void;
  dispose(): void;
}

/**
 * Gives `held` what comes for `model`, until `life` ends, and then ends it. Call it before anything is awaited: messages
 * that come before "msg:custom" is listened to are lost.
 */
export function attend(model: Model, held: Held, place: Place, life: AbortSignal, onState = () => {}): void {
  const onMessage = (content: unknown) => {
    if (!place.receive(content)) held.receive(content);
  };
  model.on("msg:custom", onMessage);
  model.on("change:state", onState);
  forgetClosed(model);
  life.addEventListener("abort", () => {
    model.off("msg:custom", onMessage);
    model.off("change:state", onState);
    held.dispose();
    place.dispose();
  });
}

/** Where the kernel dies or restarts, what `save` gives takes the place of the views; null leaves them. */
export function outliveKernel(
  model: Model,
  held: Held,
  place: Place,
  life: AbortSignal,
  save: () => (() => object) | null,
): void {
  const gone = () => {
    held.kernelGone();
    const make = save();
    if (make === null) return;
    place.kernelGone(() => {
      held.kernelGone(); // again: a message on the heels of the word may have taken it back
      return make();
    });
  };
  watchKernel(model, gone, life);
}
