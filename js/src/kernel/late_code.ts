// anywidget gives the code of a widget 2 s to come to the page. The model of a widget whose code comes later hears nothing
// of its kernel, ever: each message awaits a promise that anywidget has rejected. A page that starts, or a busy machine,
// takes that long.

import type { AnyModel } from "@anywidget/types";

type Hear = (message: object) => Promise<void>;

/** The model itself, as the widget managers have it. Another host may have none of this. */
interface OwnModel {
  readonly comm?: { on_msg(callback: Hear): void; send(data: object): void };
  unset?(name: string, options: { silent: boolean }): void;
  _handle_comm_msg?: Hear;
}

/** The host shows a widget a stand-in for its model. The event of a change names the model itself. */
function ownModel(model: Pick<AnyModel<{ _late: true }>, "on" | "off" | "set">): OwnModel {
  let own: OwnModel = {};
  const changed = (named: OwnModel) => {
    own = named;
  };
  model.on("change:_late", changed);
  model.set("_late", true);
  model.off("change:_late", changed);
  own.unset?.("_late", { silent: true }); // so that no notebook saves it
  return own;
}

/** Lets a model whose code came late hear its kernel, and asks for what it missed. */
export async function hearKernelLate(model: Pick<AnyModel<{ _late: true }>, "on" | "off" | "set">): Promise<void> {
  const own = ownModel(model);
  try {
    await own._handle_comm_msg?.({ content: { data: {} } }); // no message: it only awaits what each message does
  } catch {
    const host = Object.getPrototypeOf(Object.getPrototypeOf(own)); // its method does not wait for anywidget
    if (!own.comm || !host._handle_comm_msg) return;
    own._handle_comm_msg = host._handle_comm_msg;
    own.comm.on_msg((message) => host._handle_comm_msg.call(own, message));
    own.comm.send({ method: "request_state" });
  }
}
