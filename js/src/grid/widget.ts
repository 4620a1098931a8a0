// A GridView in the page: one Grid for each model, one mountGrid for each view of it. It is a bundle of its own, because
// answers need not carry it.

import type { AnyModel, InitializeProps, RenderProps } from "@anywidget/types";
import { connectModel, followKernel, lifetime } from "../kernel/connect_model";
import { KernelLink, PAGE } from "../kernel/kernel_link";
import { SavedViews } from "../notebook/saved_views";
import { WidgetOutputs } from "../notebook/widget_outputs";
import { fields, string } from "../transcript/guards";
import { Grid } from "./grid";
import { gridMimebundle } from "./mimebundle";
import { mountGrid } from "./view";

interface Traits {
  state: unknown;
}

type Model = AnyModel<Traits>;

export default function gridView() {
  let grid: Grid;
  let outputs: WidgetOutputs;
  let saved: SavedViews;
  let stop: () => void;
  let stopRow: (number: number) => void;

  function initialize({
    model,
    signal,
  }: { model: Model } & { signal?: AbortSignal } & Partial<InitializeProps<Traits>>) {
    const life = lifetime(signal);
    const id = string(fields(model.get("state"))?.id);
    const link = new KernelLink(model, id || undefined, life.signal);
    const sync = (first: number | null) => link.send({ op: "sync", page: PAGE, first });
    const shared = new Grid(model.get("state"), sync, link.connection);
    const shownIn = new WidgetOutputs(model, (op) => {
      if (op === "sync") sync(shared.first);
      else link.post({ op, page: PAGE });
    });
    grid = shared;
    outputs = shownIn;
    shared.subscribe(() => {
      if (shared.over) shownIn.ended();
    });
    connectModel(model, link, shared, shownIn, life.signal, () => shared.receive(model.get("state")));
    const words = () => gridMimebundle(shared);
    if (!shared.over) {
      link.open();
      followKernel(model, link, shared, shownIn, life.signal, () => words);
    }
    saved = new SavedViews(model, words, life.signal);
    stop = () => {
      if (shared.over || shared.gone) return;
      link.stop(shared.facts.id, { op: "stop" }, !shared.stopping, () => !shared.over && !shared.gone);
      shared.stopWished();
    };
    stopRow = (number) => link.send({ op: "stop_row", row: number });
    return () => life.abort();
  }

  function render({ el, signal }: Pick<RenderProps<Traits>, "el"> & { signal?: AbortSignal }) {
    const life = lifetime(signal);
    el.classList.add("streamwidget-host");
    mountGrid(el, grid, stop, stopRow, life.signal);
    outputs.mounted(grid.over, life.signal);
    saved.mounted();
    return () => life.abort();
  }

  return { initialize, render };
}
