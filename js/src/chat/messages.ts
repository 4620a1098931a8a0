// Messages from the kernel about a conversation. Nothing of them is trusted until it passed a guard.

import { type Fields, fields, isCount, label, line, positive, string } from "../transcript/guards";
import type { Option } from "./options";

export interface FileState {
  /** "image", "pdf", "audio" or "text". */
  readonly kind: string;
  readonly name: string;
  /** What it is, its size, and how much of a text is sent. */
  readonly label: string;
  /** A data: URL of an image, so that nothing is fetched. Null where there is no picture to show. */
  readonly src: string | null;
}

export type Feedback = "up" | "down";

/** A turn that is new or changed. A change leaves out the parts that are as before. */
export interface TurnChange {
  readonly key: string;
  readonly sent: boolean;
  /** When it was asked, in seconds since 1970. Null if that is not known. */
  readonly at: number | null;
  /** The number of this branch, from 0, and how many there are. */
  readonly branch: number;
  readonly branches: number;
  readonly feedback: Feedback | null;
  readonly prompt?: { readonly text: string; readonly files: readonly FileState[] };
  /** Unchecked, because a Transcript has its own guard. */
  readonly answer?: unknown;
}

/** How a chat begins, and what it can do. */
export interface Setup {
  /** Markdown. */
  readonly greeting: string;
  readonly prompts: readonly string[];
  readonly commands: readonly Option[];
  /** People can rate answers. */
  readonly feedback: boolean;
}

export interface Tokens {
  /** Of all requests and of all answers. */
  readonly prompt: number;
  readonly answer: number;
  /** How many the model has read and written last, and how many it can hold. 0 if that is not known. */
  readonly context: number;
  readonly window: number;
  /** In words. Empty if nothing of it is known. */
  readonly cost: string;
}

export interface ChatNews {
  readonly op: "chat";
  readonly rev: number;
  /** True for the whole state, false for the changes since the revision before. */
  readonly whole: boolean;
  /** The keys of all turns in their order. Null if the order is as before. */
  readonly keys: readonly string[] | null;
  readonly turns: readonly TurnChange[];
  readonly model: string | null;
  readonly needsModel: boolean;
  readonly settings: ReadonlyMap<string, string>;
  readonly trimmed: number;
  readonly tokens: Tokens;
  readonly undo: string | null;
  readonly redo: string | null;
  /** The name of the last prompt that the kernel took. */
  readonly asked: string | null;
}

type ChatMessage =
  | ChatNews
  | { readonly op: "answer"; readonly key: string; readonly message: unknown }
  | { readonly op: "models"; readonly names: readonly string[]; readonly why: string | null }
  | {
      readonly op: "transcript";
      readonly format: string;
      readonly text: string;
      readonly name: string;
      readonly type: string;
    }
  | { readonly op: "refused"; readonly asked: string | null; readonly why: string; readonly model: boolean };

const IMAGE = /^data:image\/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/]+={0,2}$/;

function filesOf(value: unknown): FileState[] {
  if (!Array.isArray(value)) return [];
  return value.map((file) => {
    const raw = fields(file);
    const src = typeof raw?.src === "string" && IMAGE.test(raw.src) ? raw.src : null;
    return { kind: line(raw?.kind), name: line(raw?.name), label: line(raw?.label), src };
  });
}

function turnOf(value: unknown): TurnChange | null {
  const raw = fields(value);
  if (typeof raw?.key !== "string") return null;
  return {
    key: raw.key,
    sent: raw.sent === true,
    at: positive(raw.at),
    branch: positive(raw.branch) ?? 0,
    branches: positive(raw.branches) ?? 1,
    feedback: raw.feedback === "up" || raw.feedback === "down" ? raw.feedback : null,
    ...(typeof raw.text === "string" ? { prompt: { text: raw.text, files: filesOf(raw.files) } } : {}),
    ...("answer" in raw ? { answer: raw.answer } : {}),
  };
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
}

export function parseNews(raw: Fields | null, whole: boolean): ChatNews | null {
  if (!raw || !isCount(raw.rev) || !Array.isArray(raw.turns)) return null;
  return {
    op: "chat",
    rev: raw.rev,
    whole,
    keys: Array.isArray(raw.keys) ? strings(raw.keys) : null,
    turns: raw.turns.flatMap((turn) => turnOf(turn) ?? []),
    model: label(raw.model),
    needsModel: raw.needs_model === true,
    settings: new Map(Object.entries(fields(raw.settings) ?? {}).map(([name, value]) => [name, string(value)])),
    trimmed: positive(raw.trimmed) ?? 0,
    tokens: tokensOf(raw.tokens),
    undo: label(raw.undo),
    redo: label(raw.redo),
    asked: typeof raw.asked === "string" ? raw.asked : null,
  };
}

function tokensOf(value: unknown): Tokens {
  const raw = fields(value);
  const [prompt, answer, context, window] = ["prompt", "answer", "context", "window"].map(
    (name) => positive(raw?.[name]) ?? 0,
  );
  return { prompt, answer, context, window, cost: line(raw?.cost) } as Tokens;
}

export function parseSetup(value: unknown): Setup {
  const raw = fields(value);
  const commands = Array.isArray(raw?.commands) ? raw.commands : [];
  return {
    greeting: string(raw?.greeting),
    prompts: strings(raw?.prompts),
    commands: commands.map((command) => ({ name: line(fields(command)?.name), about: line(fields(command)?.about) })),
    feedback: raw?.feedback === true,
  };
}

/** The message in `value`. Null if it is not one of a chat. */
export function parseChatMessage(value: unknown): ChatMessage | null {
  const raw = fields(value);
  switch (raw?.op) {
    case "chat":
      return parseNews(raw, raw.whole === true);
    case "answer":
      return typeof raw.key === "string" ? { op: "answer", key: raw.key, message: raw.message } : null;
    case "models":
      return { op: "models", names: strings(raw.names), why: label(raw.why) };
    case "refused":
      return {
        op: "refused",
        asked: typeof raw.asked === "string" ? raw.asked : null,
        why: line(raw.why),
        model: raw.model === true,
      };
    case "transcript": {
      const { format, text, name, type } = raw;
      return { op: "transcript", format: string(format), text: string(text), name: line(name), type: line(type) };
    }
    default:
      return null;
  }
}
