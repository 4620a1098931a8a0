import type { AnyModel } from "@anywidget/types";
import { expect, test, vi } from "vitest";
import page, { factsOf } from "../../src/doctor/page";

/** A document of a host: its settings, and the data of its body. */
function documentOf(config: string | null, body: Record<string, string> = {}): Document {
  const made = document.implementation.createHTMLDocument();
  if (config !== null) {
    const script = made.createElement("script");
    script.id = "jupyter-config-data";
    script.type = "application/json";
    script.textContent = config;
    made.head.append(script);
  }
  Object.assign(made.body.dataset, body);
  return made;
}

test.each([
  ['{"appName":"JupyterLab","appVersion":"4.6.6"}', {}, "JupyterLab 4.6.6"],
  ['{"appName":"Jupyter Notebook","appVersion":"7.6.5"}', {}, "Jupyter Notebook 7.6.5"],
  ['{"appName":"JupyterLab"}', {}, "JupyterLab"],
  ['{"kernelId":"x"}', { voila: "voila" }, "Voila"],
  ["not JSON", {}, "unknown"],
  [null, { vscodeThemeKind: "vscode-dark" }, "VS Code"],
  [null, {}, "unknown"],
])("the host of %s %o is %s", (config, body, host) => {
  expect(factsOf({}, documentOf(config, body)).host).toBe(host);
});

test("the facts are texts, also where the host hides its kernel", () => {
  const kernel = { createComm: () => {}, connectionStatus: "connected", supportsSubshells: true };
  const seen = factsOf({ widget_manager: { kernel } });
  expect(seen).toMatchObject({ connection: "connected", "subshells used": "yes" });
  const hidden = factsOf({});
  expect(hidden).toMatchObject({ connection: "hidden by the host", "subshells used": "no" });
  expect([...Object.values(seen), ...Object.values(hidden)].every((value) => typeof value === "string")).toBe(true);
});

test("the page says hello, and answers each ping until its widget is gone", async () => {
  const sent: { op: string; n?: number; late?: number }[] = [];
  const listeners = new Map<string, (content: unknown) => void>();
  const model = {
    get: () => "probe",
    on: (name: string, listener: () => void) => listeners.set(name, listener),
    off: (name: string) => listeners.delete(name),
    set: () => {},
    send: (message: { op: string }) => sent.push(message),
  } as unknown as AnyModel<{ name: string }>;
  const life = new AbortController();
  page.initialize({ model, signal: life.signal });
  expect(sent).toMatchObject([{ op: "hello" }]);

  const ask = listeners.get("msg:custom");
  for (const odd of [null, "x", {}, { n: "1" }, { n: -1 }]) ask?.(odd);
  ask?.({ op: "ask", n: 7, pad: "" });
  await vi.waitFor(() => expect(sent).toHaveLength(2));
  expect(sent[1]).toMatchObject({ op: "answer", n: 7 });
  expect(sent[1]?.late).toBeGreaterThanOrEqual(0);
  life.abort();
  expect(listeners.size).toBe(0);
});

test("a kernel in a worker of the page hears it by its channel, also while a cell awaits", async () => {
  const heard: unknown[] = [];
  const worker = new BroadcastChannel("kernel c");
  worker.onmessage = ({ data }) => heard.push(data);
  const send = vi.fn();
  const model = { get: () => "kernel c/probe", on: () => {}, off: () => {}, set: () => {}, send };
  page.initialize({ model: model as unknown as AnyModel<{ name: string }>, signal: new AbortController().signal });
  await vi.waitFor(() => expect(heard).toHaveLength(1));
  expect(heard).toMatchObject([{ content: { data: { op: "hello", id: "kernel c/probe" } } }]);
  expect(send).not.toHaveBeenCalled();
  worker.close();
});
