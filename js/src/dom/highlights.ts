// Highlights of the CSS Custom Highlight API: they colour text without a change of the DOM.

export const canHighlight =
  typeof CSS !== "undefined" &&
  "highlights" in CSS &&
  typeof Highlight === "function" &&
  typeof StaticRange === "function";

/** The page's highlight of this name. A page may hold two versions of the bundle, and they share it. */
export function sharedHighlight(name: string): Highlight {
  let shared = CSS.highlights.get(name);
  if (!shared) {
    shared = new Highlight();
    CSS.highlights.set(name, shared);
  }
  return shared;
}
