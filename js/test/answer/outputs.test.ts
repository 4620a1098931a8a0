// What a model yields beside text: at its place, by the host's own renderer, and never as HTML of ours.

import { afterEach, expect, test } from "vitest";
import "../../src/answer/answer.css";
import { answerMimebundle, outputBundles } from "../../src/saved/mimebundle";
import { Transcript } from "../../src/transcript/transcript";
import { frames, Host, KernelSide } from "../kernel_side";

const HTML = "<table class=own><tr><td>1</td></tr></table>";
const EVIL = '<img src=x onerror="window.__pwn=1">';
const PNG = "iVBORw0KGgo=";

let hosts: Host[] = [];
afterEach(() => {
  for (const host of hosts) host.life.abort();
  hosts = [];
  document.body.replaceChildren();
});

/** The host's renderer, as JupyterLab has it. It notes what it was asked for. */
class FakeRenderMime {
  asked: unknown[] = [];
  disposed = 0;
  preferredMimeType(data: Record<string, unknown>, safe: string) {
    this.asked.push(safe);
    return ["text/html", "image/png", "text/plain"].find((type) => type in data);
  }
  createModel(options: object) {
    return options;
  }
  createRenderer(type: string) {
    const node = document.createElement("div");
    const dispose = () => {
      this.disposed += 1;
    };
    const renderModel = async (model: { data: Record<string, unknown>; trusted: boolean }) => {
      node.className = "by-host";
      node.textContent = `${type} ${model.trusted} ${model.data[type]}`;
      if (type === "image/png") node.append(document.createElement("img")); // the host's has no alt
      if (type === "text/plain") node.append(document.createElement("pre"));
    };
    return { node, renderModel, dispose };
  }
}

function start(state: object = {}, rendermime: FakeRenderMime | null = new FakeRenderMime()) {
  const kernel = new KernelSide({ outputs: [], ...state });
  const host = new Host(kernel.state);
  const proxy = host.proxy.bind(host);
  host.proxy = () => {
    const made = proxy();
    Object.assign((made as unknown as { widget_manager: object }).widget_manager, rendermime && { rendermime });
    return made;
  };
  hosts.push(host);
  host.initialize();
  const { root } = host.render();
  const text = root.querySelector(".streamwidget-text") as HTMLElement;
  const show = (data: object, more: object = {}) => {
    const output = { at: kernel.state.text.length, data, metadata: {}, cut: "", trusted: true, ...more };
    (kernel.state.outputs as object[]).push(output);
    return { op: "output", seq: ++kernel.state.seq, ...structuredClone(output) };
  };
  const shown = () => [...text.children].map((one) => one.textContent?.trim()).filter(Boolean);
  return { kernel, host, text, show, shown, rendermime: rendermime as FakeRenderMime };
}

test("an output is shown at its place, and what is shown stays in the page", async () => {
  const { kernel, host, text, show, shown, rendermime } = start();
  host.deliver(kernel.delta("A *table* 😀:"), show({ "text/html": HTML, "text/plain": "1" }), kernel.delta("and"));
  await expect.poll(shown).toEqual(["A table 😀:", `text/html true ${HTML}`, "and"]);
  const [first, output] = text.children;
  expect(first?.querySelector("em")?.textContent).toBe("table");
  host.deliver(kernel.delta(" a `figure`"), show({ "image/png": PNG, "text/plain": "fig" }, { cut: "left out: x" }));
  host.deliver(kernel.snapshot(), kernel.delta("Done."), kernel.end());
  await expect
    .poll(shown)
    .toEqual(["A table 😀:", `text/html true ${HTML}`, "and a figure", `image/png true ${PNG}left out: x`, "Done."]);
  expect([text.children[0], text.children[1]]).toEqual([first, output]);
  expect(rendermime.asked).toEqual(["any", "any"]);
  expect(text.querySelector("img")?.alt).toBe("fig");
  host.life.abort();
  expect(rendermime.disposed).toBe(2);
});

