// The anywidget entry: one Transcript for each model, one mountView for each view of it.
//
// The default export is a function, which anywidget calls once for each model: `initialize` and `render` get different
// proxies of the model, so only their closure can tie the two together.

import type { AnyModel, InitializeProps, RenderProps } from "@anywidget/types";
import { openControl, sendBeside, sendControl } from "./control";
import { enhanceSaved } from "./enhance";
import { interruptDeafKernel, watchKernel } from "./kernel";
import { type PageMessage, parseState } from "./messages";
import { Place } from "./place";
import { Transcript } from "./transcript";
import { type Actions, mountView } from "./view";

interface Traits {
  state: unknown;
  max_height: unknown;
}

type Model = AnyModel<Traits>;

// Tells the kernel a reloaded page from the one that it displayed the view in. Not a secret, hence not crypto, which a
// page without https lacks.
const PAGE = Math.random().toString(36).slice(2);

// How long a stop that was sent beside the cells may take before it is sent the other way too.
const STOPPED_MS = 300;
// How long a stop may take before a kernel that hears nothing while a cell runs is interrupted instead.
const UNHEARD_MS = 800;

// With the kernel gone, or in a page without one, there may be no comm to send on.
function send(model: Model, message: PageMessage): void {
  try {
    model.send(message);
  } catch (error) {
    console.debug("[streamwidget] not sent", message.op, error);
  }
}

// An AbortController that ends with the host's signal (absent before anywidget 0.10) or with the returned clean-up.
function lifetime(signal: AbortSignal | undefined): AbortController {
  const controller = new AbortController();
  if (signal?.aborted) controller.abort();
  signal?.addEventListener("abort", () => controller.abort(), { once: true, signal: controller.signal });
  return controller;
}

function maxHeight(model: Model): number | null {
  const height = model.get("max_height");
  return typeof height === "number" && height > 0 ? height : null;
}

export default function streamView() {
  let transcript: Transcript;
  let actions: Actions;
  let place: Place;

  // Nothing here is awaited before "msg:custom" is listened to: messages that come meanwhile would be lost.
  function initialize({ model, signal }: Pick<InitializeProps<Traits>, "model"> & { signal?: AbortSignal }) {
    const life = lifetime(signal);
    const id = parseState(model.get("state"))?.id;
    const tell = (message: PageMessage) => {
      if (!sendBeside(model, { ...message, id })) send(model, message);
    };
    const shared = new Transcript(model.get("state"), () => tell({ op: "sync", page: PAGE }));
    const here = new Place(model, (op) => tell({ op, page: PAGE }));
    transcript = shared;
    place = here;
    shared.subscribe(() => {
      if (shared.over) here.ended();
    });
    const onMessage = (content: unknown) => {
      if (!here.receive(content)) shared.receive(content);
    };
    const onState = () => shared.receiveState(model.get("state"));
    model.on("msg:custom", onMessage);
    model.on("change:state", onState);

    if (!shared.over || shared.kept) {
      openControl(model);
      watchKernel(model, () => shared.kernelGone(), life.signal);
    }
    actions = {
      stop() {
        if (shared.over || shared.gone) return;
        // Two ways: which of them gets through depends on the kernel and on what it is doing. Stopping twice is
        // stopping once.
        const message = { op: "stop", id: shared.id };
        if (sendBeside(model, message)) {
          setTimeout(() => {
            if (!shared.over && !life.signal.aborted) send(model, { op: "stop" });
          }, STOPPED_MS);
        } else {
          sendControl(model, message);
          send(model, { op: "stop" });
        }
        if (shared.wish === null) {
          const unheard = setTimeout(() => {
            if (!shared.over && !shared.gone) interruptDeafKernel(model);
          }, UNHEARD_MS);
          life.signal.addEventListener("abort", () => clearTimeout(unheard), { once: true });
        }
        shared.wished("stop");
      },
      ask(remedy) {
        // Asking twice would be paying twice.
        if (!shared.over || shared.gone || shared.wish !== null) return;
        tell({ op: remedy });
        shared.wished(remedy);
      },
    };

    life.signal.addEventListener("abort", () => {
      model.off("msg:custom", onMessage);
      model.off("change:state", onState);
      shared.dispose();
      here.dispose();
    });
    return () => life.abort();
  }

  function render({ model, el, signal }: Pick<RenderProps<Traits>, "model" | "el"> & { signal?: AbortSignal }) {
    const life = lifetime(signal);
    enhanceSaved();
    mountView(el, transcript, actions, { model, maxHeight: maxHeight(model) }, life.signal);
    place.mounted(transcript.over, life.signal);
    return () => life.abort();
  }

  return { initialize, render };
}
