// The live view at its end has the elements of the saved answer (streamwidget/_saved/answer.py), in the same order and
// with the same inline styles. So nothing moves when one replaces the other. Elements that only a live view has are
// named here, and have no height.

import { afterEach, expect, test } from "vitest";
import { frames, Host, KernelSide } from "../kernel_side";
import cases from "../saved_answers.json";

const ONLY_LIVE = [
  "[hidden]",
  "button",
  ".streamwidget-state",
  ".streamwidget-controls",
  ".streamwidget-remedies",
  ".streamwidget-spoken",
  ".streamwidget-tools",
  ".streamwidget-asks", // empty once nothing is asked
].join();

function shape(root: Element): string {
  const copy = root.cloneNode(true) as Element;
  for (const node of copy.querySelectorAll(ONLY_LIVE)) node.remove();
  for (const span of copy.querySelectorAll("span")) span.replaceWith(...span.childNodes);
  for (const node of copy.querySelectorAll("*"))
    for (const { name, value } of [...node.attributes]) {
      const kept = name === "class" ? value.match(/\bjp-\S+|\blanguage-\S+|\bstreamwidget-text\b/g)?.join(" ") : value;
      if ((name !== "class" && name !== "style") || !kept) node.removeAttribute(name);
      else node.setAttribute(name, name === "style" ? (node as HTMLElement).style.cssText : kept);
    }
  copy.normalize();
  return copy.innerHTML.replace(/>\s+/g, ">").replace(/\s+</g, "<");
}

let host: Host | undefined;
afterEach(() => {
  host?.life.abort();
  document.body.replaceChildren();
});

for (const { name, state, html } of cases) {
  test(`the live view ends as the saved answer: ${name}`, async () => {
    const saved = document.createElement("div");
    saved.innerHTML = html;
    const kernel = new KernelSide({ model: state.model, demo: state.demo, mark: state.mark ?? "" });
    host = new Host(kernel.state);
    host.initialize();
    const { root } = host.render();
    for (const details of root.querySelectorAll("details")) details.open = true; // it is rendered when it is read
    for (const piece of state.reasoning.match(/[\s\S]{1,3}/gu) ?? []) host.deliver(kernel.reasoning(piece));
    for (const step of "steps" in state ? state.steps : []) {
      for (const piece of step.text.match(/[\s\S]{1,3}/gu) ?? []) host.deliver(kernel.delta(piece));
      for (const [index, call] of step.tool_calls.entries())
        host.deliver(kernel.tool(index, call.name, call.arguments));
      await frames();
      host.deliver(kernel.step());
    }
    for (const piece of state.text.match(/[\s\S]{1,3}/gu) ?? []) host.deliver(kernel.delta(piece));
    for (const piece of state.refusal.match(/[\s\S]{1,3}/gu) ?? []) host.deliver(kernel.refusal(piece));
    for (const [index, call] of state.tool_calls.entries())
      host.deliver(kernel.tool(index, call.name, ""), kernel.tool(index, null, call.arguments));
    await frames(4);
    host.deliver(
      kernel.end(state.outcome, state.detail, {
        timing: state.timing,
        tokens: state.tokens,
        missing: state.missing ?? "",
        spent: state.spent ?? "",
      }),
    );
    await frames(6);
    expect(shape(root)).toBe(shape(saved));
    expect(root.lastElementChild?.className).toContain("streamwidget-status");
  });
}
