// A widget in the page whose views follow one state of the kernel: one Followed for each model, and as many views of it
// as the page has. A wire and a batch are such widgets.

import type { AnyModel, InitializeProps, RenderProps } from "@anywidget/types";
import { SavedViews } from "../notebook/saved_views";
import { WidgetOutputs } from "../notebook/widget_outputs";
import type { Connection } from "../transcript/connection";
import type { Followed } from "../transcript/followed";
import { connectModel, followKernel, lifetime } from "./connect_model";
import { KernelLink, PAGE } from "./kernel_link";

interface Traits {
  state: unknown;
  /** The kernel's name of this widget. */
  key: string;
}

type Model = AnyModel<Traits>;

/** What one kind of widget keeps for a model, saves, and draws. */
interface Kind<State extends Followed> {
  /** `sync` asks the kernel for what `wanted` names. */
  make(state: unknown, sync: (wanted: object) => boolean, connection: Connection): State;
  /** What a notebook stores, where the kernel cannot make it. */
  save(state: State): object;
  /** Draws a view in `el` until `signal` aborts. */
  mount(el: HTMLElement, state: State, stop: () => void, link: KernelLink, signal: AbortSignal): void;
}

export function followedView<State extends Followed>({ make, save, mount }: Kind<State>) {
  let state: State;
  let link: KernelLink;
  let outputs: WidgetOutputs;
  let saved: SavedViews;

  function initialize({
    model,
    signal,
  }: { model: Model } & { signal?: AbortSignal } & Partial<InitializeProps<Traits>>) {
    const life = lifetime(signal);
    const linked = new KernelLink(model, model.get("key"), life.signal);
    const sync = (wanted: object) => linked.send({ op: "sync", page: PAGE, ...wanted });
    const shared = make(model.get("state"), sync, linked.connection);
    const shownIn = new WidgetOutputs(model, (op) => {
      if (op === "sync") shared.ask();
      else linked.post({ op, page: PAGE });
    });
    state = shared;
    link = linked;
    outputs = shownIn;
    shared.subscribe(() => {
      if (shared.over) shownIn.ended();
    });
    connectModel(model, linked, shared, shownIn, life.signal, () => shared.receive(model.get("state")));
    const words = () => save(shared);
    if (!shared.over) {
      linked.open();
      followKernel(model, linked, shared, shownIn, life.signal, () => words);
    }
    saved = new SavedViews(model, words, life.signal);
    return () => life.abort();
  }

  function stop(): void {
    if (state.over || state.gone) return;
    link.stop({ op: "stop" }, !state.stopping, () => !state.over && !state.gone);
    state.stopWished();
  }

  function render({ el, signal }: Pick<RenderProps<Traits>, "el"> & { signal?: AbortSignal }) {
    const life = lifetime(signal);
    el.classList.add("streamwidget-host");
    mount(el, state, stop, link, life.signal);
    outputs.mounted(state.over, life.signal);
    saved.mounted();
    return () => life.abort();
  }

  return { initialize, render };
}
