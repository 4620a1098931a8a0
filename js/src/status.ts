// The words of the header and of the status line. Pure: a transcript and the time in, text out.

import type { Transcript } from "./transcript";

const OUTCOMES: Readonly<Record<string, readonly [state: string, line: string]>> = {
  complete: ["complete", "complete"],
  length: ["cut", "cut at the token limit"],
  filtered: ["cut", "cut by the content filter"],
  cancelled: ["stopped", "stopped"],
  interrupted: ["cut", "connection lost - the answer is cut"],
  timeout: ["timed out", "timed out"],
  error: ["error", "error"],
  http_error: ["error", "request failed"],
  protocol_error: ["error", "unreadable reply"],
};

export function seconds(value: number): string {
  if (value < 0.995) return `${value.toFixed(2)} s`;
  if (value < 59.95) return `${value.toFixed(1)} s`;
  const whole = Math.round(value);
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
}

function count(n: number, word: string): string {
  return `${n.toLocaleString("en-US")} ${word}${n === 1 ? "" : "s"}`;
}

function outcomeWords(outcome: string | null): readonly [string, string] {
  const word = outcome ?? "error";
  const spaced = word.replaceAll("_", " ");
  return (Object.hasOwn(OUTCOMES, word) ? OUTCOMES[word] : undefined) ?? [spaced, spaced];
}

/** One or two words for the header. */
export function stateWord(t: Transcript): string {
  if (t.over) return outcomeWords(t.outcome)[0];
  if (t.gone) return "kernel gone";
  return t.stopping === "no" ? t.phase : "stopping";
}

/** What a screen reader is told: the start and the end, and nothing between. */
export function announcement(t: Transcript): string {
  if (t.over) return `Answer ${outcomeWords(t.outcome)[1]}`;
  if (t.gone) return "Kernel gone";
  return t.phase === "streaming" ? "Answer started" : "";
}

/** The status line. `now` is a time of performance.now(). */
export function statusLine(t: Transcript, now: number): string {
  const parts = t.over ? overParts(t) : t.gone ? ["kernel gone", "the text so far is kept"] : runningParts(t, now);
  return parts.filter((part) => part !== "").join(" · ");
}

function overParts(t: Transcript): string[] {
  const words = outcomeWords(t.outcome)[1];
  const first = t.timing?.first_delta ?? t.firstDelta;
  return [
    t.detail ? `${words}: ${t.detail}` : words,
    t.tokens === null ? "" : count(t.tokens, "token"),
    first === null ? "" : `first token ${seconds(first)}`,
    t.timing ? seconds(t.timing.total) : "",
  ];
}

function runningParts(t: Transcript, now: number): string[] {
  if (t.stopping === "queued") return ["kernel busy: the stop is queued"];
  const parts = progress(t, now);
  if (t.busy) parts.push("kernel busy");
  else if (t.lost) parts.push("catching up");
  return parts;
}

function progress(t: Transcript, now: number): string[] {
  if (t.phase === "retrying") {
    const left = t.retryAt === null ? 0 : Math.ceil((t.retryAt - now) / 1000);
    return [left > 0 ? `retrying in ${left} s` : "retrying", t.detail];
  }
  if (t.phase === "waiting") {
    const waited = Math.max(0, Math.floor((now - t.startedAt) / 1000));
    return ["waiting for the first token", `${waited} s`, t.detail];
  }
  const rate = t.rate(now);
  return [
    t.firstDelta === null ? "streaming" : `first token ${seconds(t.firstDelta)}`,
    rate ? `${rate.perSecond < 9.5 ? rate.perSecond.toFixed(1) : Math.round(rate.perSecond)} ${rate.unit}/s` : "",
    t.detail,
  ];
}
