// What each answer's widget carries: it takes the renderer from one model that all answers share, so that the bundle
// travels to a page once. Kept small by hand: every byte here is sent, and saved, once an answer.
//
// A page keeps the module of each answer for as long as it lives. So the first one leaves the loader with the page, by
// its version, and in the others none of it is compiled.
//
// The bundle is not awaited in `initialize`: anywidget gives that 2 s and then drops the messages that came meanwhile.
// None needs to be kept here either, because the transcript begins with the `state` trait and asks for the rest.

type Part = {
  initialize(props: Props): unknown;
  render(props: Props & { el: HTMLElement }): unknown;
};
type Bundle = { make: () => Part; sheet: CSSStyleSheet };
// biome-ignore lint/suspicious/noExplicitAny: the loader reads three fields of a host's objects and declares no more
type Props = { model: any; signal: AbortSignal };

declare const VERSION: string; // build.mjs

function makeLoader(): () => Part {
  // By their code: two notebooks with one version share one renderer.
  const bundles = new Map<string, Promise<Bundle>>();

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

  async function load(model: Props["model"]): Promise<Bundle> {
    const shared = await model.widget_manager.get_model(model.get("bundle"));
    const code = shared.get("code");
    let bundle = bundles.get(code);
    if (!bundle) {
      bundle = evaluate(code, shared.get("css"));
      bundles.set(code, bundle);
      bundle.catch(() => bundles.delete(code)); // a failure is not for ever
    }
    return bundle;
  }

  return () => {
    let started: Promise<[Part, CSSStyleSheet]>;
    return {
      initialize(props: Props) {
        started = load(props.model).then(({ make, sheet }) => {
          const part = make();
          if (!props.signal?.aborted) part.initialize(props);
          return [part, sheet];
        });
        started.catch(() => {});
      },
      render(props: Props & { el: HTMLElement }) {
        const { el, model } = props;
        started.then(
          ([part, sheet]) => {
            // With the bundle at hand this comes before the host puts `el` into the page: then its root is itself.
            const root = (el.isConnected ? el.getRootNode() : document) as Document;
            if (!root.adoptedStyleSheets.includes(sheet)) root.adoptedStyleSheets.push(sheet);
            if (!props.signal?.aborted) part.render(props);
          },
          () => {
            // A host without the shared model, or one that forbids blobs: the text, as far as its state has come.
            const show = () => {
              const { text, turns } = model.get("state");
              // biome-ignore lint/suspicious/noExplicitAny: as above
              el.textContent = turns?.map((turn: any) => `${turn.text}\n\n${turn.answer?.text}`).join("\n\n") ?? text;
            };
            el.style.whiteSpace = "pre-wrap";
            model.on("change:state", show);
            show();
          },
        );
      },
    };
  };
}

const page = globalThis as Record<string, unknown>;
page[VERSION] ??= makeLoader();
export default page[VERSION];
