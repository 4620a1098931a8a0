// What a model yields beside text: a figure, a table. The host's own renderer shows it, as it shows any output of a
// cell. Where the host lends none, a picture is an image and everything else is plain text. Nothing here makes HTML of
// a format, and text of a model never comes here.

import { make } from "../dom/elements";
import { visible } from "../text/visible";
import { type Fields, string } from "../transcript/guards";
import type { OutputState } from "../transcript/messages";

/** streamwidget/_saved/outputs.py has the same. */
export const OUTPUT_STYLE = "margin:0 0 0.5em;overflow-x:auto;max-width:100%";
const SVG = "image/svg+xml";
const PLAIN_STYLE = "white-space:pre-wrap;overflow-wrap:break-word";
export const PICTURE = /^image\/(png|jpeg|gif|webp)$/;

interface Renderer {
  readonly node: HTMLElement;
  readonly constructor: { attach?(renderer: Renderer, host: HTMLElement): void };
  renderModel(model: unknown): Promise<void>;
  dispose(): void;
}

interface RenderMime {
  preferredMimeType(data: object, safe: "ensure" | "any"): string | undefined;
  createModel(options: object): unknown;
  createRenderer(type: string): Renderer;
}

/** Shows `output` in an element of its own, until `signal` aborts. */
export function showOutput({ data, metadata, cut, trusted }: OutputState, model: object, signal: AbortSignal): Element {
  const root = make("div", "streamwidget-output");
  root.style.cssText = OUTPUT_STYLE;
  // A renderer may need to be in the page, and a view is painted before that.
  const inPage = new IntersectionObserver(() => {
    if (!root.isConnected) return;
    inPage.disconnect();
    show();
  });
  inPage.observe(root);
  signal.addEventListener("abort", () => inPage.disconnect(), { once: true });

  function show(): void {
    try {
      const { rendermime } = (model as { widget_manager?: { rendermime?: RenderMime } }).widget_manager ?? {};
      const type = rendermime?.preferredMimeType(data, trusted ? "any" : "ensure");
      if (rendermime && type) {
        const renderer = rendermime.createRenderer(type);
        signal.addEventListener("abort", () => renderer.dispose(), { once: true });
        if (renderer.constructor.attach) renderer.constructor.attach(renderer, root);
        else root.append(renderer.node);
        void renderer
          .renderModel(rendermime.createModel({ data, metadata, trusted }))
          .then(() => {
            for (const picture of root.querySelectorAll("img:not([alt])")) picture.setAttribute("alt", plainText(data));
          })
          .catch(() => root.append(plainOutput(data)));
      } else root.append(plainOutput(data));
    } catch (error) {
      console.debug("[streamwidget] shown as text", error);
      root.append(plainOutput(data));
    }
    if (cut) root.append(make("small", "streamwidget-quiet", visible(cut)));
  }

  return root;
}

/** The picture among these formats, or else the plain text. */
export function plainOutput(data: Fields): Element {
  const [type, found] = Object.entries(data).find(([kind]) => PICTURE.test(kind)) ?? [SVG, data[SVG]];
  const plain = plainText(data);
  if (typeof found !== "string") {
    const text = make("pre", "", plain);
    text.setAttribute("style", PLAIN_STYLE);
    return text;
  }
  const image = make("img");
  // As a picture it cannot run or load anything.
  image.src = type === SVG ? `data:${type},${encodeURIComponent(found)}` : `data:${type};base64,${found}`;
  image.alt = plain;
  image.style.maxWidth = "100%";
  return image;
}

function plainText(data: Fields): string {
  return visible(string(data["text/plain"]));
}
