import { expect, test } from "vitest";
import cases from "../data/static_html.json";
import { examples, once, plainHtml } from "./equality";
import { TABLES } from "./tables";

// The saved HTML as a browser reads it, without directions.
function read(html: string): string {
  const root = document.createElement("div");
  root.innerHTML = html;
  return plainHtml(root);
}

test("the live view builds the saved HTML: CommonMark's examples, GFM's, the demo's answers", () => {
  const compared = new Set(cases.map(({ markdown }) => markdown));
  for (const text of [...examples, ...TABLES]) expect(compared.has(text), text).toBe(true);
  const differ = cases.filter(({ markdown, html }) => once(markdown) !== read(html));
  expect(differ.map(({ markdown, html }) => ({ markdown, saved: read(html), live: once(markdown) }))).toEqual([]);
});
