// The views that tests/benchmarks/views.py measures: many at once, which share the kernel's messages.

import { mountView } from "../src/answer/view";
import { make } from "../src/dom/elements";
import { readTogether } from "../src/kernel/together";
import { Transcript } from "../src/transcript/transcript";

type Listener = (content: unknown) => void;

/** A model of a host that shows its kernel. */
const model = { widget_manager: { kernel: { createComm() {} } } };

/**
 * Streams the texts into `count` views: a message every `pause` ms, with the next text for each of them. Resolves when
 * all of it is shown, to the longest time in ms for which the page did nothing else. 0 is anything under 50 ms.
 */
async function streamViews(count: number, texts: string[], pause: number): Promise<number> {
  const life = new AbortController();
  const listeners = new Set<Listener>();
  const shared = { on: (_: string, listener: Listener) => void listeners.add(listener) };
  const roots: HTMLElement[] = [];
  for (let key = 0; key < count; key += 1) {
    const state = { seq: 0, phase: "streaming", text: "", id: `s${key}`, elapsed: 0 };
    const transcript = new Transcript(state, () => true);
    readTogether(model, shared, `${key}`, (content) => transcript.receive(content), life.signal);
    const el = make("div");
    document.body.append(el);
    const actions = { stop() {}, ask() {}, confirm() {} };
    mountView(el, transcript, actions, { model: {}, maxHeight: 120 }, life.signal);
    roots.push(el);
  }
  let longest = 0;
  const tasks = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) longest = Math.max(longest, duration);
  });
  await new Promise((resolve) => setTimeout(resolve, 500)); // the views are laid out
  tasks.observe({ type: "longtask" });
  for (const [n, text] of texts.entries()) {
    const message = { op: "delta", seq: n + 1, text, deltas: 4 };
    const views = Object.fromEntries(roots.map((_, key) => [key, [message]]));
    for (const listener of listeners) listener({ views });
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
  const whole = texts.join("").replace(/\s/g, "").length;
  const shown = ({ textContent }: Element) => (textContent ?? "").replace(/\s/g, "").length >= whole;
  while (!roots.every(shown)) await new Promise((resolve) => setTimeout(resolve, 100));
  for (const entry of tasks.takeRecords()) longest = Math.max(longest, entry.duration);
  life.abort();
  document.body.replaceChildren();
  return longest;
}

export const viewsBench = { streamViews };
