// A WireView in the page: one Wire for each model, one mountWire for each view of it. It is a bundle of its own,
// because it is for lessons, and answers need not carry it.

import type { AnyModel, InitializeProps, RenderProps } from "@anywidget/types";
import { connectModel, followKernel, lifetime } from "../kernel/connect_model";
import { KernelLink, PAGE } from "../kernel/kernel_link";
import { SavedViews } from "../notebook/saved_views";
import { WidgetOutputs } from "../notebook/widget_outputs";
import { fields, string } from "../transcript/guards";
import { wireMimebundle } from "./mimebundle";
import { mountWire } from "./view";
import { Wire } from "./wire";

interface Traits {
  state: unknown;
}

type Model = AnyModel<Traits>;

export default function wireView() {
  let wire: Wire;
  let outputs: WidgetOutputs;
  let saved: SavedViews;
  let stop: () => void;

  function initialize({
    model,
    signal,
  }: { model: Model } & { signal?: AbortSignal } & Partial<InitializeProps<Traits>>) {
    const life = lifetime(signal);
    const id = string(fields(model.get("state"))?.id);
    const link = new KernelLink(model, id || undefined, life.signal);
    const sync = (have: number) => link.send({ op: "sync", page: PAGE, have });
    const shared = new Wire(model.get("state"), sync, link.connection);
    const shownIn = new WidgetOutputs(model, (op) => {
      if (op === "sync") sync(shared.rows.length);
      else link.post({ op, page: PAGE });
    });
    wire = shared;
    outputs = shownIn;
    shared.subscribe(() => {
      if (shared.over) shownIn.ended();
    });
    connectModel(model, link, shared, shownIn, life.signal, () => shared.receive(model.get("state")));
    const words = () => wireMimebundle(shared);
    if (!shared.over) {
      link.open();
      followKernel(model, link, shared, shownIn, life.signal, () => words);
    }
    saved = new SavedViews(model, words, life.signal);
    stop = () => {
      if (shared.over || shared.gone) return;
      link.stop(shared.id, { op: "stop" }, !shared.stopping, () => !shared.over && !shared.gone);
      shared.stopWished();
    };
    return () => life.abort();
  }

  function render({ el, signal }: Pick<RenderProps<Traits>, "el"> & { signal?: AbortSignal }) {
    const life = lifetime(signal);
    el.classList.add("streamwidget-host");
    mountWire(el, wire, stop, life.signal);
    outputs.mounted(wire.over, life.signal);
    saved.mounted();
    return () => life.abort();
  }

  return { initialize, render };
}
