// The judge of an address is the browser's own parser: what is shown as the host is where Chromium goes.

import { expect, test } from "vitest";
import { destinationOf, normalizeLink } from "../../src/markdown/links";
import { renderOnce } from "../../src/markdown/stream";
import { visible } from "../../src/text/visible";
import data from "../data/links.json";

const addresses = [
  ...data.frames.flatMap((frame) => data.hosts.map((host) => frame.replace("{}", () => host))),
  ...data.others,
];
const links = new Map(data.links as [number, string][]);

function goesTo(address: string): string | null {
  try {
    const url = new URL(address);
    return url.protocol === "mailto:" ? decodeURIComponent(url.pathname).toLowerCase() : url.host;
  } catch {
    return null;
  }
}

test("more than 2,000 addresses become the links that the saved answer has", () => {
  expect(addresses.length).toBeGreaterThan(2000);
  const differ = addresses.flatMap((address, index) => {
    const [mine, saved] = [normalizeLink(address), links.get(index) ?? ""];
    return mine === saved ? [] : [{ address, mine, saved, chromium: goesTo(address) }];
  });
  expect(differ).toEqual([]);
});

test("more than 2,000 texts hold the links that the saved answer has, and Chromium reads them as they stand", () => {
  const texts = new Map(data.texts as [number, string][]);
  const differ = addresses.flatMap((address, index) => {
    const root = document.createElement("div");
    renderOnce(root, visible(`See ${address} there.`));
    const mine = Array.from(root.querySelectorAll("a"), (anchor) => anchor.getAttribute("href")).join(" ");
    const saved = texts.get(index) ?? links.get(index) ?? "";
    const read = saved && (destinationOf(saved).toLowerCase() !== goesTo(saved) ? goesTo(saved) : saved);
    return mine === saved && read === saved ? [] : [{ address, mine, saved, read }];
  });
  expect(differ).toEqual([]);
  expect(texts.size).toBeGreaterThan(500);
});

test("Chromium goes where the link says, and where the address as it was typed says", () => {
  const differ = addresses.flatMap((address) => {
    const link = normalizeLink(address);
    const shown = destinationOf(link).toLowerCase();
    const seen = [goesTo(link), goesTo(address)];
    return link === "" || seen.every((host) => host === shown) ? [] : [{ address, link, seen }];
  });
  expect(differ).toEqual([]);
  expect(links.size).toBeGreaterThan(500);
});

test("a link in an answer shows the host to which Chromium takes it", () => {
  const wrong: object[] = [];
  for (const address of addresses.filter((one) => !/[\s\0<>\\]/.test(one))) {
    const root = document.createElement("div");
    renderOnce(root, `[x](<${address}>) <${address}>\n\n${address} [${address}](<https://other.example>)`);
    for (const anchor of root.querySelectorAll("a")) {
      const { nextElementSibling: next } = anchor;
      const shown = next?.localName === "small" && anchor.nextSibling?.nodeValue === " " ? next.textContent : null;
      const host = anchor.protocol === "mailto:" ? decodeURIComponent(anchor.pathname) : anchor.host;
      const text = (anchor.textContent ?? "").replace(/^(?:https?:\/\/|mailto:)/i, "").split(/[/?#]/, 1)[0] as string;
      const seen = shown ? shown.slice(1, -1) : text.replace(anchor.protocol === "mailto:" ? /$/ : /^.*@/, "");
      if (seen.toLowerCase() !== host.toLowerCase()) wrong.push({ address, seen, host, text: anchor.textContent });
    }
  }
  expect(wrong).toEqual([]);
});
