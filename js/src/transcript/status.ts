// The words of the header and of the status line. Pure: a transcript and the time in, text out.
//
// What is said of an answer that is over is said in the same words by streamwidget/_saved/answer.py, or the swap to the
// saved answer would show: js/test/saved_answers.json holds both to that.

import { oneLine } from "../text/one_line";
import type { Remedy } from "./messages";
import type { Transcript } from "./transcript";

const STATES: Readonly<Record<string, string>> = {
  complete: "complete",
  length: "cut",
  filtered: "filtered",
  cancelled: "stopped",
  interrupted: "connection lost",
  timeout: "timed out",
  error: "error",
  http_error: "error",
  protocol_error: "error",
};

/** A time in two or three digits. In whole milliseconds, so that Python rounds alike. */
export function seconds(value: number): string {
  const ms = Math.round(value * 1000);
  if (ms < 995) return `0.${String(Math.floor((ms + 5) / 10)).padStart(2, "0")} s`;
  if (ms < 59_950) {
    const tenths = Math.floor((ms + 50) / 100);
    return `${Math.floor(tenths / 10)}.${tenths % 10} s`;
  }
  const whole = Math.floor((ms + 500) / 1000);
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
}

/** The model's name, or words for that there is none. */
export function modelName(t: Transcript): string {
  return oneLine(t.model ?? "", 100) || "unnamed model";
}

/** One or two words for the header. */
export function stateWord(t: Transcript): string {
  if (t.gone) return "kernel gone";
  if (t.over) return STATES[t.outcome ?? "error"] ?? oneLine((t.outcome ?? "").replaceAll("_", " "));
  return t.wish === "stop" ? "stopping" : t.phase;
}

/** What may be asked for after this outcome. A view that is not kept, or whose kernel is gone, can ask for nothing. */
export function remedies(t: Transcript): Remedy[] {
  if (!t.over || !t.kept || t.gone || t.outcome === "complete") return [];
  const cut = !["filtered", "http_error", "protocol_error"].includes(t.outcome ?? "");
  return cut && t.answer.length > 0 ? ["continue", "retry"] : ["retry"];
}

/** How the answer ended, so that no reader takes a cut one for a whole one. */
export function ending(t: Transcript): string {
  const rest = t.hasContent ? "the answer is cut" : "no answer";
  const why = oneLine(t.detail).replace(/\.+$/, "");
  switch (t.outcome) {
    case "complete":
      return "complete";
    case "length":
      return `token limit reached: ${rest}`;
    case "filtered":
      return `stopped by a content filter: ${rest}`;
    case "cancelled":
      return why ? `stopped (${why}): ${rest}` : `stopped: ${rest}`;
    case "interrupted":
      return `connection lost: ${rest}`;
    case "timeout": {
      const limit = why.split(". ", 1)[0];
      return limit ? `timed out (${limit}): ${rest}` : `timed out: ${rest}`;
    }
    case "error":
      return `error (${why || "reported by the server"}): ${rest}`;
    case "http_error":
      return `request failed (${why || "no response"}): ${rest}`;
    case "protocol_error":
      return `not a chat completion (${why || "the response could not be read"}): ${rest}`;
    default:
      return `${stateWord(t)}: ${rest}`;
  }
}

/** The figures of an answer that is over. */
export function figures(t: Transcript): string[] {
  const facts: string[] = [];
  if (t.tokens !== null) facts.push(`${t.tokens} token${t.tokens === 1 ? "" : "s"}`);
  const first = t.timing ? t.timing.first_delta : t.firstDelta;
  if (first !== null) facts.push(`first token ${seconds(first)}`);
  if (t.timing && t.timing.total > 0) facts.push(`total ${seconds(t.timing.total)}`);
  return facts;
}

const UNHEARD: Readonly<Record<string, string>> = {
  headers: "no response",
  first_delta: "no text",
  stall: "nothing more",
  progress: "no more text",
};

/** Past a quarter of a limit: what has not come for how long, and when it will be given up. */
export function stalled(t: Transcript, now: number): string {
  if (t.over || t.wait === null || t.busy) return "";
  const what = UNHEARD[t.wait.what];
  const waited = (now - t.wait.since) / 1000;
  if (what === undefined || waited <= t.wait.limit / 4) return "";
  return `looks stalled: ${what} for ${Math.floor(waited)} s, given up at ${t.wait.limit} s`;
}

/** The status line while the answer is not over. `now` is a time of performance.now(). */
export function progressLine(t: Transcript, now: number): string {
  return progress(t, now)
    .filter((part) => part !== "")
    .join(" · ");
}

function progress(t: Transcript, now: number): string[] {
  if (t.gone) return ["kernel gone", "the text so far is kept"];
  if (t.queued) return ["kernel busy: the stop is queued"];
  const doubt = t.busy ? "kernel busy" : t.lost ? "catching up" : "";
  const waited = `${Math.max(0, Math.floor((now - t.startedAt) / 1000))} s`;
  const detail = oneLine(t.detail);
  if (t.phase === "retrying") {
    const left = t.retryAt === null ? 0 : Math.ceil((t.retryAt - now) / 1000);
    return [left > 0 ? `retrying in ${left} s` : "retrying", detail, doubt];
  }
  if (t.phase === "waiting") return ["waiting for the first token", waited, stalled(t, now), detail, doubt];
  const rate = t.rate(now);
  const perSecond = rate && (rate.perSecond < 9.5 ? rate.perSecond.toFixed(1) : Math.round(rate.perSecond));
  return [
    waited,
    t.firstDelta === null ? "" : `first token ${seconds(t.firstDelta)}`,
    rate ? `≈ ${perSecond} ${rate.unit}/s` : "",
    stalled(t, now),
    detail,
    doubt,
  ];
}

/** What a screen reader is told: start, end and trouble, and nothing between. */
export function announcement(t: Transcript, now: number): string {
  if (t.gone) return "Kernel gone";
  if (t.over) return `Answer ${ending(t)}`;
  if (t.queued) return "Kernel busy: the stop is queued";
  if (t.phase === "retrying") return `Retrying. ${oneLine(t.detail)}`.trim();
  if (stalled(t, now)) return "Looks stalled";
  return t.phase === "streaming" ? "Answer started" : "";
}
