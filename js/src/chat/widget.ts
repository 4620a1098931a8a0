// A ChatWidget in the page: one Chat for each model, one mountChat for each view of it.

import type { AnyModel, RenderProps } from "@anywidget/types";
import { attend, outliveKernel } from "../kernel/attend";
import { Link, lifetime } from "../kernel/link";
import { Place } from "../notebook/place";
import { enhanceSaved } from "../saved/enhance";
import { Chat } from "./chat";
import { chatBundle } from "./saved";
import { mountChat } from "./view";

interface Traits {
  state: unknown;
}

export function chatWidget() {
  let chat: Chat;

  function initialize({ model, signal }: { model: AnyModel<Traits>; signal?: AbortSignal }) {
    const life = lifetime(signal);
    const id = (model.get("state") as { id?: unknown } | undefined)?.id;
    const link = new Link(model, typeof id === "string" ? id : undefined, life.signal);
    link.open();
    const shared = new Chat(model.get("state"), {
      tell: (message) => link.tell(message),
      stop: (stop, first, unanswered) => link.stop(shared.id, stop, first, unanswered),
    });
    chat = shared;
    const place = new Place(model, () => {}); // only for the transcript that is left at the end
    attend(model, shared, place, life.signal);
    outliveKernel(model, shared, place, life.signal, () => (shared.turns.length > 0 ? () => chatBundle(shared) : null));
    return () => life.abort();
  }

  function render({ model, el, signal }: Pick<RenderProps<Traits>, "model" | "el"> & { signal?: AbortSignal }) {
    const life = lifetime(signal);
    enhanceSaved();
    mountChat(el, chat, model, life.signal);
    return () => life.abort();
  }

  return { initialize, render };
}
