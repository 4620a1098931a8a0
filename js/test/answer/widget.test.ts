import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { userEvent } from "vitest/browser";
import "../../src/answer/answer.css";
import { type FakeComm, type FakeKernel, frames, Host, KernelSide } from "../kernel_side";

let hosts: Host[] = [];

function start(state: Record<string, unknown> = {}, maxHeight: number | null = null) {
  const kernel = new KernelSide(state);
  const host = new Host(kernel.state, maxHeight);
  hosts.push(host);
  host.initialize();
  return { kernel, host };
}

function parts(root: HTMLElement) {
  const find = (name: string) => root.querySelector<HTMLElement>(`.streamwidget-${name}`) as HTMLElement;
  return {
    text: find("text"),
    status: find("status"),
    head: find("head"),
    demo: find("demo"),
    spoken: find("spoken"),
    state: find("state"),
    reasoning: find("reasoning") as HTMLDetailsElement,
    button: find("stop") as HTMLButtonElement,
    copy: find("copy") as HTMLButtonElement,
    remedies: [...root.querySelectorAll<HTMLButtonElement>(".streamwidget-remedy:not([hidden])")],
  };
}

function hide(hidden: boolean) {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
  document.dispatchEvent(new Event("visibilitychange"));
}

beforeEach(() => {
  hosts = [];
});
afterEach(() => {
  for (const host of hosts) host.life.abort();
  document.body.replaceChildren();
});

test("the answer grows as deltas come, as Markdown, and no HTML of it is HTML", async () => {
  const { kernel, host } = start();
  const { root } = host.render();
  for (const [text, html] of [
    ["# Hel", "<h1>Hel</h1>"],
    ["lo\n\n<b>not bold</b> *it", "<h1>Hello</h1><p>&lt;b&gt;not bold&lt;/b&gt; <em>it</em></p>"],
    ["alic* 😀.\n", "<h1>Hello</h1><p>&lt;b&gt;not bold&lt;/b&gt; <em>italic</em> 😀.</p>"],
  ] as const) {
    host.deliver(kernel.delta(text));
    await frames();
    expect(parts(root).text.innerHTML.replace(/\n| (?:dir|class)="[^"]*"/g, "")).toBe(html);
  }
  expect(root.dataset.phase).toBe("streaming");
  expect(root.dataset.outcome).toBeUndefined();
});

test("a thousand deltas in one frame are one paint", async () => {
  const { kernel, host } = start();
  const { root } = host.render();
  host.deliver(kernel.delta("first"));
  await frames();
  const seen: MutationRecord[] = [];
  const observer = new MutationObserver((records) => seen.push(...records));
  observer.observe(parts(root).text, { childList: true, characterData: true, subtree: true });
  for (let i = 0; i < 1000; i += 1) host.deliver(kernel.delta("."));
  await frames();
  expect(parts(root).text.textContent?.trim()).toBe(kernel.state.text);
  expect(seen.length).toBe(1);
});

test("the page asks once at the start, and not at all when the stream is over", () => {
  expect(start().host.ops("sync")).toBe(1);
  const over = start({ phase: "over", outcome: "complete", text: "done" }).host;
  expect(over.sent).toEqual([]);
  expect(over.kernel?.comms).toEqual([]);
});

test("messages before the first view are in it", async () => {
  const { kernel, host } = start();
  host.deliver(kernel.delta("early "), kernel.delta("bird"));
  expect(parts(host.render().root).text.textContent?.trim()).toBe("early bird");
});

test("two views of one model show the same", async () => {
  const { kernel, host } = start();
  const first = host.render();
  host.deliver(kernel.delta("one "));
  const second = host.render();
  host.deliver(kernel.delta("two"));
  parts(first.root).button.click();
  await frames();
  for (const { root } of [first, second]) {
    expect(parts(root).text.textContent?.trim()).toBe("one two");
    expect(parts(root).button.textContent).toBe("Stopping…");
  }
  first.life.abort();
  host.deliver(kernel.end("cancelled"));
  await frames();
  expect(first.el.childNodes.length).toBe(0);
  expect(second.root.dataset.outcome).toBe("cancelled");
});

test("Stop is there before the first delta, sends both ways at once, and goes at the end", async () => {
  const { kernel, host } = start();
  const { button } = parts(host.render().root);
  expect(button.checkVisibility()).toBe(true);
  expect(button.type).toBe("button");
  expect(button.ariaLabel).toBe("Stop");
  await userEvent.click(button);
  expect(host.ops("stop")).toBe(1);
  expect(host.kernel?.targets).toEqual(["streamwidget.control"]);
  expect(host.kernel?.comms[0]).toMatchObject({ opened: true, sent: [{ op: "stop", id: "7" }] });
  await frames();
  expect(button.textContent).toBe("Stopping…");
  expect(button.ariaLabel).toBe("Stop");
  expect(button.disabled).toBe(false);
  host.deliver(kernel.end("cancelled"));
  await frames();
  expect(button.checkVisibility()).toBe(false);
});

test("the page says that a stop is queued if the kernel does not take it", async () => {
  const { host } = start();
  const { button, state } = parts(host.render().root);
  await userEvent.click(button);
  await expect.poll(() => state.textContent).toBe("kernel busy: the stop is queued");
});

test("if the kernel hears nothing while a cell runs, Stop interrupts the view's own cell, and no other", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const stopped = async (change: (host: Host) => void, end = false) => {
      const { kernel, host } = start();
      change(host);
      const { root } = host.render();
      host.deliver(kernel.delta("half"));
      parts(root).button.click();
      parts(root).button.click();
      await vi.advanceTimersByTimeAsync(500);
      if (end) host.deliver(kernel.end("cancelled"));
      expect(host.kernel?.interrupts).toBe(0);
      await vi.advanceTimersByTimeAsync(490);
      return host.kernel?.interrupts;
    };
    const runs = (host: Host) => {
      host.cell.executionState = "running";
    };
    expect(await stopped(runs)).toBe(1);
    expect(await stopped(runs, true)).toBe(0);
    expect(await stopped(() => {})).toBe(0); // another cell runs: the stop is queued
    const hears = (host: Host) => {
      runs(host);
      (host.kernel as FakeKernel).supportsSubshells = true;
    };
    expect(await stopped(hears)).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});

