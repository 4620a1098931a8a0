// The view. A row or character under the pointer lights its counterpart in the other pane. Keys reach everything. It
// costs the same however many rows came.

import axe from "axe-core";
import { afterEach, expect, test } from "vitest";
import { userEvent } from "vitest/browser";
import { requestPaint } from "../../src/dom/frames";
import "../../src/wire/wire.css";
import { delta, frames, litRow, litText, request, WireHost } from "./kernel_side";

const MADE = ["Hello", " ", "wörld ", "😀", "\n", "漢字", "!"];
const ROWS = [
  request(),
  ...MADE.map((made, at) => delta(at + 1, made)),
  { at: 9, kind: "done", pieces: ["data: [DONE]\n\n"] },
];
const THEMES = {
  light: `--jp-content-font-color1: rgba(0, 0, 0, 0.87); --jp-border-color1: #bdbdbd; --jp-brand-color1: #1976d2;
    --jp-error-color1: #d32f2f; --jp-layout-color1: white; --jp-warn-color1: #ff9800; background: white;`,
  dark: `--jp-content-font-color1: white; --jp-border-color1: #616161; --jp-brand-color1: #2196f3;
    --jp-error-color1: #f44336; --jp-layout-color1: #212121; --jp-warn-color1: #ffb74d; background: #111; color: white;`,
  "none, light": "background: white; color: black;",
  "none, dark": "background: #1e1e1e; color: #d4d4d4;",
};

let host: WireHost;
afterEach(() => {
  host.life.abort();
  document.body.replaceChildren();
  document.body.style.cssText = "";
});

function button(root: HTMLElement, name: string): HTMLButtonElement {
  const all = [...root.querySelectorAll("button")];
  return all.find((one) => (one.ariaLabel ?? one.textContent) === name) as HTMLButtonElement;
}

function shown(root: HTMLElement): string {
  return root.querySelector(".streamwidget-text")?.textContent ?? "";
}

async function press(root: HTMLElement, ...keys: string[]): Promise<void> {
  const list = root.querySelector(".streamwidget-wire-list") as HTMLElement;
  list.focus();
  for (const key of keys) list.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  await frames();
}

test("the answer is the text of the events, and the event under the pointer lights its characters", async () => {
  host = new WireHost(ROWS, "over", "complete");
  const root = host.show();
  await frames();
  expect(shown(root)).toBe(MADE.join(""));
  for (const [index, made] of MADE.entries()) {
    await press(root, "Home", ...Array(index + 1).fill("ArrowDown"));
    expect(litRow(root)).toBe(index + 1);
    expect(litText()).toBe(made);
  }
  await press(root, "Home");
  await userEvent.hover(root.querySelector('[data-row="3"]') as Element);
  await frames();
  expect(litText()).toBe("wörld ");
  await userEvent.unhover(root.querySelector('[data-row="3"]') as Element);
});