test("an output of a file is shown as the host shows what it does not trust", async () => {
  const output = { at: 2, data: { "text/html": EVIL, "text/plain": "1" }, metadata: {}, cut: "", trusted: false };
  const { shown, rendermime } = start({ seq: 1, phase: "over", outcome: "complete", text: "ab", outputs: [output] });
  await expect.poll(shown).toEqual(["ab", `text/html false ${EVIL}`]);
  expect(rendermime.asked).toEqual(["ensure"]);
});

test("without the host's renderer a picture is an image, and all else is plain text", async () => {
  const { kernel, host, text, show } = start({}, null);
  host.deliver(show({ "text/html": EVIL, "text/plain": EVIL }), kernel.delta(EVIL), show({ "image/png": PNG }));
  host.deliver(show({ "image/png": '"><b>' }), { op: "output", seq: ++kernel.state.seq, at: 0, data: EVIL });
  await expect.poll(() => text.querySelectorAll(".streamwidget-output > *").length).toBe(3);
  expect(text.querySelector("pre")?.textContent).toBe(EVIL);
  const images = [...text.querySelectorAll("img")].map(({ src }) => src);
  expect(images[0]).toBe(`data:image/png;base64,${PNG}`);
  expect(images.every((src) => src.startsWith("data:image/png;base64,"))).toBe(true);
  expect(text.querySelector("b, table, [onerror]")).toBe(null);
  expect("__pwn" in window).toBe(false);
});

test("a step folds its text, and its output stays in sight above the next text", async () => {
  const { kernel, host, text, show, shown } = start();
  host.deliver(kernel.delta("I look."), show({ "text/plain": "4 °C" }), kernel.step(), kernel.delta("Cold."));
  await frames();
  await expect.poll(shown).toEqual(["text/plain true 4 °C", "Cold."]);
  // The host's plain text has no frame of code.
  expect(getComputedStyle(text.querySelector("pre") as Element).paddingTop).not.toBe("28px");
  host.deliver(kernel.restart(""));
  Object.assign(kernel.state, { outputs: [] });
  host.deliver(kernel.restart("Anew"), kernel.end());
  await expect.poll(shown).toEqual(["Anew"]);
});

test("when the kernel is gone the page saves the outputs at their places", () => {
  const outputs = [
    { at: 2, data: { "text/html": HTML, "text/plain": "1" }, trusted: true },
    { at: 2, data: { "image/png": PNG, "text/plain": "fig" }, trusted: true, cut: "left out: text/html (3.0 MB)" },
    { at: 4, data: { "text/html": EVIL, "text/plain": "of a file" }, trusted: false },
    { at: 4, data: { "image/svg+xml": "<svg/>", "text/plain": "drawn" }, trusted: true },
  ];
  const text = "😀**cd** <!--0-->"; // of two units and one character before the first output
  const state = new KernelSide({ seq: 1, phase: "over", outcome: "complete", text, outputs }).state;
  const t = new Transcript(state, () => true);
  const bundle = answerMimebundle(t);
  const [kept] = Object.values(outputBundles([null, t])) as [{ place: number; data: object; cut?: string }[]];
  expect(kept.map(({ place, data, cut }) => [place, Object.keys(data), cut])).toEqual([
    [1, ["text/html", "text/plain"], undefined],
    [1, ["image/png", "text/plain"], "left out: text/html (3.0 MB)"],
    [3, ["text/plain"], undefined],
    [3, ["image/svg+xml", "text/plain"], undefined],
  ]);
  expect(bundle["text/html"]).toContain('src="data:image/svg+xml,%3Csvg%2F%3E" alt="drawn"');
  expect(bundle["text/html"]).toContain(HTML);
  expect(bundle["text/html"]).toContain(`src="data:image/png;base64,${PNG}"`);
  expect(bundle["text/html"]).not.toContain("onerror");
  expect(bundle["text/html"]).toContain("&lt;!--0--&gt;");
  expect(bundle["text/plain"]?.startsWith("😀\n\n1\n\nfig\n\n**\n\nof a file\n\ndrawn\n\ncd** ")).toBe(true);
});
