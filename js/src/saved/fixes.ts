// "Replace cell" beside the diff of a corrected cell, after `%chat --fix`. The kernel has made the diff and published it as
// an output. It tells the page which cell it is of, what that held and what it would hold. So the file of somebody else's
// notebook cannot put code into a cell: no kernel has told the page of its diffs.

import { replaceSource } from "../code/insert";
import { makeSavedTools, makeTool, offerUndo, showFeedback } from "../code/tools";
import { fields, string } from "../transcript/guards";

/** The model of the page's tools (streamwidget/_view/page_tools.py). */
interface PageTools {
  get?(trait: "fixes"): unknown;
  on(change: "change:fixes", act: () => void): unknown;
}

const models = new Set<PageTools>();

/** Follows what the kernel offers, if `host` is the model of the page's tools. */
export function followFixes(host: object, signal: AbortSignal): void {
  const model = host as PageTools;
  const look = () => offerFixes(document.documentElement);
  if (!model.get?.("fixes")) return;
  models.add(model);
  model.on("change:fixes", look);
  signal.addEventListener("abort", () => models.delete(model), { once: true });
  look();
}

const fixesOf = (model: PageTools) => fields(model.get?.("fixes")) ?? {};

/** Adds the button to the diffs in `within` that are of a kernel of this page. */
export function offerFixes(within: Element): void {
  for (const title of within.querySelectorAll(".streamwidget-fix > p:not(:has(button))")) {
    const id = /streamwidget-fix-(\w+)/.exec(title.parentElement?.className ?? "")?.[1] ?? "";
    const model = [...models].find((one) => fixesOf(one)[id]);
    const fix = model && fields(fixesOf(model)[id]);
    if (!fix) continue;
    const replace = makeTool("Replace cell", "Replace cell by the corrected code");
    replace.style.opacity = "1";
    replace.addEventListener("click", () => {
      const undo = replaceSource(model, string(fix.cell), string(fix.old), string(fix.new));
      showFeedback(replace, undo ? "Replaced, and not run" : "Not replaced: the cell has changed");
      if (undo) offerUndo(replace, undo, "put the cell back", "As before");
    });
    title.append(makeSavedTools(replace));
  }
}
