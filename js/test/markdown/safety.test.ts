import { expect, test } from "vitest";
import { MarkdownStream, renderOnce } from "../../src/markdown/stream";
import "../../src/answer/answer.css";

function render(text: string): HTMLElement {
  const root = document.createElement("div");
  renderOnce(root, text);
  return root;
}

const TAGS =
  "p br hr em strong s code pre a ul ol li blockquote h1 h2 h3 h4 h5 h6 table thead tbody tr th td span small button";

const HOSTILE = [
  "<script>window.__pwn=1</script>",
  "<img src=x onerror=window.__pwn=1>",
  "<svg onload=window.__pwn=1>",
  "<iframe srcdoc='<script>window.__pwn=1</script>'></iframe>",
  "<div id=MathJax class=x style='position:fixed' data-commandlinker-command=x>x</div>",
  "[x](javascript:window.__pwn=1)",
  "[x](JaVaScRiPt&colon;window.__pwn=1)",
  "[x](<java\tscript:window.__pwn=1>)",
  "[x](data:text/html,<script>window.__pwn=1</script>)",
  "[x](//evil.example/x) [x](command:notebook.run) [x](file:///etc/passwd) [x](#id)",
  '[x](https://a.example/"onmouseover="window.__pwn=1 "t\' onmouseover=1")',
  "[x][r]\n\n[r]: javascript:window.__pwn=1",
  "<javascript:window.__pwn=1>",
  "![x](https://evil.example/p.png) ![x](data:image/svg+xml,<svg onload=1>)",
  "[![x](https://i.example/k)](https://l.example/m)",
  '```"><script>window.__pwn=1</script>\nx\n```',
  "```x onclick=1\nx\n```",
  "| <script> | x |\n|-|-|\n| <img src=x onerror=1> | `</td><script>` |",
  "# x {#MathJax .x onclick=1}",
  "&lt;script&gt;&#60;script&#62;",
  "$\\href{javascript:window.__pwn=1}{x}$",
];

test("nothing of the text becomes a tag or an attribute but addresses, list starts, alignments and languages", () => {
  const allowed: Record<string, RegExp> = {
    href: /^(?:https?:\/\/[^/]|mailto:)/i,
    rel: /^noopener noreferrer nofollow$/,
    target: /^_blank$/,
    class: /^(?:language-[a-z0-9+-]{1,30}|streamwidget-load|streamwidget-unloaded)$/,
    start: /^\d+$/,
    style: /^text-align:(?:left|center|right)$/,
    dir: /^(?:ltr|rtl)$/,
    type: /^button$/,
  };
  for (const text of HOSTILE) {
    for (const element of render(`${text}\n\n- ${text.replaceAll("\n", " ")}`).querySelectorAll("*")) {
      expect(TAGS.split(" "), text).toContain(element.localName);
      for (const { name, value } of element.attributes)
        expect(value, `${text}: ${name}`).toMatch(allowed[name] ?? /^$ /);
    }
  }
  expect("__pwn" in window).toBe(false);
});

test("a link shows where it leads unless its text does", () => {
  expect(render("[docs](https://a.example/b)").textContent).toBe("docs (a.example)\n");
  expect(render("[https://bank.example](https://evil.example)").textContent).toContain("(evil.example)");
  expect(render("[a.example](https://a.example@evil.example)").textContent).toContain("(evil.example)");
  expect(render("<https://a.example/b> and https://a.example.").textContent).toBe(
    "https://a.example/b and https://a.example.\n",
  );
  expect(render("[x](https://xn--e1afmkfd.example) [y](https://пример.example)").textContent).toBe(
    "x (xn--e1afmkfd.example) y (xn--e1afmkfd.example)\n",
  );
  const link = render("[x](https://a.example)").querySelector("a") as HTMLAnchorElement;
  expect([link.rel, link.target]).toEqual(["noopener noreferrer nofollow", "_blank"]);
});