test("a key chooses also when WebKit sends pointermove for the row that came under a pointer at rest", async () => {
  host = new WireHost(ROWS, "over", "complete");
  const root = host.show();
  await frames();
  const rests = (row: number) =>
    root
      .querySelector(`[data-row="${row}"]`)
      ?.dispatchEvent(new PointerEvent("pointermove", { bubbles: true, clientX: 20, clientY: 30 }));
  rests(1);
  await frames();
  expect(litRow(root)).toBe(1);
  await press(root, "Home", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowDown");
  rests(2);
  await frames();
  expect(litRow(root)).toBe(4);
});

test("the character under the pointer lights its event", async () => {
  host = new WireHost(ROWS, "over", "complete");
  const root = host.show();
  await frames();
  const answer = root.querySelector(".streamwidget-text") as HTMLElement;
  const node = answer.firstChild?.firstChild as Text;
  let place = 0;
  for (const [index, made] of MADE.entries()) {
    const range = document.createRange();
    range.setStart(node, place);
    place += made.length;
    range.setEnd(node, place);
    if (made === "\n") continue; // has no place on the screen
    for (const { left, right, top, height } of range.getClientRects()) {
      for (const x of [left + 1, right - 1]) {
        answer.dispatchEvent(new PointerEvent("pointermove", { clientX: x, clientY: top + height / 2 }));
        await frames();
        expect(litRow(root), `${made} at ${x}`).toBe(index + 1);
      }
    }
  }
  const { right, bottom } = answer.getBoundingClientRect();
  answer.dispatchEvent(new PointerEvent("pointermove", { clientX: right - 5, clientY: bottom - 5 }));
  await frames();
  expect(litRow(root)).toBe(-1);
});

test("each event lights its characters in a long answer and in one without lines too", async () => {
  const made = Array.from(
    { length: 900 },
    (_, index) => `${"wörd😀 ".repeat(index % 7)}${index % 50 || index > 500 ? "" : "\n"}`,
  );
  host = new WireHost(
    made.map((text, at) => delta(at, text)),
    "over",
    "complete",
  );
  const root = host.show();
  await frames();
  expect(shown(root)).toBe(made.join(""));
  expect(root.querySelectorAll(".streamwidget-text > div").length).toBeGreaterThan(5);
  await press(root, "Home");
  for (let index = 0; index < made.length; index += 30) {
    expect(litRow(root)).toBe(index);
    expect(litText()).toBe(made[index]);
    await press(root, "PageDown", "PageDown", "PageDown");
  }
  for (const name of ["Step back", "Step back", "Step on"]) button(root, name).click();
  await frames();
  expect(shown(root)).toBe(made.slice(0, -1).join(""));
});

test("keys go from event to event, among the shown ones", async () => {
  host = new WireHost(ROWS, "over", "complete");
  const root = host.show();
  await frames();
  const seen: number[] = [];
  for (const key of ["ArrowDown", "ArrowDown", "ArrowUp", "ArrowUp", "ArrowUp", "End", "ArrowDown", "PageUp", "Home"]) {
    await press(root, key);
    seen.push(litRow(root));
  }
  expect(seen).toEqual([0, 1, 0, 0, 0, 8, 8, 0, 0]);
  const active = root.querySelector(".streamwidget-wire-list")?.getAttribute("aria-activedescendant") ?? "";
  expect(document.getElementById(active)?.dataset.row).toBe("0");
});

test("a paused text stays while more comes, steps by one event, and goes on with all of them", async () => {
  host = new WireHost([request()], "streaming");
  const root = host.show();
  host.tell(delta(1, "a"), delta(2, "b"));
  await frames();
  button(root, "Pause").click();
  host.tell(delta(3, "c"));
  await frames();
  expect(shown(root)).toBe("ab");
  button(root, "Step back").click();
  await frames();
  expect(shown(root)).toBe("a");
  expect(litText()).toBe("a");
  button(root, "Step on").click();
  button(root, "Step on").click();
  await frames();
  expect(shown(root)).toBe("abc");
  button(root, "Go on").click();
  host.tell(delta(4, "d"));
  await frames();
  expect(shown(root)).toBe("abcd");
});

test("a replay begins with nothing, and ends with the whole answer", async () => {
  host = new WireHost([...MADE.map((made, index) => delta(index + 1, made)), delta(9, "")], "over", "complete");
  const root = host.show();
  await frames();
  button(root, "Replay").click();
  await frames();
  expect(shown(root).length).toBeLessThan(MADE.join("").length);
  const speed = root.querySelector("select") as HTMLSelectElement;
  speed.value = "8";
  speed.dispatchEvent(new Event("change"));
  await expect.poll(() => shown(root)).toBe(MADE.join(""));
});

test("Stop is named so, is sent once a click while it runs, and is gone at the end", async () => {
  host = new WireHost([request()], "streaming");
  const root = host.show();
  await frames();
  button(root, "Stop").click();
  expect(host.sent.filter((message) => message.op === "stop").length).toBe(1);
  expect(root.dataset.phase).toBe("streaming");
  host.end("cancelled");
  await frames();
  expect(root.dataset.outcome).toBe("cancelled");
  expect(root.dataset.phase).toBeUndefined();
  expect(button(root, "Stop").checkVisibility()).toBe(false);
});

test("ends of chunks stand where the chunks ended", async () => {
  host = new WireHost([{ at: 0, kind: "data", pieces: ["data: {", "}\n", "\n", ""] }], "over", "complete");
  const root = host.show();
  await frames();
  const raw = root.querySelector(".streamwidget-wire-raw") as HTMLElement;
  const parts = [...raw.childNodes].map((node) => {
    const cut = node instanceof Element && node.className === "streamwidget-wire-cut";
    return cut ? "|" : node.textContent;
  });
  expect(parts.join("")).toBe("data: {|}↵|↵|");
});

test("in its event the text of the answer is marked, in any provider's JSON", async () => {
  const event = (data: string) => ({ at: 1, kind: "data", pieces: [`data: ${data}\n\n`, ""], made: "a\nb" });
  const items = [
    String.raw`{"model":"m","choices":[{"delta":{"content":"a\nb"},"finish_reason":null}]}`,
    String.raw`{"type": "content_block_delta", "delta": {"type": "text_delta", "text": "a\nb"}}`,
    String.raw`{"delta":["a\nb"]}`,
  ];
  host = new WireHost(items.map(event), "over", "complete");
  const root = host.show();
  await frames();
  const marked = [...root.querySelectorAll(".streamwidget-wire-row")].map((row) => row.querySelector("b")?.textContent);
  expect(marked).toEqual([String.raw`a\nb`, String.raw`a\nb`, undefined]);
});

test("everything from the wire is shown as text", async () => {
  const bad = "<img src=x onerror=alert(1)><b>";
  host = new WireHost([{ ...delta(0, bad), pieces: [bad] }], "over", "complete");
  const root = host.show();
  await frames();
  expect(root.querySelector("img")).toBeNull();
  expect(shown(root)).toBe(bad);
  expect(root.querySelector(".streamwidget-wire-raw")?.textContent).toBe(bad);
});

test("10,000 events put no more into the page than 100 do", async () => {
  const nodes: number[] = [];
  for (const count of [100, 10_000]) {
    host = new WireHost([request()], "streaming");
    const root = host.show();
    host.tell(...Array.from({ length: count }, (_, index) => delta(index / 50, `word ${index} `)));
    await frames();
    nodes.push(root.querySelectorAll("*").length);
    await press(root, "Home", ...Array(50).fill("PageDown"));
    nodes.push(root.querySelectorAll("*").length);
    host.life.abort();
  }
  expect(Math.max(...nodes)).toBeLessThan(400);
  expect(nodes[2]).toBeLessThan((nodes[0] as number) + 60);
});

test("a step costs as much script among 10,000 events as among 100", { timeout: 60_000 }, async () => {
  const costs: number[] = [];
  for (const count of [100, 10_000]) {
    const rows = Array.from({ length: count }, (_, index) =>
      delta(index / 50, `word ${index}${index % 12 ? " " : "\n"}`),
    );
    host = new WireHost([request(), ...rows], "over", "complete");
    const root = host.show();
    await frames();
    const back = button(root, "Step back");
    const taken: number[] = [];
    for (let step = 0; step < 30; step += 1) {
      // The view paints between two paints of ours in the same frame.
      let begun = 0;
      await new Promise<void>((done) => {
        requestPaint(() => {
          begun = performance.now();
        });
        back.click();
        requestPaint(() => {
          taken.push(performance.now() - begun);
          done();
        });
      });
    }
    costs.push(taken.sort((a, b) => a - b)[10] as number);
    host.life.abort();
  }
  const [few, many] = costs as [number, number];
  expect(many).toBeLessThan(10 * Math.max(few, 0.5));
});

for (const [theme, style] of Object.entries(THEMES))
  for (const phase of ["streaming", "over"])
    test(`axe-core finds nothing: ${phase}, colours ${theme}`, async () => {
      document.body.style.cssText = style;
      const failed = { at: 0.5, kind: "error", pieces: ['{"error": {}}'] };
      host = new WireHost([request(), failed, ...ROWS.slice(1)], phase, phase === "over" ? "complete" : null);
      const root = host.show();
      await frames();
      await press(root, "Home", "ArrowDown", "ArrowDown");
      const { violations } = await axe.run(root, { rules: { region: { enabled: false } } });
      const found = violations.map(({ id, impact, nodes }) => `${impact} ${id}: ${nodes.map((n) => n.html).join()}`);
      expect(found).toEqual([]);
    });

test("every control has a name and is reached by Tab", async () => {
  host = new WireHost(ROWS, "streaming");
  const root = host.show();
  await frames();
  for (const control of root.querySelectorAll<HTMLElement>("button, select, [role=listbox], [role=region]")) {
    expect(control.ariaLabel || control.textContent, control.outerHTML).toBeTruthy();
    expect(control.tabIndex, control.outerHTML).toBe(0);
  }
});

test("when the kernel is gone, the text is put into the notebook, as text", async () => {
  host = new WireHost([request(), delta(1, "<b>cut")], "streaming");
  const root = host.show();
  await frames();
  host.kernel.status("restarting");
  await expect.poll(() => host.replaced.length).toBe(1);
  const data = host.replaced[0]?.data as Record<string, string>;
  expect(data["text/html"]).toContain("&lt;b&gt;cut</pre>");
  expect(data["text/plain"]).toContain("<b>cut");
  await frames();
  expect(root.dataset.phase).toBe("gone");
  expect(button(root, "Stop").checkVisibility()).toBe(false);
});

test("while the connection is down the view says so, asks nothing, and its Stop is sent when it is back", async () => {
  host = new WireHost([request(), delta(1, "half")], "streaming");
  const root = host.show();
  const state = () => root.querySelector(".streamwidget-wire-state")?.textContent;
  await frames();
  host.sent = [];
  host.kernel.connection("connecting");
  await frames();
  expect([root.dataset.phase, state()]).toEqual(["disconnected", "connection to the kernel lost, trying again"]);
  button(root, "Stop").click();
  await frames();
  expect(state()).toBe("connection to the kernel lost, trying again · your stop is sent when it is back");
  host.kernel.connection("disconnected");
  await frames();
  expect(state()).toBe("connection lost: the text so far is kept · your stop did not reach the kernel");
  expect(host.sent).toEqual([]);
  host.kernel.connection("connected");
  expect(host.sent.map(({ op }) => op)).toEqual(["stop", "sync"]);
  host.end("cancelled");
  await frames();
  expect(root.dataset.outcome).toBe("cancelled");
});

test("a message just after the kernel's end does not make it count as alive", async () => {
  host = new WireHost([request(), delta(1, "a")], "streaming");
  const root = host.show();
  host.kernel.status("restarting");
  host.tell(delta(2, "b"));
  await expect.poll(() => host.replaced.length).toBe(1);
  const data = host.replaced[0]?.data as Record<string, string>;
  expect(data["text/plain"]).toContain("ab");
  await frames();
  expect(root.dataset.phase).toBe("gone");
});

test("a model that was closed holds no text, whoever keeps it", () => {
  host = new WireHost(ROWS, "over", "complete");
  host.show();
  host.life.abort();
  expect(JSON.stringify([host.state, host.previous])).not.toContain("Hello");
});

test("keys in the view do not reach the notebook, and keys with Control reach the host", async () => {
  host = new WireHost(ROWS, "over", "complete");
  const root = host.show();
  await frames();
  const heard: string[] = [];
  const listen = ({ key }: KeyboardEvent) => heard.push(key);
  document.addEventListener("keydown", listen);
  for (const part of root.querySelectorAll("button, select, [role=listbox], [role=region]"))
    for (const key of ["Enter", " ", "Escape", "ArrowDown", "d"])
      part.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  expect(heard).toEqual([]);
  button(root, "Replay").dispatchEvent(new KeyboardEvent("keydown", { key: "s", ctrlKey: true, bubbles: true }));
  expect(heard).toEqual(["s"]);
  document.removeEventListener("keydown", listen);
});

test("the head shows a server's words on one line, with hidden characters as signs", async () => {
  host = new WireHost([request(), delta(1, "a\u202eb")], "over", "http_error");
  const said = { model: `m\u202e\n${"x".repeat(500)}`, detail: `no\u202e\n\x1b[2J${"y".repeat(500)}` };
  host.state = { ...host.message(0), ...said };
  const root = host.show();
  await press(root, "End");
  const name = root.querySelector(".streamwidget-wire-name")?.textContent ?? "";
  const state = root.querySelector<HTMLElement>(".streamwidget-wire-state");
  const detail = root.querySelector(".streamwidget-wire-detail")?.textContent;
  expect(name).toMatch(/^demo · m\[U\+202E\] x+…$/);
  expect(state?.textContent).toMatch(/^error: no\[U\+202E\] ␛\[2Jy+…$/);
  expect(state?.title).toBe(state?.textContent);
  expect(detail).toContain('"a[U+202E]b"');
});

test("a view that goes leaves nothing lit", async () => {
  host = new WireHost(ROWS, "over", "complete");
  const root = host.show();
  await press(root, "Home", "ArrowDown");
  expect(litText()).toBe("Hello");
  host.life.abort();
  expect(litText()).toBe("");
  expect(root.isConnected).toBe(false);
});

test("a view that was put below the window draws its events when it is scrolled to", async () => {
  host = new WireHost(ROWS, "over", "complete");
  const cell = document.createElement("div");
  const root = host.show(cell); // not in the page yet
  await frames();
  // As JupyterLab styles its cells: what is outside of the window has no layout, and observers hear nothing of it.
  cell.style.cssText = "content-visibility: auto; contain-intrinsic-size: auto 300px; margin-top: 5000px";
  document.body.append(cell);
  await frames(4);
  cell.scrollIntoView();
  await expect.poll(() => root.querySelectorAll("[data-row]").length).toBe(ROWS.length);
});
