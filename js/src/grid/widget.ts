// A GridView in the page: one Grid for each model, one mountGrid for each view of it. It is a bundle of its own, because
// answers need not carry it.

import { followedView } from "../kernel/followed_view";
import { Grid } from "./grid";
import { gridMimebundle } from "./mimebundle";
import { mountGrid } from "./view";

export default function gridView() {
  return followedView({
    make: (state, sync, connection) => new Grid(state, (first) => sync({ first }), connection),
    save: gridMimebundle,
    mount: (el, grid, stop, link, signal) =>
      mountGrid(el, grid, stop, (row) => link.send({ op: "stop_row", row }), signal),
  });
}
