import { afterEach, expect, test } from "vitest";
import { colours } from "../../../streamwidget/_saved/dress.json";
import { attachCode } from "../../src/code/attach";
import { ElementColours } from "../../src/code/elements";
import { type Coloured, highlightCode } from "../../src/code/highlight";
import { type Kind, type Language, languageOf } from "../../src/code/languages";
import { isPlainCode } from "../../src/code/tools";
import { frames, random } from "../kernel_side";

const PYTHON = `import os

class Answer:
    """A long
    # doc string"""

    def text(self, n=10):  # the text
        return f"{n}" * 3
`;
const KINDS = ["keyword", "string", "number", "comment", "name"];
const life: AbortController[] = [];

afterEach(() => {
  for (const one of life.splice(0)) one.abort();
  document.body.replaceChildren();
});

function block(text: string, language = "python"): HTMLElement {
  const pre = document.createElement("pre");
  const code = document.createElement("code");
  code.className = `language-${language}`;
  code.append(text);
  pre.append(code);
  document.body.append(pre);
  return code;
}

/** The coloured tokens inside `code` in order: [kind, offset, text]. */
function coloured(code: HTMLElement): [string, number, string][] {
  const found: [string, number, string][] = [];
  for (const kind of KINDS) {
    for (const range of CSS.highlights.get(`streamwidget-${kind}`) ?? []) {
      if (!code.contains(range.startContainer)) continue;
      const before = new Range();
      before.setStart(code, 0);
      before.setEnd(range.startContainer, range.startOffset);
      const whole = new Range();
      whole.setStart(range.startContainer, range.startOffset);
      whole.setEnd(range.endContainer, range.endOffset);
      found.push([kind, before.toString().length, whole.toString()]);
    }
  }
  return found.sort((a, b) => a[1] - b[1]);
}

function ranges(): number {
  return KINDS.reduce((sum, kind) => sum + (CSS.highlights.get(`streamwidget-${kind}`)?.size ?? 0), 0);
}

function start(code: HTMLElement): Coloured {
  const made = highlightCode(code, code.className.slice("language-".length)) as Coloured;
  const one = new AbortController();
  one.signal.addEventListener("abort", () => made.dispose());
  life.push(one);
  return made;
}

test("code is coloured without a change to the DOM", async () => {
  const code = block(PYTHON);
  const before = document.body.outerHTML;
  const records: MutationRecord[] = [];
  const observer = new MutationObserver((more) => records.push(...more));
  observer.observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
  start(code);
  await expect.poll(() => coloured(code)).not.toEqual([]);
  await frames(3);
  expect(coloured(code)).toContainEqual(["keyword", 0, "import"]);
  expect(coloured(code)).toContainEqual(["name", PYTHON.indexOf("Answer"), "Answer"]);
  expect(coloured(code)).toContainEqual(["string", PYTHON.indexOf("    # doc"), '    # doc string"""']);
  expect([...records, ...observer.takeRecords()]).toEqual([]);
  expect(document.body.outerHTML).toBe(before);
  observer.disconnect();
});

test("a selection in the code holds while the code grows and is coloured", async () => {
  const code = block("def first():\n    pass\n");
  const coloring = start(code);
  await expect.poll(() => coloured(code).length).toBe(3);
  const node = code.firstChild as Text;
  getSelection()?.setBaseAndExtent(node, 4, node, 17);
  for (const piece of PYTHON.match(/.{1,5}/gs) as string[]) {
    node.appendData(piece);
    coloring.update();
    await frames(1);
    expect(getSelection()?.toString()).toBe("first():\n    ");
  }
  expect(getSelection()?.anchorNode).toBe(node);
  expect(coloured(code).length).toBeGreaterThan(10);
});

test("code that came in pieces is coloured as code that came at once", async () => {
  const whole = block(PYTHON);
  start(whole);
  await expect.poll(() => coloured(whole)).not.toEqual([]);
  const expected = coloured(whole);
  for (let seed = 1; seed <= 10; seed += 1) {
    const next = random(seed);
    const code = block("");
    const coloring = start(code);
    await frames(2);
    for (let at = 0; at < PYTHON.length; ) {
      const end = at + 1 + Math.floor(next() * 9);
      const piece = PYTHON.slice(at, end);
      if (next() < 0.2 || !(code.lastChild instanceof Text)) code.append(piece);
      else code.lastChild.appendData(piece);
      coloring.update();
      if (next() < 0.3) await frames(1);
      at = end;
    }
    await expect.poll(() => coloured(code)).toEqual(expected);
    code.parentElement?.remove();
  }
});

