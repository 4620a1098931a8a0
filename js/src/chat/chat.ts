// The state of one chat in the page. Each model has one, however many views show it.
//
// Rules (messages may get lost):
// 1. News apply only to the revision before theirs. For example, revision 8 applies to 7. After a gap nothing applies
//    until the whole state came.
// 2. An answer that streams has its own numbers and its own questions: those of its Transcript.
// 3. Silence is trusted, because the kernel sends nothing when nothing happens. While the page waits for something, it
//    asks.
// 4. A prompt stays in the person's box until the kernel has taken it.

import { oneLine } from "../text/one_line";
import type { Connection } from "../transcript/connection";
import { fields, string } from "../transcript/guards";
import { Listeners } from "../transcript/listeners";
import type { Decision, OutgoingMessage, Remedy } from "../transcript/messages";
import { Questions } from "../transcript/questions";
import {
  type ChatNews,
  type Feedback,
  parseChatMessage,
  parseNews,
  parseSetup,
  type Setup,
  type Tokens,
} from "./messages";
import { Turn } from "./turn";

const PIECE = 1_000_000; // bytes: a notebook server takes no message of more than 10 MB

/** A file of a prompt: a new one, or the number of a file of the edited prompt. */
export type SentFile =
  | { readonly data: ArrayBuffer; readonly name: string; readonly thumbnail: string | null }
  | { readonly keep: number };

const WRITING = "Waiting for the transcript …"; // a cell may block the kernel

export type Setting = "model" | "temperature" | "max_tokens" | "system";

/** The conversation as a file. */
export interface TranscriptFile {
  readonly text: string;
  readonly name: string;
  readonly type: string;
}

/** The part of a KernelLink that a chat uses. */
interface ChatLink {
  readonly connection: Connection;
  /** Returns false if the kernel cannot be reached now. */
  send(message: OutgoingMessage, buffers?: ArrayBuffer[]): boolean;
  stop(stop: OutgoingMessage, first: boolean, unanswered: () => boolean): void;
}

export class Chat {
  readonly id: string;
  readonly connection: Connection;
  turns: readonly Turn[] = [];
  /** How the chat begins, and what it can do. It does not change. */
  readonly setup: Setup;
  model: string | null = null;
  /** The server refuses a question without a model. */
  needsModel = false;
  /** The settings that can be changed, as text. Empty is the default. */
  settings: ReadonlyMap<string, string> = new Map();
  models: readonly string[] = [];
  /** Why there are no models to choose from. */
  modelsNote = "";
  /** Counts up when a prompt was refused because no model is chosen. */
  modelWanted = 0;
  trimmed = 0;
  tokens: Tokens = { prompt: 0, answer: 0, context: 0, window: 0, cost: "" };
  /** The steps that can be undone and done again. */
  undoable: string | null = null;
  redoable: string | null = null;
  /** The kernel died or was restarted. */
  gone = false;
  /** A line for the person: why something was not done. */
  note = "";
  /** The name of the prompt that the kernel has not taken yet, and of the last prompt that it took. */
  pending: string | null = null;
  taken: string | null = null;

  #rev = -1;
  #byKey = new Map<string, Turn>();
  #questions: Questions;
  #link: ChatLink;
  #leave: () => void;
  #listeners = new Listeners();
  #wanted = new Map<string, (file: TranscriptFile) => void>(); // by format

