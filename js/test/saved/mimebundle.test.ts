// When the kernel is gone, the page saves the same answer as the kernel would have saved (streamwidget/_saved).

import { expect, test } from "vitest";
import tools from "../../src/code/bundle";
import { loadToolsBy, withTools } from "../../src/code/later";
import { answerMimebundle } from "../../src/saved/mimebundle";
import { Transcript } from "../../src/transcript/transcript";
import { KernelSide } from "../kernel_side";
import cases from "../saved_answers.json";

/** The HTML without colours of code, and line breaks between tags that no reader sees. `bare` is without a style sheet's part. */
function read(html: string, bare = true): string {
  const root = document.createElement("div");
  root.innerHTML = html;
  for (const token of root.querySelectorAll("pre span[style^=color]")) token.replaceWith(...token.childNodes);
  if (bare) {
    const worn = "pre, pre > code, [class*=RenderedHTMLCommon] table, .streamwidget-quiet, .streamwidget-bad";
    for (const element of root.querySelectorAll(worn)) element.removeAttribute("style");
  }
  root.normalize();
  // The live view has directions on every block.
  for (const block of root.querySelectorAll("[dir]")) block.removeAttribute("dir");
  return root.innerHTML.replace(/>\n+/g, ">").replace(/\n+</g, "<");
}

function transcript(state: Record<string, unknown>): Transcript {
  return new Transcript(new KernelSide({ seq: 1, ...state }).state, () => true);
}

for (const { name, state, html, dressed } of cases as ((typeof cases)[number] & { dressed?: string })[]) {
  test(`the page saves what the kernel saves: ${name}`, () => {
    const bundle = answerMimebundle(transcript({ ...state, phase: "over" }));
    // The colours have names in the frame only where the tools are there.
    if (dressed) expect(read(bundle["text/html"] ?? "", false)).toBe(read(dressed.replace(/;--k:[^"]*/g, ""), false));
    expect(read(bundle["text/html"] ?? "")).toBe(read(html));
    expect(read(bundle["text/html"] ?? "")).toBe(read(read(bundle["text/html"] ?? "")));
  });
}

test("the colours of code are in the file once the tools are in the page, and text to the right keeps to it", async () => {
  loadToolsBy(async () => ({ make: tools, sheet: new CSSStyleSheet() }));
  await new Promise<unknown>((use) => withTools(document.body, new AbortController().signal, use));
  const text = "```python\nreturn x\n```\n\nنص **عربي**\n\n> نص\n\n| نص | b |\n|---|---|\n| نص | 2 |\n";
  const root = document.createElement("div");
  root.innerHTML = answerMimebundle(transcript({ text, phase: "over", outcome: "complete" }))["text/html"] ?? "";
  expect(root.querySelector("pre")?.getAttribute("style")).toContain(
    ";--k:var(--jp-mirror-editor-keyword-color,#188038)",
  );
  expect(root.querySelector("pre > code")?.innerHTML).toBe(
    '<span style="color:#188038;color:var(--k)">return</span> x\n',
  );
  const aligned = [...root.querySelectorAll<HTMLElement>("[dir] p, p[dir], th, td")].map(
    ({ style }) => style.textAlign,
  );
  expect(aligned.slice(-6)).toEqual(Array(6).fill("right"));
  expect(root.querySelector("blockquote")?.getAttribute("style")).toContain("border-right:5px");
});

test("an answer whose kernel is gone says so, as HTML and as text", () => {
  const t = transcript({ phase: "streaming", text: "**so** far\n", demo: true });
  t.kernelGone();
  const bundle = answerMimebundle(t);
  expect(bundle["text/html"]).toContain("<strong>so</strong> far");
  expect(bundle["text/html"]).toContain(">kernel gone; the answer is cut</strong>");
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
