// A StreamView in the page: one Transcript for each model, one mountView for each view of it.

import type { AnyModel, InitializeProps, RenderProps } from "@anywidget/types";
import { type LoadMore, loadToolsBy, withTools } from "../code/later";
import { connectModel, followKernel, lifetime } from "../kernel/connect_model";
import { KernelLink, PAGE } from "../kernel/kernel_link";
import { readTogether, type SharedModel } from "../kernel/together";
import { SavedViews } from "../notebook/saved_views";
import { WidgetOutputs } from "../notebook/widget_outputs";
import { answerMimebundle, outputBundles } from "../saved/mimebundle";
import type { PageMessage } from "../transcript/messages";
import { Transcript } from "../transcript/transcript";
import { type Actions, mountView } from "./view";

interface Traits {
  state: unknown;
  key: string;
  max_height: unknown;
  layout: unknown;
}

type Model = AnyModel<Traits>;

function maxHeight(model: Model): number | null {
  const height = model.get("max_height");
  return typeof height === "number" && height > 0 ? height : null;
}

// The widget has a height of its own. The host puts it on the view's element, but maybe after the view is made.
function isSized(model: Model): boolean {
  const layout = model.get("layout") as { get?(trait: string): unknown } | null;
  return ["height", "max_height"].some((name) => Boolean(layout?.get?.(name)));
}

export default function streamView(more: LoadMore, bundle?: SharedModel) {
  loadToolsBy(more);
  let transcript: Transcript;
  let actions: Actions;
  let outputs: WidgetOutputs;
  let saved: SavedViews;

  function initialize({ model, signal }: Pick<InitializeProps<Traits>, "model"> & { signal?: AbortSignal }) {
    const life = lifetime(signal);
    const link = new KernelLink(model, model.get("key"), life.signal);
    const send = (message: PageMessage) => link.send({ ...message });
    let receive: (content: unknown) => void = () => {};
    const reads = readTogether(model, bundle, model.get("key"), (content) => receive(content), life.signal);
    // Once the page has heard a shared message, the state may come in one too.
    const from = () => ({ page: PAGE, together: reads !== null, heard: reads?.heard === true });
    const shared = new Transcript(model.get("state"), () => send({ op: "sync", ...from() }), link.connection);
    const shownIn = new WidgetOutputs(model, (op) => {
      link.post({ op, ...from() });
      shared.unseen = op === "left";
    });
    transcript = shared;
    outputs = shownIn;
    shared.subscribe(() => {
      if (shared.over) shownIn.ended();
    });
    receive = connectModel(model, link, shared, shownIn, life.signal, () => shared.receiveState(model.get("state")));
    const words = () => ({ ...answerMimebundle(shared), ...outputBundles([shared]) });
    if (!shared.over || shared.kept) {
      link.open();
      followKernel(model, link, shared, shownIn, life.signal, () => words);
    }
    saved = new SavedViews(model, words, life.signal);
    actions = {
      stop() {
        if (shared.over || shared.gone) return;
        const { id: stopped } = shared;
        const unanswered = () => shared.id === stopped && !shared.over && !shared.gone;
        link.stop({ op: "stop" }, shared.wish === null, unanswered);
        shared.wished("stop");
      },
      ask(remedy) {
        // To ask twice would be to pay twice.
        if (!shared.over || shared.gone || shared.wish !== null) return;
        if (send({ op: remedy })) shared.wished(remedy);
      },
      confirm(key, decision, reason) {
        send({ op: "confirm", key, decision, reason });
      },
    };
    return () => life.abort();
  }

  function render({ model, el, signal }: Pick<RenderProps<Traits>, "model" | "el"> & { signal?: AbortSignal }) {
    const life = lifetime(signal);
    withTools(el, life.signal, (tools) => tools.initialize({ model }));
    el.classList.add("streamwidget-host");
    const size = { maxHeight: maxHeight(model), isSized: isSized(model) };
    mountView(el, transcript, actions, { model, ...size }, life.signal);
    outputs.mounted(transcript.over, life.signal);
    saved.mounted();
    return () => life.abort();
  }

  return { initialize, render };
}
