// Connects a widget's model with what the page keeps for it: the messages, the state, the end of the kernel and the end
// of the model.

import type { AnyModel } from "@anywidget/types";
import type { WidgetOutputs } from "../notebook/widget_outputs";
import { fields } from "../transcript/guards";
import { forgetClosed, watchKernel } from "./kernel";
import { type KernelLink, PAGE } from "./kernel_link";
import { hearKernelLate } from "./late_code";

type Model = AnyModel<{ state: unknown }>;

/** What the page keeps for a model: a Transcript, a Chat or a Wire. */
interface Receiver {
  receive(content: unknown): void;
  kernelGone(): void;
  dispose(): void;
}

/**
 * Passes the model's messages to `receiver`, answers the kernel's pings, and disposes of it when `life` aborts. Call this
 * before you await anything: messages that come before "msg:custom" has a listener are lost. Returns the listener.
 */
export function connectModel(
  model: Model,
  link: KernelLink,
  receiver: Receiver,
  outputs: WidgetOutputs,
  life: AbortSignal,
  onState = () => {},
): (content: unknown) => void {
  const onMessage = (content: unknown) => {
    const message = fields(content);
    // The kernel asks whether the page still shows the widget. streamwidget/_view/audience.py says when.
    if (message?.op === "ping") link.send({ op: outputs.isShown(message.view) ? "here" : "left", page: PAGE });
    else if (!outputs.receive(content)) receiver.receive(content);
  };
  model.on("msg:custom", onMessage);
  model.on("change:state", onState);
  hearKernelLate(model);
  forgetClosed(model);
  life.addEventListener("abort", () => {
    model.off("msg:custom", onMessage);
    model.off("change:state", onState);
    receiver.dispose();
    outputs.dispose();
  });
  return onMessage;
}

/**
 * Follows the kernel: whether `link` reaches it, and its end. When it dies or restarts, the views are replaced by what
 * `save` gives. Where it gives null the views stay.
 */
export function followKernel(
  model: Model,
  link: KernelLink,
  receiver: Receiver,
  outputs: WidgetOutputs,
  life: AbortSignal,
  save: () => (() => object) | null,
): void {
  const gone = () => {
    receiver.kernelGone();
    const make = save();
    if (make === null) return;
    outputs.kernelGone(() => {
      receiver.kernelGone(); // again: a message that was still on its way may have taken it back
      return make();
    });
  };
  watchKernel(model, link.connection, gone, life);
}

/** An AbortController that ends with the host's signal (absent before anywidget 0.10) or with the returned clean-up. */
export function lifetime(signal: AbortSignal | undefined): AbortController {
  const controller = new AbortController();
  if (signal?.aborted) controller.abort();
  signal?.addEventListener("abort", () => controller.abort(), { once: true, signal: controller.signal });
  return controller;
}