test("an address that does not become a link stays as it was typed", () => {
  for (const text of ["[x](javascript:alert)", "[x](ftp://a.example)", `[x](https://a.example/${"y".repeat(2048)})`]) {
    const root = render(text);
    expect(root.textContent).toBe(`${text}\n`);
    expect(root.querySelector("a, button")).toBe(null);
  }
});

test("an image is loaded on a click, without a referrer, and not before", () => {
  const root = document.createElement("div");
  const stream = new MarkdownStream(root);
  for (const char of "Look: ![a *cat*](http://127.0.0.1:9/cat.png) and\n\nmore\n\n.") stream.append(char);
  stream.append(""); // on a slow machine the text waits otherwise
  expect(root.querySelector("img")).toBe(null);
  const button = root.querySelector("button") as HTMLButtonElement;
  expect(button.textContent).toBe("Load image from 127.0.0.1:9");
  button.click();
  const image = root.querySelector("img") as HTMLImageElement;
  expect([image.src, image.alt, image.referrerPolicy]).toEqual(["http://127.0.0.1:9/cat.png", "a cat", "no-referrer"]);
  stream.finish();
  expect(root.querySelector("img")).toBe(image);
});

test("an image says that it is not loaded until it is, inside a link too", () => {
  for (const text of ["![a](http://127.0.0.1:9/a.png)", "[![a](http://127.0.0.1:9/a.png)](http://127.0.0.1:9/b)"]) {
    const root = render(text);
    document.body.append(root);
    expect(root.textContent).toContain('Image "a" (not loaded, 127.0.0.1:9)');
    const words = root.querySelector(".streamwidget-unloaded") as HTMLElement;
    expect(words.checkVisibility()).toBe(true);
    root.querySelector("button")?.click();
    expect(words.checkVisibility()).toBe(false);
    root.remove();
  }
});

test("hidden and controlling characters are shown as signs, in text, in code and from character references", () => {
  const text = "a\0b\u001b[31mc\u202ed\u200be\u{e0041}f\u0085g &#x202E; `\u2066`\n\n```\n\u001b\n```";
  const expected = "a␀b␛[31mc[U+202E]d[U+200B]e[U+E0041]f[U+0085]g [U+202E] [U+2066]\n␛\n\n";
  expect(render(text).textContent).toBe(expected);
});

test("money stays money: a dollar outside of formulas is alone in its element", () => {
  const root = render("$5 and $6, but $x^2$ and \\begin");
  expect([...root.querySelectorAll("span")].map((span) => span.textContent)).toEqual(["$", "$", "\\"]);
  expect(root.textContent).toBe("$5 and $6, but $x^2$ and \\begin\n");
});

test("text that is nested too deep, or costs too much to parse, is shown as it was typed", () => {
  for (const text of [`${"> ".repeat(80)}deep`, `${"[".repeat(5001)}deep`, `*a* ${"x ".repeat(5000)}deep`]) {
    const root = render(`${text}\n\n**after**`);
    expect(root.textContent?.replaceAll("\n", "")).toBe(`${text}after`);
    expect(root.querySelector("em")).toBe(null);
    expect(root.querySelector("strong")?.textContent).toBe("after");
  }
});

test("addresses repeated by reference are bounded, and streamed the same", () => {
  const text = `[a]: https://a.example/${"x".repeat(2000)}\n\n${"[a] [b]\n\n".repeat(300)}[b]: https://b.example\n`;
  const root = render(text);
  expect(root.innerHTML.length).toBeLessThan(200_000);
  expect(root.querySelectorAll("a").length).toBeGreaterThan(20);
  const streamed = document.createElement("div");
  const stream = new MarkdownStream(streamed);
  for (let at = 0; at < text.length; at += 64) stream.append(text.slice(at, at + 64));
  stream.finish();
  expect(streamed.querySelectorAll("a").length).toBe(root.querySelectorAll("a").length);
  expect(streamed.textContent).toBe(root.textContent);
});
