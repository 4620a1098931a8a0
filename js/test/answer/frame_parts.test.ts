// The parts around the answer's text: folds, refusal, remedies, Copy, the box of limited height.

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { userEvent } from "vitest/browser";
import "../../src/answer/answer.css";
import { frames, Host, KernelSide } from "../kernel_side";

let hosts: Host[] = [];

function start(state: Record<string, unknown> = {}, maxHeight: number | null = null) {
  const kernel = new KernelSide(state);
  const host = new Host(kernel.state, maxHeight);
  hosts.push(host);
  host.initialize();
  const { root } = host.render();
  const find = (selector: string) => root.querySelector<HTMLElement>(selector) as HTMLElement;
  return { kernel, host, root, find };
}

const shown = (node: Element | null) => node?.checkVisibility() ?? false;

beforeEach(() => {
  hosts = [];
});
afterEach(() => {
  for (const host of hosts) host.life.abort();
  document.body.replaceChildren();
  vi.restoreAllMocks();
});

test("reasoning is folded, shows that it grows, can be opened meanwhile, and stays as the person left it", async () => {
  const { kernel, host, find } = start();
  const fold = find(".streamwidget-reasoning") as HTMLDetailsElement;
  expect(shown(fold)).toBe(false);
  host.deliver(kernel.reasoning("Let me *think*. "));
  await frames();
  expect(shown(fold)).toBe(true);
  expect(fold.open).toBe(false);
  const summary = find(".streamwidget-reasoning summary");
  expect(summary.textContent).toBe("Thinking (16 characters)");
  expect(shown(find(".streamwidget-reasoning .streamwidget-dot"))).toBe(true);
  expect(fold.querySelector("em")).toBeNull(); // not rendered for nobody
  summary.focus();
  await userEvent.keyboard("{Enter}");
  await expect.poll(() => fold.querySelector("em")?.textContent).toBe("think");
  host.deliver(kernel.reasoning("And **more**."));
  await expect.poll(() => fold.querySelector("strong")?.textContent).toBe("more");
  host.deliver(kernel.delta("42"), kernel.end());
  await frames();
  expect(fold.open).toBe(true);
  expect(shown(find(".streamwidget-reasoning .streamwidget-dot"))).toBe(false);
  expect(summary.textContent).toBe("Thought");
});

test("what is below does not move up while the answer streams. A fold that is closed, and the end, leave no gap", async () => {
  const { kernel, host, root, find } = start();
  host.deliver(kernel.delta("Two\n\nrivers\n\nand\n\na lake\n\nand a sea."));
  await frames();
  const height = root.offsetHeight;
  Object.assign(kernel.state, { seq: kernel.state.seq + 1, reasoning: "Two rivers.", text: "Two" });
  host.deliver(kernel.snapshot());
  await expect.poll(() => find(".streamwidget-text").textContent?.trim()).toBe("Two");
  await frames();
  expect(root.offsetHeight).toBe(height);
  find(".streamwidget-reasoning summary").click();
  await expect.poll(() => root.offsetHeight).toBeLessThan(height);
  const open = root.offsetHeight;
  find(".streamwidget-reasoning summary").click();
  await expect.poll(() => root.offsetHeight).toBeLessThan(open);
  host.deliver(kernel.delta("\n\nrivers"));
  await frames();
  host.deliver(kernel.end());
  await expect.poll(() => root.style.minHeight).toBe("");
});

test("text that was reasoning moves into the fold, and the answer begins anew", async () => {
  const { kernel, host, find } = start();
  host.deliver(kernel.delta("Two "), kernel.delta("rivers."));
  await frames();
  expect(find(".streamwidget-text").textContent).toContain("Two rivers.");
  Object.assign(kernel.state, { seq: kernel.state.seq + 1, reasoning: "Two rivers.", text: "" });
  host.deliver(kernel.snapshot());
  await frames();
  expect(find(".streamwidget-text").textContent).not.toContain("Two");
  expect(find(".streamwidget-reasoning summary").textContent).toBe("Thinking (11 characters)");
  host.deliver(kernel.delta("Rhine"), kernel.end());
  await expect.poll(() => find(".streamwidget-text").textContent?.trim()).toBe("Rhine");
  expect(shown(find(".streamwidget-reasoning"))).toBe(true);
});

test("tool calls are folded lines with their arguments as they come", async () => {
  const { kernel, host, root } = start();
  host.deliver(kernel.tool(0, "get_weather", '{"city":'), kernel.tool(1, "noop", ""));
  await frames();
  const folds = root.querySelectorAll<HTMLDetailsElement>("details.streamwidget-call");
  expect(folds.length).toBe(2);
  expect(folds[0]?.open).toBe(false);
  expect(folds[0]?.querySelector("summary")?.textContent).toBe('Tool call: get_weather {"city":');
  host.deliver(kernel.tool(0, null, ' "<b>Paris</b>"}'));
  await frames();
  expect(root.querySelectorAll("details.streamwidget-call")[0]).toBe(folds[0]);
  expect(folds[0]?.querySelector("pre")?.textContent).toBe('{"city": "<b>Paris</b>"}');
  expect(folds[0]?.querySelector("summary")?.textContent).toBe('Tool call: get_weather {"city": "<b>Paris</b>"}');
});

test("a refusal is marked", async () => {
  const { kernel, host, root } = start();
  expect(shown(root.querySelector("blockquote"))).toBe(false);
  host.deliver(kernel.refusal("I cannot\nhelp "), kernel.refusal("<i>with</i> that."));
  await frames();
  expect(root.querySelector(".streamwidget-refusal")?.textContent).toBe("The model refused:");
  expect(root.querySelector("blockquote p")?.innerHTML).toBe("I cannot<br>help &lt;i&gt;with&lt;/i&gt; that.");
});

