// The connection to the kernel goes and comes back: what the view says, keeps, sends and does not send.

import { afterEach, expect, test, vi } from "vitest";
import { PAGE } from "../../src/kernel/kernel_link";
import { answerMimebundle } from "../../src/saved/mimebundle";
import { Transcript } from "../../src/transcript/transcript";
import { type FakeKernel, frames, Host, KernelSide } from "../kernel_side";

let hosts: Host[] = [];

afterEach(() => {
  for (const host of hosts) host.life.abort();
  hosts = [];
  document.body.replaceChildren();
});

// While the answer is written its state stands in the header, and after that in the foot.
const said = (line: HTMLElement) => (line.hidden ? "" : line.textContent);

function start(state: Record<string, unknown> = {}) {
  const kernel = new KernelSide(state);
  const host = new Host(kernel.state);
  hosts.push(host);
  host.initialize();
  const { root } = host.render();
  const find = (name: string) => root.querySelector<HTMLElement>(`.streamwidget-${name}`) as HTMLElement;
  host.deliver(kernel.delta("half "));
  return {
    kernel,
    host,
    root,
    fake: host.kernel as FakeKernel,
    find,
    status: () => said(find("state")) + said(find("status")),
  };
}

const LOST = "connection to the kernel lost, trying again";
const GIVEN_UP = "connection lost: the text so far is kept";

test.each([
  // What happens, in order. Then what the line says, and the phase.
  [["connecting"], LOST, "disconnected"],
  [["disconnected"], GIVEN_UP, "disconnected"],
  [["connecting", "disconnected", "connecting"], LOST, "disconnected"],
  [["stop", "connecting"], `${LOST} · your stop is sent when it is back`, "disconnected"],
  [["connecting", "stop"], `${LOST} · your stop is sent when it is back`, "disconnected"],
  [["disconnected", "stop"], `${GIVEN_UP} · your stop did not reach the kernel`, "disconnected"],
  [["connecting", "dead"], "kernel gone · the text so far is kept", "gone"],
  [["connecting", "connected", "dead"], "kernel gone · the text so far is kept", "gone"],
  [["dead", "disconnected"], "kernel gone · the text so far is kept", "gone"],
  [["disposed", "disconnected"], "kernel gone · the text so far is kept", "gone"],
  [["something new"], "streaming · # s · first token # s", "streaming"],
] as const)("after %j the line says %j", async (happens, line, phase) => {
  const { root, fake, find, status } = start();
  for (const one of happens) {
    if (one === "stop") find("stop").click();
    else if (one === "dead") fake.status(one);
    else if (one === "disposed") fake.disposed.emit(undefined);
    else fake.connection(one);
  }
  await frames();
  expect(status().replace(/[\d.]+ s/g, "# s")).toBe(line); // a busy machine is late
  expect(find("text").textContent?.trim()).toBe("half");
  expect(root.dataset.phase).toBe(phase);
  expect(find("stop").hidden).toBe(phase === "gone");
  expect(find("stop").textContent).toBe("Stop");
});

test("when the connection is back, all that came meanwhile is there", async () => {
  const { kernel, host, root, fake, find, status } = start();
  fake.connection("connecting");
  host.sent = [];
  kernel.delta("and the rest");
  kernel.end();
  fake.connection("connected");
  expect(host.sent.map(({ op }) => op)).toEqual(["sync"]);
  host.deliver(kernel.snapshot());
  await frames();
  expect(find("text").textContent?.trim()).toBe("half and the rest");
  expect([root.dataset.outcome, status()]).toEqual([
    "complete",
    "complete · 182 tokens · first token 0.35 s · total 3.2 s",
  ]);
});

test.each([
  ["before", "lost"],
  ["after", "lost"],
  ["after", "given up"],
] as const)("a stop pressed %s the connection was %s is sent when it is back, once", async (when, how) => {
  const { kernel, host, fake, find } = start();
  const down = () => fake.connection(how === "lost" ? "connecting" : "disconnected");
  if (when === "after") down();
  find("stop").click();
  find("stop").click();
  if (when === "before") down();
  expect(host.ops("stop")).toBe(when === "before" ? 2 : 0);
  host.sent = [];
  fake.connection("connected");
  expect(host.ops("stop")).toBe(1);
  host.deliver(kernel.end("cancelled"));
  for (const status of ["connecting", "connected"]) fake.connection(status);
  expect(host.ops("stop")).toBe(1);
});

