// The anywidget entry: a StreamView or a ChatWidget. The form of the state decides which.
//
// The default export is a function. anywidget calls it once for each model. `initialize` and `render` get different
// proxies of the model, so only their closure can connect the two.

import type { InitializeProps, RenderProps } from "@anywidget/types";
import { streamView } from "./answer/stream_view";
import { isChatState } from "./chat/messages";
import { chatWidget } from "./chat/widget";

interface Traits {
  state: unknown;
  max_height: unknown;
}

export default function widget() {
  let part: ReturnType<typeof streamView> | ReturnType<typeof chatWidget>;
  return {
    initialize(props: Pick<InitializeProps<Traits>, "model"> & { signal?: AbortSignal }) {
      part = isChatState(props.model.get("state")) ? chatWidget() : streamView();
      return part.initialize(props);
    },
    render(props: Pick<RenderProps<Traits>, "model" | "el"> & { signal?: AbortSignal }) {
      return part.render(props);
    },
  };
}