test("a kept view offers its remedies, asks once, and is live again with Stop", async () => {
  const { kernel, host, root, find } = start({ kept: true });
  host.deliver(kernel.delta("Half an"), kernel.end("length"));
  await frames();
  const buttons = [...root.querySelectorAll<HTMLButtonElement>(".streamwidget-remedy")];
  expect(buttons.map((button) => button.textContent)).toEqual(["Continue", "Retry"]);
  buttons[0]?.focus();
  await userEvent.keyboard("{Enter}");
  buttons[1]?.click();
  expect([host.ops("continue"), host.ops("retry")]).toEqual([1, 0]);
  await frames();
  expect(buttons[0]?.ariaDisabled).toBe("true");
  host.deliver(kernel.restart("Half an"));
  await frames();
  expect(root.dataset.outcome).toBeUndefined();
  expect(root.querySelector(".streamwidget-remedy")).toBeNull();
  expect(document.activeElement).toBe(find(".streamwidget-stop"));
  host.deliver(kernel.delta(" answer."));
  await userEvent.keyboard("{Escape}");
  expect(host.kernel?.comms[0]?.sent).toEqual([{ op: "stop", id: "7" }]);
  host.deliver(kernel.end());
  await frames();
  expect(find(".streamwidget-text").textContent?.trim()).toBe("Half an answer.");
  expect(root.dataset.outcome).toBe("complete");
});

test("Retry replaces the answer and all that came with it", async () => {
  const { kernel, host, root, find } = start({ kept: true });
  host.deliver(kernel.reasoning("hm"), kernel.delta("Wrong"), kernel.tool(0, "f", "{}"), kernel.refusal("no"));
  host.deliver(kernel.end("error", "Overloaded"), kernel.restart(""), kernel.delta("Right"), kernel.end());
  await frames();
  expect(find(".streamwidget-text").textContent?.trim()).toBe("Right");
  expect([...root.querySelectorAll("details, blockquote")].some(shown)).toBe(false);
});

test("an untaken remedy is shown as queued, and with the kernel gone none is offered", async () => {
  const { kernel, host, root, find } = start({ kept: true });
  host.deliver(kernel.end("http_error", "refused"));
  await frames();
  root.querySelector<HTMLButtonElement>(".streamwidget-remedy")?.click();
  await expect.poll(() => find(".streamwidget-status").textContent).toContain("kernel busy: retry is queued");
  host.kernel?.status("dead");
  await frames();
  expect(root.querySelector(".streamwidget-remedy")).toBeNull();
});

test("Copy gives the Markdown of the answer, says so, and is there as soon as there is text", async () => {
  const { kernel, host, find } = start();
  const copy = find(".streamwidget-copy");
  expect(shown(copy)).toBe(false);
  const write = vi.spyOn(navigator.clipboard, "writeText").mockResolvedValue();
  host.deliver(kernel.delta("# A *title*\n"));
  await frames();
  await userEvent.click(copy);
  expect(write).toHaveBeenCalledWith("# A *title*\n");
  await expect.poll(() => copy.textContent).toBe("Copied");
  expect(find("[role=status]").textContent).toBe("Answer copied");
  expect(copy.ariaLabel).toBe("Copy answer");
});

test("without navigator.clipboard, Copy uses a textarea, and gives the focus back", async () => {
  const { kernel, host, find } = start();
  vi.spyOn(navigator.clipboard, "writeText").mockRejectedValue(new Error("not allowed"));
  let copied = "";
  vi.spyOn(document, "execCommand").mockImplementation(() => {
    copied = (document.activeElement as HTMLTextAreaElement).value;
    return true;
  });
  host.deliver(kernel.delta("text"));
  await frames();
  const copy = find(".streamwidget-copy");
  await userEvent.click(copy);
  await expect.poll(() => copy.textContent).toBe("Copied");
  expect(copied).toBe("text");
  expect(document.activeElement).toBe(copy);
  expect(document.querySelector("textarea")).toBeNull();
});

test("a box of limited height follows its end only while the person is there", async () => {
  const { kernel, host, root, find } = start({}, 120);
  const text = find(".streamwidget-text");
  const jump = find(".streamwidget-jump button");
  const atEnd = () => text.scrollTop + text.clientHeight >= text.scrollHeight - 2;
  for (let i = 0; i < 20; i += 1) host.deliver(kernel.delta(`Line ${i}.\n\n`));
  await frames();
  expect(text.clientHeight).toBeLessThanOrEqual(120);
  expect(atEnd()).toBe(true);
  text.scrollTop = 10;
  await expect.poll(() => shown(jump)).toBe(true);
  host.deliver(kernel.delta("More.\n\n".repeat(20)));
  await frames();
  expect(text.scrollTop).toBe(10);
  const height = root.offsetHeight;
  await userEvent.click(jump);
  expect(atEnd()).toBe(true);
  await expect.poll(() => shown(jump)).toBe(false);
  expect(root.offsetHeight).toBe(height);
  host.deliver(kernel.delta("And more.\n\n".repeat(20)));
  await frames();
  expect(atEnd()).toBe(true);
});

test("buttons keep their keys from the notebook even when nothing runs any more", async () => {
  const { kernel, host, root } = start({ kept: true });
  host.deliver(kernel.reasoning("x"), kernel.delta("a"), kernel.tool(0, "f", ""), kernel.end("cancelled"));
  await frames();
  expect(root.dataset.lmSuppressShortcuts).toBeUndefined();
  for (const control of root.querySelectorAll("button, summary"))
    expect(control.closest("[data-lm-suppress-shortcuts]"), control.outerHTML).not.toBeNull();
});
