// The kernel's side of a chat, as the tests play it, and a page that shows the chat.

import { afterEach } from "vitest";
import { userEvent } from "vitest/browser";
import chatWidget from "../../src/chat/widget";
import { Host, KernelSide } from "../kernel_side";

export type Fields = Record<string, unknown>;

/** The kernel's side of a chat. It numbers its news, keeps the state and answers "sync". */
export class ChatSide {
  rev = 1;
  asked: string | null = null;
  turns: (Fields & { key: string; answer: Fields })[] = [];
  live: KernelSide | null = null;
  setup: Fields = {};
  /** Facts that are not the usual ones. */
  more: Fields = {};

  get state(): Fields {
    const keys = this.turns.map(({ key }) => key);
    return structuredClone({ id: "c1", setup: this.setup, rev: this.rev, keys, turns: this.turns, ...this.facts });
  }

  get facts(): Fields {
    const settings = { model: "m", temperature: "", max_tokens: "", system: "Be brief." };
    return { model: "m", settings, trimmed: 0, asked: this.asked, ...this.more };
  }

  whole(): Fields {
    return { op: "chat", whole: true, ...this.state };
  }

  news(turns: Fields[], keys: string[] | null = null): Fields {
    this.rev += 1;
    return structuredClone({ op: "chat", rev: this.rev, keys, turns, ...this.facts });
  }

  /** Begins an answer. */
  begin(text: string, key = `turn-${this.turns.length}`, more: Fields = {}): Fields {
    this.live = new KernelSide({ id: `stream-${key}-${this.rev}`, kept: true, seq: this.live?.state.seq ?? 0 });
    const turn = { key, text, files: [], sent: false, answer: this.live.state, ...more };
    this.turns = [...this.turns.filter((other) => other.key !== key), turn];
    return this.news(
      [turn],
      this.turns.map((other) => other.key),
    );
  }

  answer(message: unknown): Fields {
    return { op: "answer", key: this.turns.at(-1)?.key, message };
  }

  delta(text: string): Fields {
    return this.answer((this.live as KernelSide).delta(text));
  }

  end(outcome = "complete"): Fields[] {
    const turn = this.turns.at(-1) as Fields;
    turn.sent = true;
    return [this.news([{ key: turn.key, sent: true }]), this.answer((this.live as KernelSide).end(outcome))];
  }

  drop(count: number): Fields {
    this.turns = this.turns.slice(0, count);
    return this.news(
      [],
      this.turns.map(({ key }) => key),
    );
  }
}

let hosts: Host[] = [];
afterEach(() => {
  for (const host of hosts) host.life.abort();
  hosts = [];
  document.body.replaceChildren();
  document.body.style.cssText = "";
});

export function start(side = new ChatSide()) {
  const host = new Host(side.state, null, chatWidget);
  hosts.push(host);
  host.initialize();
  const { el } = host.render();
  const root = el.querySelector<HTMLElement>(".streamwidget-chat") as HTMLElement;
  const box = root.querySelector("textarea") as HTMLTextAreaElement;
  const button = (name: string) =>
    [...root.querySelectorAll("button")].filter(
      (one) => (one.ariaLabel ?? one.textContent) === name && one.checkVisibility(),
    );
  const sent = (op: string) => host.sent.filter((message) => message.op === op);
  const shown = () =>
    [...root.querySelectorAll(".streamwidget-turn")].map((turn) => [
      turn.querySelector(".streamwidget-asked")?.textContent,
      (turn.querySelector(".streamwidget-text") ?? turn.querySelector(".streamwidget-answer"))?.textContent?.trim(),
    ]);
  const note = () => root.querySelector(".streamwidget-note")?.textContent;
  return { host, root, box, button, sent, shown, note, side };
}

export async function type(box: HTMLTextAreaElement, text: string) {
  box.focus();
  await userEvent.keyboard(text);
}
