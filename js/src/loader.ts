// The code that the widget of each answer carries. It takes the renderer from one model that all answers share, so that
// the bundle travels to a page once. It is kept small by hand: every byte here is sent, and saved, with each answer.
//
// A page keeps the module of each answer as long as the page lives. So the first module leaves the loader with the
// page, under its version, and the others compile none of it.
//
// `initialize` does not await the bundle: anywidget gives it 2 s (kernel/late_code.ts). The messages that come meanwhile
// are not needed here, because the transcript begins with the `state` trait and asks for the rest.

// Each returns its clean-up. anywidget before 0.10, as in Colab, gives no signal, and knows only that.
type Part = {
  initialize(props: Props): () => void;
  render(props: Props & { el: HTMLElement }): () => void;
};
// biome-ignore lint/suspicious/noExplicitAny: the loader reads three fields of a host's objects and declares no more
type Model = any;
type Bundle = { make: (more: More, shared: Model) => Part; sheet: CSSStyleSheet };
type More = (name: string) => Promise<Bundle>;
type Props = { model: Model; signal: AbortSignal };

declare const VERSION: string; // build.mjs
declare const HASHES: string[]; // build.mjs: of the bundles that were built with this loader

function makeLoader(): () => Part {
  // By the code, so that two notebooks with one version share one renderer.
  const bundles = new Map<string, Promise<Bundle>>();

  // The shared model may be from the saved state of a notebook that somebody else wrote.
  async function check(code: string, css: string): Promise<Bundle> {
    const { subtle } = crypto; // only where the page came by https, or from this machine
    if (subtle) {
      const hash = await subtle.digest("SHA-256", new TextEncoder().encode(`${code}\0${css}`));
      if (!HASHES.includes(btoa(String.fromCharCode(...new Uint8Array(hash))))) throw new Error("not our bundle");
    }
    return evaluate(code, css);
  }

  async function evaluate(code: string, css: string): Promise<Bundle> {
    const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
    try {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(css);
      return { make: (await import(/* @vite-ignore */ url)).default, sheet };
    } finally {
      URL.revokeObjectURL(url);
    }
  }

  function adopt({ adoptedStyleSheets }: Document, sheet: CSSStyleSheet): void {
    if (!adoptedStyleSheets.includes(sheet)) adoptedStyleSheets.push(sheet);
  }

  async function load(manager: Model, id: string): Promise<[Bundle, More, Model]> {
    const shared = await manager.get_model(id);
    const code = shared.get("code");
    let bundle = bundles.get(code);
    if (!bundle) {
      bundle = check(code, shared.get("css"));
      bundles.set(code, bundle);
      bundle.catch(() => bundles.delete(code)); // so that the next answer tries again
    }
    // The shared model may name a further bundle, which a part asks for when it needs it.
    return [await bundle, async (name) => (await load(manager, shared.get(name)))[0], shared];
  }

  return () => {
    let started: Promise<[Part, CSSStyleSheet, end?: () => void]>;
    return {
      initialize(props: Props) {
        const { model } = props;
        started = load(model.widget_manager, model.get("bundle")).then(([{ make, sheet }, more, shared]) => {
          const part = make(more, shared);
          if (props.signal?.aborted) return [part, sheet];
          adopt(document, sheet);
          return [part, sheet, part.initialize(props)];
        });
        started.catch(() => {});
        return () =>
          started.then(
            ([, , end]) => end?.(),
            () => {},
          );
      },
      render(props: Props & { el: HTMLElement }) {
        const { el, model } = props;
        const shown = started.then(
          ([part, sheet]) => {
            // If the bundle is there already, the host has not put `el` into the page yet, and `el` is its own root.
            if (el.isConnected) adopt(el.getRootNode() as Document, sheet);
            return props.signal?.aborted ? undefined : part.render(props);
          },
          () => {
            // The host lacks the shared model, forbids blobs, or its bundle is not ours. Show the text as far as the
            // state has it.
            const show = () => {
              const { text, turns } = model.get("state");
              // biome-ignore lint/suspicious/noExplicitAny: as above
              el.textContent = turns?.map((turn: any) => `${turn.text}\n\n${turn.answer?.text}`).join("\n\n") ?? text;
            };
            el.style.whiteSpace = "pre-wrap";
            model.on("change:state", show);
            show();
            return undefined;
          },
        );
        return () => shown.then((end) => end?.());
      },
    };
  };
}

const page = globalThis as Record<string, unknown>;
page[VERSION] ??= makeLoader();
export default page[VERSION];