test("Escape inside the view stops, other keys and Escape elsewhere do not", async () => {
  const { kernel, host } = start();
  const { root } = host.render();
  const outside = vi.fn();
  document.body.addEventListener("keydown", outside, { once: true });
  parts(root).button.focus();
  await userEvent.keyboard("x");
  document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
  expect(host.ops("stop")).toBe(0);
  outside.mockClear();
  await userEvent.keyboard("{Escape}");
  expect(host.ops("stop")).toBe(1);
  expect(outside).not.toHaveBeenCalled();
  host.deliver(kernel.end("cancelled"));
  await frames();
  root.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
  expect(host.ops("stop")).toBe(1);
});

test("the keyboard reaches Stop, and finds the cell again when Stop goes", async () => {
  const { kernel, host } = start();
  const cell = document.createElement("div");
  cell.tabIndex = -1;
  document.body.append(cell);
  const { root } = host.render(cell);
  await userEvent.keyboard("{Tab}");
  expect(document.activeElement).toBe(parts(root).button);
  host.deliver(kernel.end());
  await frames();
  expect(document.activeElement).toBe(cell);
});

test("the focus is never taken and the page is never scrolled", async () => {
  const { kernel, host } = start();
  const input = document.createElement("input");
  document.body.append(input);
  input.focus();
  host.render();
  host.deliver(kernel.delta("line\n".repeat(500)));
  await frames();
  host.deliver(kernel.end());
  await frames();
  expect(document.activeElement).toBe(input);
  expect(document.scrollingElement?.scrollTop).toBe(0);
});

