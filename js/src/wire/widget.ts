// A WireView in the page: one Wire for each model, one mountWire for each view of it. It is a bundle of its own,
// because it is for lessons, and answers need not carry it.

import { followedView } from "../kernel/followed_view";
import { wireMimebundle } from "./mimebundle";
import { mountWire } from "./view";
import { Wire } from "./wire";

export default function wireView() {
  return followedView({
    make: (state, sync, connection) => new Wire(state, (have) => sync({ have }), connection),
    save: wireMimebundle,
    mount: (el, wire, stop, _link, signal) => mountWire(el, wire, stop, signal),
  });
}
