// The tools, once they are in the page. They travel in a bundle of their own, and views are shown without them first.

import type { Values } from "../values/bundle";
import type { Tools } from "./bundle";

/** Loads a further bundle that the bundle of the view names (loader.ts). */
export type LoadMore = (name: "tools" | "values") => Promise<{ readonly make: unknown; readonly sheet: CSSStyleSheet }>;

type Loaded = readonly [tools: Tools, sheet: CSSStyleSheet];

// One for all views of this bundle.
let load: LoadMore | undefined;
let loaded: Promise<Loaded> | undefined;
let inPage: Tools | undefined;

/** The tools, if they have come. */
export function toolsInPage(): Tools | undefined {
  return inPage;
}

/** Says how the tools are loaded. Call it before `withTools`. */
export function loadToolsBy(more: LoadMore): void {
  load = more;
}

/** Loads what shows an answer as a value. Null if it cannot be loaded. */
export async function loadValues(el: Element): Promise<Values | null> {
  try {
    const found = await load?.("values");
    if (!found) return null;
    adopt(el, found.sheet);
    return (found.make as () => Values)();
  } catch (error) {
    console.debug("[streamwidget] a value is shown as text", error);
    return null;
  }
}

function adopt(el: Element, sheet: CSSStyleSheet): void {
  const root = (el.isConnected ? el.getRootNode() : document) as Document;
  if (!root.adoptedStyleSheets.includes(sheet)) root.adoptedStyleSheets.push(sheet);
}

/** Calls `use` with the tools, for a view in `el`, unless `signal` aborts before they come. */
export function withTools(el: Element, signal: AbortSignal, use: (tools: Tools) => void): void {
  loaded ??= load?.("tools").then(({ make, sheet }) => [(make as () => Tools)(), sheet]);
  loaded?.then(
    ([tools, sheet]) => {
      inPage = tools;
      adopt(el, sheet);
      if (!signal.aborted) use(tools);
    },
    (error) => {
      loaded = undefined; // so that the next view tries again
      console.debug("[streamwidget] code has no tools", error);
    },
  );
}