test("a kept answer that is over offers Retry only while the kernel can be reached", async () => {
  const { kernel, host, root, fake } = start({ kept: true });
  const offered = () =>
    [...root.querySelectorAll(".streamwidget-remedies:not([hidden]) button")].map((b) => b.textContent);
  host.deliver(kernel.end("cancelled"));
  await frames();
  expect(offered()).toEqual(["Continue", "Retry"]);
  fake.connection("connecting");
  await frames();
  expect(offered()).toEqual([]);
  fake.connection("connected");
  await frames();
  expect(offered()).toEqual(["Continue", "Retry"]);
});

test("a screen reader hears that the connection is lost, and that it is back", async () => {
  const { kernel, host, fake, find } = start();
  fake.connection("connecting");
  await frames();
  expect(find("spoken").textContent).toBe(LOST);
  fake.connection("connected");
  host.deliver(kernel.delta("more"));
  await frames();
  expect(find("spoken").textContent).toBe("Answer started");
});

test("a host that reports no connection, or in another way, is left alone", async () => {
  for (const signal of [undefined, {}, { connect: "no" }]) {
    const kernel = new KernelSide();
    const host = new Host(kernel.state);
    hosts.push(host);
    Object.assign(host.kernel as object, { connectionStatusChanged: signal, disposed: signal });
    host.initialize();
    const { root } = host.render();
    host.deliver(kernel.delta("text"));
    await frames();
    expect(root.dataset.phase).toBe("streaming");
  }
});

test("what is over, or under a closed view, is not asked for when the connection is back", () => {
  const over = start();
  over.host.deliver(over.kernel.end());
  const closed = start();
  closed.host.life.abort();
  for (const { host, fake } of [over, closed]) {
    host.sent = [];
    for (const status of ["connecting", "connected"]) fake.connection(status);
    expect(host.sent).toEqual([]);
  }
});

test("of a killed kernel neither the line nor the saved answer has a total, and nothing counts on", async () => {
  const { kernel, host, root, fake, status } = start({ timing: { first_delta: 0.2, total: 1.5, deltas: 3 } });
  host.deliver(kernel.snapshot());
  fake.status("dead");
  await frames();
  expect(status()).toBe("kernel gone · the text so far is kept");
  const set = vi.spyOn(globalThis, "setTimeout");
  document.dispatchEvent(new Event("visibilitychange"));
  await frames();
  expect(set.mock.calls.filter(([, ms]) => (ms ?? 0) > 500)).toEqual([]); // no tick
  set.mockRestore();
  expect(root.textContent).not.toContain("total");
  const cut = new Transcript(kernel.state, () => true);
  cut.kernelGone();
  expect(answerMimebundle(cut)["text/plain"]).toBe(
    "half \n\n[demo-model · kernel gone; the answer is cut · first token 0.20 s]",
  );
  cut.dispose();
});

test("a ping is answered, also in a hidden page, and is not a message of the stream", () => {
  const { kernel, host } = start();
  try {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => true });
    host.sent = [];
    host.deliver({ op: "ping" }, kernel.delta("more"), { op: "ping" });
    const here = { op: "here", page: PAGE };
    expect(host.sent).toEqual([here, here]);
  } finally {
    Reflect.deleteProperty(document, "hidden");
  }
});

test("a page shows the view while one is mounted, or while an output of it waits to be drawn", () => {
  const host = new Host(new KernelSide().state);
  hosts.push(host);
  host.initialize();
  const answers = () => {
    host.sent = [];
    host.deliver({ op: "ping", view: "m1" }, { op: "ping", view: "in another notebook" }, { op: "ping" });
    expect(new Set(host.sent.map(({ page }) => page))).toEqual(new Set([PAGE]));
    return host.sent.map(({ op }) => op);
  };
  expect(answers()).toEqual(["here", "left", "left"]);
  const { life } = host.render();
  expect(answers()).toEqual(["here", "here", "here"]);
  life.abort();
  expect(answers()).toEqual(["here", "left", "left"]);
  host.cell.outputs.length = 0; // the saved answer is in its place
  expect(answers()).toEqual(["left", "left", "left"]);
});
