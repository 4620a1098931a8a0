// A ChatWidget in the page: one Chat for each model, one mountChat for each view of it.

import type { AnyModel, RenderProps } from "@anywidget/types";
import { type LoadMore, loadToolsBy, withTools } from "../code/later";
import { connectModel, followKernel, lifetime } from "../kernel/connect_model";
import { KernelLink } from "../kernel/kernel_link";
import { SavedViews } from "../notebook/saved_views";
import { WidgetOutputs } from "../notebook/widget_outputs";
import { fields, string } from "../transcript/guards";
import { Chat } from "./chat";
import { chatMimebundle } from "./mimebundle";
import { mountChat } from "./view";

interface Traits {
  state: unknown;
}

export default function chatWidget(more: LoadMore) {
  loadToolsBy(more);
  let chat: Chat;
  let outputs: WidgetOutputs;
  let saved: SavedViews;

  function initialize({ model, signal }: { model: AnyModel<Traits>; signal?: AbortSignal }) {
    const life = lifetime(signal);
    const id = string(fields(model.get("state"))?.id);
    const link = new KernelLink(model, id || undefined, life.signal);
    link.open();
    const shared = new Chat(model.get("state"), {
      connection: link.connection,
      send: (message, buffers) => link.send(message, buffers),
      stop: (stop, first, unanswered) => link.stop(stop, first, unanswered),
    });
    chat = shared;
    const shownIn = new WidgetOutputs(model, () => {}); // a chat that no page shows stays
    outputs = shownIn;
    connectModel(model, link, shared, shownIn, life.signal);
    const words = () => chatMimebundle(shared);
    followKernel(model, link, shared, shownIn, life.signal, () => (shared.turns.length > 0 ? words : null));
    saved = new SavedViews(model, words, life.signal);
    return () => life.abort();
  }

  function render({ model, el, signal }: Pick<RenderProps<Traits>, "model" | "el"> & { signal?: AbortSignal }) {
    const life = lifetime(signal);
    withTools(el, life.signal, (tools) => tools.initialize({ model }));
    mountChat(el, chat, model, life.signal);
    outputs.mounted(false, life.signal);
    saved.mounted();
    return () => life.abort();
  }

  return { initialize, render };
}
