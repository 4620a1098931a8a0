// Messages from the kernel about a conversation. Nothing of them is trusted until it passed a guard.

import { type Fields, fields, isCount, label, line, positive } from "../transcript/guards";

export interface FileState {
  /** "image", "pdf", "audio" or "text". */
  readonly kind: string;
  readonly name: string;
  /** What it is, its size, and how much of a text is sent. */
  readonly label: string;
  /** A data: URL of an image, so that nothing is fetched. Null where there is no picture to show. */
  readonly src: string | null;
}

/** A turn that is new or changed. A change leaves out the parts that are as before. */
export interface TurnChange {
  readonly key: string;
  readonly sent: boolean;
  readonly prompt?: { readonly text: string; readonly files: readonly FileState[] };
  /** Unchecked, because a Transcript has its own guard. */
  readonly answer?: unknown;
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
  readonly trimmed: number;
  /** The name of the last prompt that the kernel took. */
  readonly asked: string | null;
}

export type ChatMessage =
  | ChatNews
  | { readonly op: "answer"; readonly key: string; readonly message: unknown }
  | { readonly op: "models"; readonly names: readonly string[]; readonly why: string | null }
  | { readonly op: "refused"; readonly asked: string | null; readonly why: string };

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
    trimmed: positive(raw.trimmed) ?? 0,
    asked: typeof raw.asked === "string" ? raw.asked : null,
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
      return { op: "refused", asked: typeof raw.asked === "string" ? raw.asked : null, why: line(raw.why) };
    default:
      return null;
  }
}
