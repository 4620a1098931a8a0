// When the kernel is gone, the page saves the same answer as the kernel would have saved (streamwidget/_saved).

import { expect, test } from "vitest";
import { answerMimebundle } from "../../src/saved/mimebundle";
import { Transcript } from "../../src/transcript/transcript";
import { KernelSide } from "../kernel_side";
import cases from "../saved_answers.json";

function read(html: string): string {
  const root = document.createElement("div");
  root.innerHTML = html;
  // The live view has directions on every block.
  for (const block of root.querySelectorAll("[dir]")) block.removeAttribute("dir");
  return root.innerHTML.replace(/>\n+/g, ">").replace(/\n+</g, "<");
}

function transcript(state: Record<string, unknown>): Transcript {
  return new Transcript(new KernelSide({ seq: 1, ...state }).state, () => true);
}

for (const { name, state, html } of cases) {
  test(`the page saves what the kernel saves: ${name}`, () => {
    const bundle = answerMimebundle(transcript({ ...state, phase: "over" }));
    expect(read(bundle["text/html"] ?? "")).toBe(read(html));
    expect(read(bundle["text/html"] ?? "")).toBe(read(read(bundle["text/html"] ?? "")));
  });
}

test("an answer whose kernel is gone says so, as HTML and as text", () => {
  const t = transcript({ phase: "streaming", text: "**so** far\n", demo: true });
  t.kernelGone();
  const bundle = answerMimebundle(t);
  expect(bundle["text/html"]).toContain("<strong>so</strong> far");
  expect(bundle["text/html"]).toContain('<strong class="streamwidget-bad">kernel gone; the answer is cut</strong>');
  expect(bundle["text/plain"]).toBe("**so** far\n\n[demo · demo-model · kernel gone; the answer is cut]");
});

test("the words of a model, a server or a tool are shown as text", () => {
  const evil = '<img src=x onerror="window.__pwn=1"></p><script>1</script>\u001b $\\href{javascript:1}{x}$';
  const tool_calls = [{ name: evil, arguments: evil }];
  const state = { model: evil, text: evil, reasoning: evil, refusal: evil, tool_calls, outcome: "error", detail: evil };
  const { "text/html": html, "text/plain": plain } = answerMimebundle(transcript({ ...state, phase: "over" }));
  const root = document.createElement("div");
  root.innerHTML = html ?? "";
  expect(root.querySelector("img, script")).toBeNull();
  expect(html + (plain ?? "")).not.toContain("\u001b");
  for (const part of root.querySelectorAll("bdi, small, blockquote")) expect(part.innerHTML).not.toMatch(/\$\\|\\href/);
});
