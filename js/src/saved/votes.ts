// "Keep this one" at each answer of a comparison. The kernel has put the answers beside each other in an output, and tells
// the page in which comparisons a person can still choose. So the file of somebody else's notebook cannot choose: no
// kernel has told the page of its comparisons. The kernel puts the output with the choice in the place of the old one. A
// page that was reloaded does not know that output, so the kernel sends it to the page's tools as well.

import { makeSavedTools, makeTool } from "../code/tools";
import { sendWhenOpen } from "../kernel/control";
import { outputsOf } from "../notebook/cells";
import { fields } from "../transcript/guards";

/** What the kernel sends after a choice: a class that only the output has, and what the output holds from now on. */
interface Chosen {
  readonly chosen: string;
  readonly data: { readonly "text/html": string };
}

/** The model of the page's tools (streamwidget/_view/page_tools.py). */
interface PageTools {
  get?(trait: "votes"): unknown;
  on(change: "change:votes" | "msg:custom", act: (content: Chosen) => void): unknown;
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
  model.on("msg:custom", ({ chosen, data }) => {
    for (const output of outputsOf(model)) {
      const html = output.data?.["text/html"] as string | undefined;
      if (html?.includes(chosen) && html !== data["text/html"]) output.replace(data);
    }
  });
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
    keep.addEventListener("click", () => {
      void sendWhenOpen(model, { op: "keep", id, place: Number(place) });
      pressed = id + place;
    });
    title.append(makeSavedTools(keep));
    if (pressed !== id + place) continue;
    pressed = "";
    keep.focus({ preventScroll: true });
  }
}
