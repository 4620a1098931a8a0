// "Keep this one" at each answer of a comparison. The kernel has put the answers beside each other in an output, and tells
// the page in which comparisons a person can still choose. So the file of somebody else's notebook cannot choose: no
// kernel has told the page of its comparisons. The kernel puts the output with the choice in the place of the old one.

import { makeTool } from "../code/tools";
import { sendWhenOpen } from "../kernel/control";
import { fields } from "../transcript/guards";

/** The model of the page's tools (streamwidget/_view/page_tools.py). */
interface PageTools {
  get?(trait: "votes"): unknown;
  on(change: "change:votes", act: () => void): unknown;
}

const models = new Set<PageTools>();
let pressed = ""; // the answer whose new button takes the focus from the old one

/** Follows where the kernel lets a person choose, if `host` is the model of the page's tools. */
export function followVotes(host: object, signal: AbortSignal): void {
  const model = host as PageTools;
  if (!model.get?.("votes")) return;
  const look = () => offerVotes(document.documentElement);
  models.add(model);
  model.on("change:votes", look);
  signal.addEventListener("abort", () => models.delete(model), { once: true });
  look();
}

/** Adds the button to the answers in `within` that are of a comparison of a kernel of this page. */
export function offerVotes(within: Element): void {
  for (const title of within.querySelectorAll(".streamwidget-compared > p:not(:has(button))")) {
    const [, id = "", place = ""] =
      /streamwidget-compared-(\w+)-(\d+)/.exec(title.parentElement?.className ?? "") ?? [];
    const model = [...models].find(
      (one) => (fields(one.get?.("votes"))?.[id] as boolean[] | undefined)?.[Number(place)],
    );
    if (!model) continue;
    const keep = makeTool("Keep this one", `Keep this one: ${title.textContent}`);
    keep.style.opacity = "1";
    keep.addEventListener("click", () => {
      void sendWhenOpen(model, { op: "keep", id, place: Number(place) });
      pressed = id + place;
    });
    const bar = document.createElement("span");
    bar.className = "streamwidget-saved-tools";
    bar.dataset.lmSuppressShortcuts = "true";
    bar.append(keep);
    title.append(bar);
    if (pressed !== id + place) continue;
    pressed = "";
    keep.focus({ preventScroll: true });
  }
}
