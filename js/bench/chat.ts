// The chat that tests/benchmarks/chat.py measures: it opens, and a person types in it.

import { mountView } from "../src/answer/view";
import { Chat } from "../src/chat/chat";
import { mountChat } from "../src/chat/view";
import { make } from "../src/dom/elements";
import { Connection } from "../src/transcript/connection";
import { Transcript } from "../src/transcript/transcript";

const QUIET_MS = 500; // without a change, after which a page is taken to be done

let shown = new AbortController();
let chat: Chat;
let message = 0;

function fresh(): HTMLElement {
  shown.abort();
  shown = new AbortController();
  const el = make("div");
  document.body.replaceChildren(el);
  return el;
}

function frame(): Promise<void> {
  return new Promise((resolve) => requestAnimationFrame(() => resolve()));
}

async function settled(): Promise<void> {
  let changed = performance.now();
  const observer = new MutationObserver(() => {
    changed = performance.now();
  });
  observer.observe(document.body, { childList: true, subtree: true, characterData: true });
  // Otherwise frames that show nothing new are measured too.
  while (performance.now() - changed < QUIET_MS) await new Promise((resolve) => setTimeout(resolve, 50));
  observer.disconnect();
}

/** Shows one answer from its state, and waits until all of it is there. */
async function openAnswer(state: unknown): Promise<number> {
  const el = fresh();
  const actions = { stop() {}, ask() {}, confirm() {} };
  mountView(el, new Transcript(state, () => true), actions, { model: {}, maxHeight: null }, shown.signal);
  await settled();
  return el.textContent?.length ?? 0;
}

/** Shows a chat, and waits until its visible part is there. */
async function openChat(state: unknown): Promise<number> {
  const el = fresh();
  chat = new Chat(state, { connection: new Connection(), send: () => true, stop() {} });
  mountChat(el, chat, {}, shown.signal);
  await settled();
  return el.textContent?.length ?? 0;
}

/** Runs a number of frames. Each has a key in the prompt box (if `types`), and each fourth a delta (if there are any). */
async function type(frames: number, types: boolean, key: string | null, deltas: string[]): Promise<void> {
  const box = document.querySelector("textarea") as HTMLTextAreaElement;
  box.focus();
  box.value = "";
  for (let n = 0; n < frames; n += 1) {
    if (types) document.execCommand("insertText", false, "word "[n % 5]);
    const text = deltas[n / 4];
    if (key !== null && text !== undefined) {
      message += 1;
      chat.receive({ op: "answer", key, message: { op: "delta", seq: message, text, deltas: 4 } });
    }
    await frame();
  }
}

/** The number of the last message to the streaming answer. */
function streamsFrom(seq: number): void {
  message = seq;
}

export const chatBench = { openAnswer, openChat, type, streamsFrom };
