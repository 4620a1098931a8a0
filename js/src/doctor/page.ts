// The page's part of the doctor (`%chat --doctor`). It tells the kernel what the page is, and answers its pings. It is
// the code of a widget without a view, and needs no other bundle: the doctor comes where they may be what fails.

import type { AnyModel, InitializeProps } from "@anywidget/types";
import { sendToWorker } from "../kernel/control";
import { kernelOf } from "../kernel/kernel";
import { hearKernelLate } from "../kernel/late_code";
import { fields, isCount, string } from "../transcript/guards";

/** What the page says of itself. Each value is shown to the person as it is. */
type Facts = Record<string, string>;

/** JupyterLab, Notebook 7 and Voila put their settings into the page. Other hosts have a sign of their own. */
function hostOf(page: Document): string {
  const config = page.getElementById("jupyter-config-data")?.textContent;
  try {
    const { appName, appVersion } = fields(JSON.parse(config ?? "{}")) ?? {};
    if (string(appName)) return `${string(appName)} ${string(appVersion)}`.trim();
  } catch {
    // It is not JSON. So it is of another host.
  }
  const { voila, vscodeThemeKind } = page.body.dataset;
  if (voila !== undefined) return "Voila";
  if (vscodeThemeKind !== undefined) return "VS Code";
  return "google" in globalThis ? "Colab" : "unknown";
}

export function factsOf(model: object, page: Document = document): Facts {
  const kernel = kernelOf(model) as { connectionStatus?: unknown; supportsSubshells?: unknown } | null;
  return {
    host: hostOf(page),
    browser: navigator.userAgent,
    connection: kernel ? string(kernel.connectionStatus) || "unknown" : "hidden by the host",
    "subshells used": kernel?.supportsSubshells ? "yes" : "no",
    secure: globalThis.isSecureContext ? "yes" : "no", // without it a page cannot check our bundles, or copy
    highlighting: "highlights" in (globalThis.CSS ?? {}) ? "yes" : "no",
    tab: page.hidden ? "hidden" : "shown",
  };
}

/** Calls `then` with the milliseconds for which the page could not get to it. Timers of a hidden tab would be late. */
function afterOthers(then: (late: number) => void): void {
  const begun = performance.now();
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    then(performance.now() - begun);
  };
  port2.postMessage(0);
}

type Model = AnyModel<{ name: string }>;

function initialize({ model, signal }: { model: Model } & Partial<InitializeProps>): void {
  const say = (message: object) => {
    if (!sendToWorker({ ...message, id: model.get("name") })) model.send(message);
  };
  const onMessage = (content: unknown) => {
    const asked = fields(content)?.n;
    if (isCount(asked)) {
      afterOthers((late) => {
        if (!signal?.aborted) say({ op: "answer", n: asked, late });
      });
    }
  };
  model.on("msg:custom", onMessage);
  hearKernelLate(model);
  signal?.addEventListener("abort", () => model.off("msg:custom", onMessage), { once: true });
  say({ op: "hello", facts: factsOf(model) });
}

export default { initialize };