test("the control comm is checked before each send, and made anew after a kernel restart", async () => {
  const { host } = start();
  const { button } = parts(host.render().root);
  (host.kernel?.comms[0] as { isDisposed: boolean }).isDisposed = true;
  await userEvent.click(button);
  expect(host.kernel?.comms.length).toBe(2);
  expect(host.kernel?.comms[1]?.sent).toEqual([{ op: "stop", id: "7" }]);
});

test("all answers of a page share one control comm of their kernel", () => {
  const { host } = start();
  const other = new Host(new KernelSide({ id: "s2" }).state);
  hosts.push(other);
  other.kernel = host.kernel;
  other.key = "8";
  other.initialize();
  parts(other.render().root).button.click();
  expect(host.kernel?.comms.map((comm) => comm.sent)).toEqual([[{ op: "stop", id: "8" }]]);
});

test("the control comm is opened once it has its subshell, or when there is something to send", async () => {
  const [waiting, stopped] = [0, 1].map(() => {
    const host = new Host(new KernelSide().state);
    hosts.push(host);
    (host.kernel as FakeKernel).supportsSubshells = true;
    host.initialize();
    expect(host.kernel?.comms[0]?.opened).toBe(false);
    return host;
  }) as [Host, Host];
  waiting.kernel?.startSubshell();
  await expect.poll(() => waiting.kernel?.comms[0]?.opened).toBe(true);
  parts(stopped.render().root).button.click();
  expect(stopped.kernel?.comms[0]).toMatchObject({ opened: true, sent: [{ op: "stop" }] });
});

test("with a subshell messages go beside the cells, and an untaken stop goes the other way too", async () => {
  const { kernel, host } = start();
  (host.kernel as FakeKernel).supportsSubshells = true;
  (host.kernel?.comms[0] as { isDisposed: boolean }).isDisposed = true;
  const later = new Host(kernel.state);
  hosts.push(later);
  later.kernel = host.kernel;
  later.initialize();
  const comm = host.kernel?.comms[1] as FakeComm;
  expect(later.ops("sync")).toBe(1);
  host.kernel?.startSubshell();
  await expect.poll(() => comm.opened).toBe(true);
  later.deliver({ op: "delta", seq: 9, text: "lost some" });
  await expect.poll(() => comm.sent).toMatchObject([{ op: "sync", id: "7" }]);
  expect(later.ops("sync")).toBe(1);
  const { button } = parts(later.render().root);
  button.click();
  expect(comm.sent.at(-1)).toEqual({ op: "stop", id: "7" });
  expect(later.ops("stop")).toBe(0);
  await expect.poll(() => later.ops("stop")).toBe(1);
});

test("without a kernel on the widget manager, and with a comm that throws, Stop still uses the other way", async () => {
  const kernel = new KernelSide();
  const bare = new Host(kernel.state);
  bare.kernel = null;
  const throwing = new Host(kernel.state);
  hosts.push(bare, throwing);
  (throwing.kernel as unknown as { createComm: () => never }).createComm = () => {
    throw new Error("Comms are disabled");
  };
  for (const host of hosts) {
    host.initialize();
    await userEvent.click(parts(host.render().root).button);
    expect(host.ops("stop")).toBe(1);
  }
});

test("a model that cannot send harms nothing", async () => {
  const kernel = new KernelSide();
  const host = new Host(kernel.state);
  hosts.push(host);
  host.sendFails = true;
  host.initialize();
  const { root } = host.render();
  await userEvent.click(parts(root).button);
  expect(host.kernel?.comms[0]?.sent.length).toBe(1);
});

test("the outcome is on the root and in words, and the keys of the notebook are free again", async () => {
  const { kernel, host } = start();
  const { root } = host.render();
  expect(root.dataset.lmSuppressShortcuts).toBe("true");
  host.deliver(kernel.delta("half"), kernel.end("interrupted"));
  await frames();
  expect(root.dataset.outcome).toBe("interrupted");
  expect(root.dataset.phase).toBeUndefined();
  expect(root.dataset.lmSuppressShortcuts).toBeUndefined();
  expect(parts(root).status.textContent).toContain("connection lost; the answer is cut");
});

