// A StreamView in the page: one Transcript for each model, one mountView for each view of it.

import type { AnyModel, InitializeProps, RenderProps } from "@anywidget/types";
import { attend, outliveKernel } from "../kernel/attend";
import { Link, lifetime } from "../kernel/link";
import { Place } from "../notebook/place";
import { savedBundle } from "../saved/bundle";
import { enhanceSaved } from "../saved/enhance";
import { type PageMessage, parseState } from "../transcript/messages";
import { Transcript } from "../transcript/transcript";
import { type Actions, mountView } from "./view";

interface Traits {
  state: unknown;
  max_height: unknown;
}

type Model = AnyModel<Traits>;

// Tells the kernel a reloaded page from the one that it displayed the view in. Not a secret, hence not crypto, which a
// page without https lacks.
const PAGE = Math.random().toString(36).slice(2);

function maxHeight(model: Model): number | null {
  const height = model.get("max_height");
  return typeof height === "number" && height > 0 ? height : null;
}

export function streamView() {
  let transcript: Transcript;
  let actions: Actions;
  let place: Place;

  function initialize({ model, signal }: Pick<InitializeProps<Traits>, "model"> & { signal?: AbortSignal }) {
    const life = lifetime(signal);
    const id = parseState(model.get("state"))?.id;
    const link = new Link(model, id, life.signal);
    const tell = (message: PageMessage) => link.tell({ ...message });
    const shared = new Transcript(model.get("state"), () => tell({ op: "sync", page: PAGE }));
    const here = new Place(model, (op) => tell({ op, page: PAGE }));
    transcript = shared;
    place = here;
    shared.subscribe(() => {
      if (shared.over) here.ended();
    });
    attend(model, shared, here, life.signal, () => shared.receiveState(model.get("state")));
    if (!shared.over || shared.kept) {
      link.open();
      outliveKernel(model, shared, here, life.signal, () => () => savedBundle(shared));
    }
    actions = {
      stop() {
        if (shared.over || shared.gone) return;
        const { id: stopped } = shared;
        const unanswered = () => shared.id === stopped && !shared.over && !shared.gone;
        link.stop(stopped, { op: "stop" }, shared.wish === null, unanswered);
        shared.wished("stop");
      },
      ask(remedy) {
        // Asking twice would be paying twice.
        if (!shared.over || shared.gone || shared.wish !== null) return;
        if (tell({ op: remedy })) shared.wished(remedy);
      },
    };
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
