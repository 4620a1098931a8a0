// The words of the header and of the status line. Pure functions: a transcript and the time in, text out.
//
// streamwidget/_saved/answer.py has the same words for an answer that is over. Otherwise its reader would see the words
// change when the saved answer replaces the live one. js/test/saved_answers.json holds both to that.

import { countCodePoints } from "../text/code_points";
import { oneLine } from "../text/one_line";
import type { Remedy } from "./messages";
import { ending as endingOf, outcomeOf } from "./outcomes";
import type { Transcript } from "./transcript";

const UNFINISHED = "not finished"; // of an answer that is saved while it streams
const THOUGHT = 0.1; // seconds: reasoning that came sooner came at once

/** A time in two or three digits: 0.349 is "0.35 s". It is rounded to milliseconds first, as Python does. */
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

/** The name of the outcome. "kernel_gone" if the kernel went before the end. */
export function outcomeName(t: Transcript): string {
  return t.outcome ?? "kernel_gone";
}

/** What the person can ask for now. Nothing where the view is not kept or the kernel cannot be reached. */
export function remedies(t: Transcript): readonly Remedy[] {
  if (!t.over || !t.kept || t.gone || !t.connection.up) return [];
  return outcomeOf(outcomeName(t)).remedies.filter((remedy) => remedy !== "continue" || t.answer.length > 0);
}

/** The sentence on how the answer ended, so that nobody takes a cut answer for a whole one. */
export function ending(t: Transcript): string {
  if (!t.over && !t.gone) return UNFINISHED;
  return endingOf(outcomeName(t), oneLine(t.detail).replace(/\.+$/, ""), t.hasContent);
}

/** The figures of an answer that is over: "182 tokens", "first token 0.35 s", "total 3.2 s". */
export function figures(t: Transcript): string[] {
  const facts = t.missing ? [oneLine(t.missing)] : [];
  if (t.tokens !== null) facts.push(`${t.tokens} token${t.tokens === 1 ? "" : "s"}`);
  if (t.spent) facts.push(oneLine(t.spent));
  const first = t.timing ? t.timing.first_delta : t.firstDelta;
  if (first !== null) facts.push(`first token ${seconds(first)}`);
  // Before the end the kernel's total is that of the moment when the page asked last.
  if (t.over && t.timing && t.timing.total > 0) facts.push(`total ${seconds(t.timing.total)}`);
  return facts;
}

/** The heading of the reasoning. Reasoning that came at once has no time, and that which still comes has a length. */
export function thoughtLabel(t: Transcript): string {
  const thought = t.timing?.reasoning ?? (t.over ? null : t.thoughtFor);
  if (thought !== null) return thought >= THOUGHT ? `Thought for ${seconds(thought)}` : "Thought";
  if (t.over || t.gone || t.text !== "") return "Thought";
  const n = countCodePoints(t.reasoning.text);
  return `Thinking (${n} character${n === 1 ? "" : "s"})`;
}

const UNHEARD: Readonly<Record<string, string>> = {
  headers: "no response",
  first_delta: "no text",
  stall: "nothing",
  progress: "no more text",
};

/** After a quarter of a limit: "nothing for 10 s (gives up at 30 s)". */
function stalled(t: Transcript, now: number): string {
  if (t.over || t.wait === null || t.busy) return "";
  const what = UNHEARD[t.wait.what];
  const waited = (now - t.wait.since) / 1000;
  if (what === undefined || waited <= t.wait.limit / 4) return "";
  return `${what} for ${Math.floor(waited)} s (gives up at ${t.wait.limit} s)`;
}

/** The state and its figures while the answer is not over: "streaming · 3 s · first token 0.35 s". `now` is a time of performance.now(). */
export function progressLine(t: Transcript, now: number): string {
  return progress(t, now)
    .filter((part) => part !== "")
    .join(" · ");
}

function progress(t: Transcript, now: number): string[] {
  if (t.gone) return ["kernel gone", "the text so far is kept"];
  if (!t.connection.up) return [t.connection.line(t.wish === "stop")];
  if (t.queued) return ["kernel busy: the stop is queued"];
  const doubt = t.busy ? "kernel busy" : t.lost ? "catching up" : "";
  const waited = `${Math.max(0, Math.floor((now - t.startedAt) / 1000))} s`;
  const detail = oneLine(t.detail);
  if (t.phase === "retrying") {
    const left = t.retryAt === null ? 0 : Math.ceil((t.retryAt - now) / 1000);
    return [left > 0 ? `retrying in ${left} s` : "retrying", detail, doubt];
  }
  if (t.phase === "waiting" && t.hasContent) return [detail, waited, doubt]; // for a tool
  if (t.phase === "waiting") return ["waiting for the first token", waited, stalled(t, now), detail, doubt];
  const rate = t.rate(now);
  const perSecond = rate && (rate.perSecond < 9.5 ? rate.perSecond.toFixed(1) : Math.round(rate.perSecond));
  return [
    t.wish === "stop" ? "stopping" : t.phase,
    waited,
    t.firstDelta === null ? "" : `first token ${seconds(t.firstDelta)}`,
    rate ? `≈ ${perSecond} ${rate.unit}/s` : "",
    stalled(t, now),
    detail,
    doubt,
  ];
}

/** What a screen reader reads out: start, end and trouble, and nothing in between. */
export function announcement(t: Transcript, now: number): string {
  if (t.gone) return "Kernel gone";
  if (t.over) return `Answer ${ending(t)}`;
  if (!t.connection.up) return progressLine(t, now);
  if (t.queued) return "Kernel busy: the stop is queued";
  if (t.phase === "retrying") return `Retrying. ${oneLine(t.detail)}`.trim();
  if (t.asks.length > 0) return `${oneLine(t.asks[0]?.name ?? "")} waits for your consent`;
  if (stalled(t, now)) return "Nothing has come for a while";
  return t.phase === "streaming" ? "Answer started" : "";
}
