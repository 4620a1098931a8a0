// How an answer can end. The kernel reads the same table (streamwidget/_core/outcomes.py), so both use the same words.

import table from "../../../streamwidget/_core/outcomes.json";
import type { Remedy } from "./messages";

interface Outcome {
  /** One or two words for the header of a view. */
  readonly state: string;
  /** The sentence under an answer with content, and under an empty one. "{why}" is the reason. */
  readonly with_text: string;
  readonly without_text: string;
  /** The reason to give where none is known. If it is empty too, " ({why})" is left out. */
  readonly why: string;
  /** Shown as a failure. */
  readonly bad: boolean;
  /** The answer is not whole. */
  readonly cut: boolean;
  /** What a live view offers then. "continue" needs a text to continue. */
  readonly remedies: readonly Remedy[];
}

const OUTCOMES = new Map(Object.entries(table)) as ReadonlyMap<string, unknown> as ReadonlyMap<string, Outcome>;

/** The row of an outcome. A name that the table lacks counts as a failure. */
export function outcomeOf(name: string): Outcome {
  const known = OUTCOMES.get(name);
  if (known) return known;
  const state = name.replaceAll("_", " ");
  return {
    state,
    with_text: `${state}; the answer is cut`,
    without_text: `no answer: ${state}`,
    why: "",
    bad: true,
    cut: true,
    remedies: ["continue", "retry"],
  };
}

/**
 * The sentence on how an answer ended. For example `ending("timeout", "nothing came for 30 s", false)` is
 * "no answer: timed out (nothing came for 30 s)".
 */
export function ending(name: string, reason: string, hasContent: boolean): string {
  const { with_text, without_text, why } = outcomeOf(name);
  const sentence = hasContent ? with_text : without_text;
  const given = reason || why;
  return given ? sentence.replace("{why}", () => given) : sentence.replace(" ({why})", "");
}