test("the end by the state trait alone is enough", async () => {
  const { kernel, host } = start();
  const { root } = host.render();
  kernel.delta("all of it");
  kernel.end();
  host.change(kernel.state);
  await frames();
  expect(root.dataset.outcome).toBe("complete");
  expect(parts(root).text.textContent?.trim()).toBe("all of it");
});

test("the page says that the kernel is dead, and keeps the text", async () => {
  for (const status of ["dead", "restarting", "autorestarting", "terminating"]) {
    const { kernel, host } = start();
    const { root } = host.render();
    host.deliver(kernel.delta("kept"));
    host.kernel?.status("busy");
    host.kernel?.status(status);
    await frames();
    expect(root.dataset.phase).toBe("gone");
    expect(parts(root).state.textContent).toBe("kernel gone · the text so far is kept");
    expect(parts(root).text.textContent?.trim()).toBe("kept");
    expect(parts(root).button.hidden).toBe(true);
  }
});

test("a demo answer is marked, another is not", () => {
  expect(parts(start({ demo: true }).host.render().root).demo.checkVisibility()).toBe(true);
  expect(parts(start().host.render().root).demo.checkVisibility()).toBe(false);
});

test("words that everybody must see are the mark, and its title where they do not fit", () => {
  const mark = "SmolLM2 135M, on this machine: a very small model, often wrong";
  const { root } = start({ mark, model: "SmolLM2-135M-Instruct" }).host.render();
  const { demo } = parts(root);
  expect(demo.checkVisibility()).toBe(true);
  expect(demo.querySelector("strong")?.title).toBe(mark);
  expect(root.querySelector(".streamwidget-name")?.textContent).toBe(mark);
});

test("model names and details are shown as text, whatever they hold", async () => {
  const evil = '<img src=x onerror="window.__pwn=1">\u001b[31m';
  const { kernel, host } = start({ model: evil });
  const { root } = host.render();
  host.deliver(kernel.delta(evil), kernel.end("error", evil));
  await frames();
  expect(root.querySelector("img")).toBeNull();
  expect(root.textContent).not.toContain("\u001b");
  expect((window as { __pwn?: number }).__pwn).toBeUndefined();
});

test("nothing is painted while the page is hidden, all of it when it is shown", async () => {
  const { kernel, host } = start();
  const { root } = host.render();
  try {
    hide(true);
    const request = vi.spyOn(window, "requestAnimationFrame");
    host.deliver(kernel.delta("unseen"), kernel.delta(" yet"));
    expect(request).not.toHaveBeenCalled();
    request.mockRestore();
    expect(parts(root).text.textContent?.trim()).toBe("");
  } finally {
    hide(false);
    Reflect.deleteProperty(document, "hidden");
  }
  await frames();
  expect(parts(root).text.textContent?.trim()).toBe("unseen yet");
});

test("only the start and the end are announced", async () => {
  const { kernel, host } = start();
  const { root } = host.render();
  const { spoken, text } = parts(root);
  const heard: string[] = [];
  const observer = new MutationObserver(() => heard.push(spoken.textContent ?? ""));
  observer.observe(spoken, { childList: true, characterData: true, subtree: true });
  for (let i = 0; i < 5; i += 1) {
    host.deliver(kernel.delta("word "));
    await frames();
  }
  host.deliver(kernel.end());
  await frames();
  expect(heard).toEqual(["Answer started", "Answer complete"]);
  expect(spoken.role).toBe("status");
  expect(text.closest("[aria-live]")).toBeNull();
});

test("a view of a finished stream announces nothing", async () => {
  const { root } = start({ phase: "over", outcome: "complete", text: "done" }).host.render();
  await frames();
  expect(parts(root).spoken.textContent).toBe("");
  expect(root.dataset.outcome).toBe("complete");
});

