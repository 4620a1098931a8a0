// The question whether a tool may run.

import { afterEach, expect, test } from "vitest";
import { userEvent } from "vitest/browser";
import "../../src/answer/answer.css";
import { frames, Host, KernelSide } from "../kernel_side";

let host: Host;

function start() {
  const kernel = new KernelSide();
  host = new Host(kernel.state, null);
  host.initialize();
  const { root } = host.render();
  const asks = (...names: string[]) => {
    const list = names.map((name) => ({ key: `key of ${name}`, name, arguments: '{"path": "<b>x</b>"}' }));
    kernel.state.asks = list;
    return { op: "asks", seq: ++kernel.state.seq, asks: list };
  };
  const boxes = () => [...root.querySelectorAll<HTMLElement>(".streamwidget-ask")];
  const button = (box: number, name: string) =>
    [...(boxes()[box]?.querySelectorAll("button") ?? [])].find((one) => one.textContent === name) as HTMLButtonElement;
  return { kernel, root, asks, boxes, button };
}

const answers = () => host.sent.filter((message) => message.op === "confirm");

afterEach(() => {
  host.life.abort();
  document.body.replaceChildren();
});

test("a tool that waits is shown as text, takes no focus, and is announced", async () => {
  const { kernel, root, asks, boxes } = start();
  const before = document.activeElement;
  host.deliver(kernel.delta("I remove it."), asks("<img src=x>\u202e"));
  await frames();
  expect(boxes()).toHaveLength(1);
  expect(boxes()[0]?.querySelector("img, b")).toBeNull();
  expect(boxes()[0]?.querySelector("pre")?.textContent).toContain("<b>x</b>");
  expect(boxes()[0]?.textContent).not.toContain("\u202e");
  expect(boxes()[0]?.closest(".streamwidget-text")).toBeNull();
  expect(document.activeElement).toBe(before);
  expect(root.querySelector(".streamwidget-spoken")?.textContent).toContain("waits for your consent");
});

test("each button sends its word with the key, and a refusal its reason. The box goes when the kernel says so", async () => {
  const { kernel, asks, boxes, button } = start();
  host.deliver(kernel.delta("x"), asks("f", "g"));
  await frames();
  button(1, "Run once").click();
  expect(answers()).toEqual([expect.objectContaining({ key: "key of g", decision: "once", reason: "" })]);
  const reason = boxes()[0]?.querySelector("input") as HTMLInputElement;
  host.deliver(asks("f"));
  await frames();
  expect(boxes()).toHaveLength(1);
  reason.focus();
  await userEvent.keyboard("It is dear.{Enter}");
  expect(answers()[1]).toEqual(expect.objectContaining({ key: "key of f", decision: "refuse", reason: "It is dear." }));
  button(0, "Always in this session").click();
  expect(answers()[2]).toEqual(expect.objectContaining({ decision: "always", reason: "" }));
  host.deliver(asks());
  await frames();
  expect(boxes()).toHaveLength(0);
  expect(document.activeElement).not.toBe(document.body); // the keyboard stays in the answer
});

test("a page that comes late shows it too, and the end takes it away", async () => {
  const { kernel, asks, boxes } = start();
  asks("f");
  host.deliver(kernel.snapshot());
  await frames();
  expect(boxes()).toHaveLength(1);
  host.deliver(kernel.end("cancelled"));
  await frames();
  expect(boxes()).toHaveLength(0);
});