  /** @param initial the `state` trait as it came with the model */
  constructor(initial: unknown, link: ChatLink) {
    this.#link = link;
    this.connection = link.connection;
    this.#questions = new Questions(
      () => this.#link.send({ op: "sync", rev: this.#rev, pending: this.pending }),
      () => this.#changed(),
    );
    const raw = fields(initial);
    this.id = string(raw?.id);
    this.setup = parseSetup(raw?.setup);
    const all = parseNews(raw, true);
    if (all) this.#apply(all);
    this.#questions.ask();
    this.#leave = link.connection.subscribe(() => this.#reconnected());
  }

  /** The turn whose answer is being written, in this chat or by a cell that shares the conversation. */
  get live(): Turn | null {
    return this.turns.filter((turn) => turn.streams).at(-1) ?? null;
  }

  get last(): Turn | null {
    return this.turns.at(-1) ?? null;
  }

  /** The kernel does not answer: a cell blocks it, or the connection is down. */
  get busy(): boolean {
    return this.#questions.busy;
  }

  subscribe(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  // ---- actions of the person

  /** Sends a prompt and returns its name. Returns null if it was not sent. Then `note` says why. */
  send(text: string, files: readonly SentFile[], replaces: string | null): string | null {
    if (this.gone || this.pending !== null) return null;
    const name = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 12)}-p`;
    const named = files.map((file, place) => ("keep" in file ? file : this.#upload(`${name}-${place}`, file)));
    if (!this.#request({ op: "send", name, text, files: named, replaces })) return null;
    this.pending = name;
    this.#questions.ask();
    this.#changed();
    return name;
  }

  stop(turn = this.live): void {
    const transcript = turn?.transcript;
    if (!transcript || transcript.over || transcript.gone) return;
    // With the name of the stream, so that a late stop does not stop the next answer.
    const { id } = transcript;
    const unanswered = () => transcript.id === id && !transcript.over && !transcript.gone;
    this.#link.stop({ op: "stop", stream: id }, transcript.wish === null, unanswered);
    transcript.wished("stop");
    this.#changed();
  }

  /** Asks for another answer to the last prompt, or for the rest of this one. */
  ask(turn: Turn, remedy: Remedy): void {
    const transcript = turn.transcript;
    // To ask twice would be to pay twice.
    if (!transcript?.over || this.gone || transcript.wish !== null || this.live) return;
    if (this.#request({ op: remedy, key: turn.key })) transcript.wished(remedy);
  }

  /** Lets a tool run that waits, or refuses it. */
  confirm(key: string, decision: Decision, reason: string): void {
    this.#request({ op: "confirm", key, decision, reason });
  }

  include(turn: Turn, sent: boolean): void {
    this.#request({ op: "include", key: turn.key, sent });
  }

  clear(): void {
    this.#request({ op: "clear" });
  }

  remove(turn: Turn): void {
    this.#request({ op: "delete", key: turn.key });
  }

  undo(): void {
    if (this.undoable !== null && !this.gone) this.#request({ op: "undo" });
  }

  redo(): void {
    if (this.redoable !== null && !this.gone) this.#request({ op: "redo" });
  }

  /** Shows another branch of a turn. The first is 0. */
  branch(turn: Turn, number: number): void {
    this.#request({ op: "branch", key: turn.key, branch: number });
  }

  rate(turn: Turn, feedback: Feedback | null): void {
    this.#request({ op: "rate", key: turn.key, feedback });
  }

  choose(model: string): void {
    this.#request({ op: "model", name: model });
  }

  set(name: Setting, value: string): void {
    this.#request({ op: "set", name, value });
  }

  listModels(): void {
    this.modelsNote = this.#link.send({ op: "models" }) ? "Asking for the models …" : "";
    this.#changed();
  }

  /** Asks for the conversation as a file, and gives it to `use` when it comes. */
  transcript(format: string, use: (file: TranscriptFile) => void): void {
    if (!this.#request({ op: "transcript", format })) return;
    this.#wanted.set(format, use);
    this.say(WRITING);
  }

  say(note: string): void {
    this.note = note;
    this.#changed();
  }

  // ---- messages from the kernel

  receive(content: unknown): void {
    const message = parseChatMessage(content);
    if (!message) return;
    this.#questions.heard();
    this.gone = false;
    switch (message.op) {
      case "chat":
        this.#news(message);
        break;
      case "answer": {
        const turn = this.#byKey.get(message.key);
        if (turn?.transcript) turn.transcript.receive(message.message);
        else this.#questions.lost = true;
        break;
      }
      case "models":
        this.models = message.names;
        this.modelsNote = message.why !== null ? `No list of models: ${oneLine(message.why)}` : "";
        break;
      case "transcript":
        if (this.note === WRITING) this.note = "";
        this.#wanted.get(message.format)?.(message);
        this.#wanted.delete(message.format);
        break;
      case "refused":
        // It is about a prompt of another page, or about one that was refused before.
        if (message.asked !== null && message.asked !== this.pending) break;
        this.note = message.why;
        if (message.asked === null) this.last?.transcript?.refused();
        else this.pending = null;
        if (message.model) this.modelWanted += 1;
        break;
    }
    this.#changed();
  }

  /** Notes that the kernel died or was restarted. */
  kernelGone(): void {
    this.gone = true;
    this.pending = null;
    for (const turn of this.turns) turn.kernelGone();
    this.#changed();
  }

  dispose(): void {
    this.#leave();
    this.#listeners.clear();
    this.#questions.rest();
    for (const turn of this.turns) turn.dispose();
  }

  // Binary pieces, in order, before the prompt. A Stop finds its way between them.
  #upload(file: string, { data, name, thumbnail }: Exclude<SentFile, { keep: number }>) {
    const size = data.byteLength;
    for (let at = 0; at < size; at += PIECE)
      this.#link.send({ op: "piece", file, at, size }, [data.slice(at, at + PIECE)]);
    return { file, name, thumbnail };
  }

  #request(message: OutgoingMessage): boolean {
    const sent = this.#link.send(message);
    this.say(sent ? "" : "Not sent: there was no connection to the kernel. Try it again.");
    return sent;
  }

  // News may have been lost meanwhile, and a prompt too.
  #reconnected(): void {
    if (this.connection.up && !this.gone) this.#questions.ask();
    this.#changed();
  }

  #news(news: ChatNews): void {
    if (news.rev < this.#rev) return; // repeated
    if (news.whole || news.rev === this.#rev) this.#questions.answered();
    else if (news.rev !== this.#rev + 1) {
      this.#questions.lost = true;
      return;
    }
    this.#apply(news);
  }

  #apply(news: ChatNews): void {
    this.#rev = news.rev;
    this.model = news.model;
    this.needsModel = news.needsModel;
    this.settings = news.settings;
    this.trimmed = news.trimmed;
    this.tokens = news.tokens;
    this.undoable = news.undo;
    this.redoable = news.redo;
    this.taken = news.asked;
    if (news.asked !== null && news.asked === this.pending) this.pending = null;
    for (const change of news.turns) {
      let turn = this.#byKey.get(change.key);
      if (!turn) {
        const sync = () => this.#link.send({ op: "sync", key: change.key });
        turn = new Turn(change.key, sync, this.connection, () => this.#changed());
        this.#byKey.set(change.key, turn);
      }
      turn.take(change);
    }
    if (news.keys === null) return;
    this.turns = news.keys.flatMap((key) => this.#byKey.get(key) ?? []);
    for (const [key, turn] of this.#byKey) {
      if (this.turns.includes(turn)) continue;
      turn.dispose();
      this.#byKey.delete(key);
    }
  }

  #changed(): void {
    const waits = this.#questions.lost || this.pending !== null;
    if (waits && !this.gone && this.connection.up) this.#questions.watch();
    else this.#questions.rest();
    this.#listeners.call();
  }
}