test("the seconds of the wait tick without a message", async () => {
  const { host } = start({ elapsed: 7.7 });
  const { state } = parts(host.render().root);
  const seconds = () => Number(/· (\d+) s/.exec(state.textContent ?? "")?.[1]);
  const first = seconds();
  expect(first).toBeGreaterThanOrEqual(7);
  await expect.poll(seconds).toBeGreaterThan(first);
});

test("clean-up leaves nothing: no element, listener, timer or frame", async () => {
  const timers = new Set<unknown>();
  const { setTimeout: set, clearTimeout: clear } = globalThis;
  const added = vi.spyOn(document, "addEventListener");
  vi.stubGlobal("setTimeout", (fn: () => void, ms: number) => {
    const id = set(() => {
      timers.delete(id);
      fn();
    }, ms);
    timers.add(id);
    return id;
  });
  vi.stubGlobal("clearTimeout", (id: number) => {
    timers.delete(id);
    clear(id);
  });
  try {
    for (const way of ["signal", "returned"]) {
      const kernel = new KernelSide();
      const host = new Host(kernel.state);
      const cleanup = host.initialize();
      const view = host.render();
      host.deliver(kernel.delta("a"));
      parts(view.root).button.click();
      expect(timers.size).toBeGreaterThan(0);
      expect(host.listening()).toBe(5);
      if (way === "signal") {
        view.life.abort();
        host.life.abort();
      } else {
        view.cleanup();
        cleanup();
      }
      expect(view.el.childNodes.length).toBe(0);
      expect(timers.size).toBe(0);
      expect(host.listening()).toBe(0);
    }
    for (const [, , options] of added.mock.calls)
      expect((options as AddEventListenerOptions).signal?.aborted).toBe(true);
    expect(added).toHaveBeenCalled();
    const request = vi.spyOn(window, "requestAnimationFrame");
    hide(false);
    expect(request).not.toHaveBeenCalled();
  } finally {
    Reflect.deleteProperty(document, "hidden");
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
  }
});

test("the header keeps its height, and the view fits in 200 pixels", async () => {
  const { kernel, host } = start({ model: "some-vendor/a-very-long-model-name-2026-11-20", demo: true });
  const { el, root } = host.render();
  const cell = document.createElement("div");
  cell.style.width = "200px";
  el.replaceWith(cell);
  cell.append(el);
  const before = parts(root).head.offsetHeight;
  parts(root).button.click();
  host.deliver(kernel.delta("unbreakable".repeat(50)));
  await frames();
  expect(root.scrollWidth).toBeLessThanOrEqual(200);
  host.deliver(kernel.end());
  await frames();
  expect(parts(root).head.offsetHeight).toBe(before);
});

test("a model that was closed holds no text, whoever keeps it", () => {
  const { kernel, host } = start();
  host.render();
  host.deliver(kernel.delta("a long text"), kernel.end());
  host.change(kernel.state);
  host.life.abort();
  expect(JSON.stringify([host.state, host.previous])).not.toContain("a long text");
});

test("Escape stops the answer of the selected cell, and not while the person edits a cell", async () => {
  const { host } = start();
  const notebook = document.createElement("div");
  notebook.className = "jp-Notebook";
  notebook.innerHTML = `<div class="jp-Cell"><textarea></textarea><p></p></div><button>elsewhere</button>`;
  document.body.append(notebook);
  const cell = notebook.firstElementChild as HTMLElement;
  cell.append(host.render().root);
  const stops = (target: Element | null) => {
    host.sent = [];
    target?.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
    return host.sent.filter(({ op }) => op === "stop").length;
  };
  const [editor, at] = [notebook.querySelector("textarea"), notebook.querySelector("p")];
  expect(stops(at)).toBe(0); // another cell is selected
  cell.classList.add("jp-mod-active");
  expect([stops(editor), stops(document.body), stops(at)]).toEqual([0, 0, 1]);
  notebook.remove();
});