test("only lines on the screen have ranges", async () => {
  const code = block("if x in (1, 2): return 'y'\n".repeat(1500));
  const coloring = start(code);
  await expect.poll(() => coloured(code)).not.toEqual([]);
  expect(ranges()).toBeLessThanOrEqual(300);
  window.scrollTo(0, document.documentElement.scrollHeight / 2);
  const middle = (code.textContent?.length ?? 0) / 2;
  await expect.poll(() => Math.abs((coloured(code)[0]?.[1] ?? 0) - middle)).toBeLessThan(2000);
  expect(ranges()).toBeLessThanOrEqual(300);
  (code.parentElement as HTMLElement).style.display = "none";
  await expect.poll(ranges).toBe(0);
  (code.parentElement as HTMLElement).style.display = "";
  await expect.poll(ranges).toBeGreaterThan(0);
  coloring.dispose();
  expect(ranges()).toBe(0);
});

test("wrapped lines, long lines and long blocks: the first are coloured, the others stay plain", async () => {
  const code = block(`${"x = 1 ".repeat(150)}\n`.repeat(30));
  (code.parentElement as HTMLElement).style.whiteSpace = "pre-wrap";
  start(code);
  await expect.poll(() => coloured(code)).not.toEqual([]);
  const line = block(`${"x = 1 ".repeat(500)}\ny = 2`);
  const long = block("x = 1\n".repeat(10_000));
  start(line);
  start(long);
  window.scrollTo(0, document.documentElement.scrollHeight);
  line.scrollIntoView();
  await expect.poll(() => coloured(line).map(([, , text]) => text)).toEqual(["2"]);
  long.scrollIntoView();
  await frames(4);
  expect(coloured(long)).toEqual([]);
});

test("a line for which the page had no room is coloured as a whole once there is room", async () => {
  const first = start(block(`${"x = 1 ".repeat(149)}\n`.repeat(2)));
  await expect.poll(ranges).toBe(298);
  const code = block("def f(n=10): return 'y'\n");
  start(code);
  await frames(3);
  expect(coloured(code)).toEqual([]);
  first.dispose();
  (code.parentElement as HTMLElement).style.padding = "9px";
  await expect.poll(() => coloured(code).map(([, , text]) => text)).toContain("'y'");
});

test("a block that is removed, or gets another language, leaves no colours behind", async () => {
  const root = document.createElement("div");
  document.body.append(root);
  const one = new AbortController();
  life.push(one);
  attachCode(root, null, one.signal);
  const code = block("let x = 1\ndef y");
  root.append(code.parentElement as HTMLElement);
  await expect.poll(() => coloured(code).map(([, , text]) => text)).toEqual(["1", "def", "y"]);
  code.className = "language-js";
  (code.firstChild as Text).appendData("\n");
  await expect.poll(() => coloured(code).map(([, , text]) => text)).toEqual(["let", "1"]);
  code.parentElement?.remove();
  await expect.poll(ranges).toBe(0);
});

test("without highlights, the code of a complete answer has elements for colours", async () => {
  const code = block("");
  const part = document.createElement("span"); // as the renderer puts long code into parts
  part.append(PYTHON);
  code.append(part);
  const answer = document.createElement("div");
  answer.className = "streamwidget";
  document.body.append(answer);
  answer.append(code.parentElement as Element);
  const made = new ElementColours(code, languageOf("python") as Language);
  life.push(new AbortController());
  life.at(-1)?.signal.addEventListener("abort", () => made.dispose());
  answer.dataset.outcome = "length"; // cut: more text may follow
  await frames(2);
  made.update();
  expect(part.childElementCount).toBe(0);
  answer.dataset.outcome = "complete";
  await expect.poll(() => part.childElementCount).toBeGreaterThan(0);
  const words = (kind: Kind) =>
    [...code.querySelectorAll(`[style="color:${colours[kind][2]}"]`)].map((word) => word.textContent);
  expect(words("keyword")).toEqual(["import", "class", "def", "self", "10", "return", "3"]); // and numbers
  expect(words("name")).toEqual(["Answer", "text"]);
  expect(words("comment")).toEqual(["# the text"]);
  expect(isPlainCode(code.parentElement as Element)).toBe(true); // so its buttons stay
  expect(code.textContent).toBe(PYTHON);
  const before = code.innerHTML;
  made.update();
  expect(code.innerHTML).toBe(before);
});
