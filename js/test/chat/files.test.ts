// Files in a prompt: what is taken, what is named and left, how they travel, and how they are shown.

import { expect, test } from "vitest";
import "../../src/chat/chat.css";
import { frames } from "../kernel_side";
import { start, type } from "./chat_side";

function drop(target: Element, files: File[], data: Record<string, string> = {}): DragEvent[] {
  return ["dragover", "drop"].map((name) => {
    const dataTransfer = new DataTransfer();
    for (const file of files) dataTransfer.items.add(file);
    for (const [kind, text] of Object.entries(data)) dataTransfer.setData(kind, text);
    const event = new DragEvent(name, { dataTransfer, bubbles: true, cancelable: true });
    target.dispatchEvent(event);
    return event;
  });
}

const chips = (root: Element) =>
  [...root.querySelectorAll(".streamwidget-composer .streamwidget-chip")].map((one) => (one as HTMLElement).title);

const KINDS: [name: string, begin: string, is: string | null][] = [
  ["a.csv", "a,b\n1,2", "text"],
  ["DATA", "plain", "text"],
  ["a.svg", "<svg onload=alert(1)>", "text"],
  ["bom.txt", "\xff\xfea\0", "text"],
  ["a.pdf", "%PDF-1.7\n\xe2", "pdf"],
  ["a.mp3", "ID3\x04", "audio"],
  ["b.mp3", "\xff\xfb\x90\x64", "audio"],
  ["a.wav", "RIFF\0\0\0\0WAVEfmt ", "audio"],
  ["a.m4a", "\0\0\0\x20ftypM4A ", "audio"],
  ["misnamed.txt", "\x89PNG\r\n\x1a\n", "image"],
  ["a.docx", "PK\x03\x04", null],
  ["old.csv", "Gr\xfc\xdfe", null],
  ["empty.txt", "", null],
];

test("the bytes decide what is taken, and what is not taken is named", async () => {
  const { root, note } = start();
  const files = KINDS.map(([name, begin]) => new File([Uint8Array.from(begin, (char) => char.charCodeAt(0))], name));
  drop(root, files);
  const taken = KINDS.filter(([, , is]) => is !== null);
  await expect.poll(() => chips(root).length).toBe(taken.length);
  await expect.poll(note).toContain("empty.txt was not added, because it is empty.");
  expect(chips(root).map((title) => title.split(" · ")[0])).toEqual(taken.map(([name]) => name));
  const kinds = [...root.querySelectorAll<HTMLElement>(".streamwidget-chip")].map(({ dataset }) => dataset.kind);
  expect(kinds).toEqual(taken.map(([, , is]) => is));
  for (const [name] of KINDS.filter(([, , is]) => is === null)) expect(note()).toContain(`${name} was not added`);
});

test("a prompt takes twenty files, and what is left of many is counted", async () => {
  const { root, note } = start();
  const files = (count: number) => Array.from({ length: count }, (_, number) => new File(["a"], `${number}.txt`));
  drop(root, files(22));
  await expect.poll(() => chips(root).length).toBe(20);
  await expect.poll(note).toContain("2 of 22 files were not added. A prompt takes at most 20.");
  expect(root.querySelector(".streamwidget-composer > .streamwidget-chips")?.clientHeight).toBeLessThan(100);
  drop(root, files(1));
  await expect.poll(note).toContain("1 of 1 files were not added.");
  expect(chips(root).length).toBe(20);
});

test("nothing that is dropped anywhere in the chat leaves the page", async () => {
  const { host, side, root, box } = start();
  host.deliver(side.begin("one"), side.delta("text"), ...side.end());
  await frames();
  const places = [".streamwidget-log", ".streamwidget-text", "textarea", "button", ".streamwidget-composer"];
  for (const place of places) {
    const target = root.querySelector(place) as Element;
    for (const event of drop(target, [new File(["a"], "a.exe")])) expect(event.defaultPrevented, place).toBe(true);
  }
  const link = { "text/uri-list": "https://host.invalid/" };
  for (const event of drop(root, [], link)) expect(event.defaultPrevented).toBe(true);
  for (const event of drop(box, [], { "text/plain": "words" })) expect(event.defaultPrevented).toBe(false);
  await expect.poll(() => chips(root).length).toBe(places.length);
});

test("a file goes in binary pieces before its prompt, and a kept one by its number", async () => {
  const { host, side, root, box, button, sent } = start();
  const bytes = Uint8Array.from({ length: 2_300_000 }, (_, at) => 97 + (at % 26));
  drop(root, [new File([bytes], "a b.csv")]);
  await expect.poll(() => chips(root)).toEqual(["a b.csv · 2.3 MB, first 100,000 characters sent"]);
  await type(box, "look{Enter}");
  const [{ files, name }] = sent("send") as unknown as [{ files: object[]; name: string }];
  expect(files).toEqual([{ file: `${name}-0`, name: "a b.csv", thumbnail: null }]);
  const pieces = sent("piece") as unknown as { at: number; size: number; file: string; buffers: ArrayBuffer[] }[];
  expect(pieces.map(({ at, size, file }) => [at, size, file])).toEqual(
    [0, 1_000_000, 2_000_000].map((at) => [at, bytes.length, `${name}-0`]),
  );
  expect(host.sent.at(-1)?.op).not.toBe("piece");
  const whole = await new Blob(pieces.flatMap(({ buffers }) => buffers)).arrayBuffer();
  expect(new Uint8Array(whole)).toEqual(bytes);

  side.asked = name;
  const shown = { kind: "text", name: "a b.csv", label: "CSV, 2.3 MB, first 100,000 characters sent", src: null };
  host.deliver(side.begin("look", name, { files: [shown] }), ...side.end());
  await frames();
  expect(chips(root)).toEqual([]);
  expect(root.querySelector(".streamwidget-prompt .streamwidget-chip")?.textContent).toContain(
    "100,000 characters sent",
  );
  button("Edit")[0]?.click();
  expect(chips(root)).toEqual([`a b.csv · ${shown.label}`]);
  await type(box, "{Enter}");
  expect(sent("send").at(-1)).toMatchObject({ files: [{ keep: 0 }], replaces: name });
});

test("a hostile name is text on one line, and an SVG is never drawn", async () => {
  const { host, side, root } = start();
  const name = "<img src=x onerror=alert(1)>\n\u202egnp.exe";
  const svg = "data:image/svg+xml;base64,PHN2Zy8+";
  host.deliver(side.begin("one", "turn-0", { files: [{ kind: "text", name, label: "SVG", src: svg }] }), ...side.end());
  await frames();
  const shown = root.querySelector(".streamwidget-chip") as HTMLElement;
  expect(shown.querySelector("img")).toBe(null);
  expect(shown.querySelector("bdi")?.textContent).toBe("<img src=x onerror=alert(1)> [U+202E]gnp.exe");
});
