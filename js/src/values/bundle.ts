// The bundle of values: an answer that was asked for as a value, as a table or a tree. The page loads it for the first such
// answer. It reads the text that the page has anyway, so nothing travels twice.

import { make } from "../dom/elements";
import { FOLD_STYLE, SUMMARY_STYLE } from "../saved/shape";
import { Reader } from "../transcript/growing_text";
import type { Transcript } from "../transcript/transcript";
import { JsonReader } from "./json_reader";
import { ValueView } from "./value_view";

const WRAPPED = "value"; // the only field of an object around a value, as in streamwidget/_core/json_text.py

export interface Values {
  showValue: typeof showValue;
}

export default (): Values => ({ showValue });

/** Puts the value before the answer's `text`, which goes into a fold. Returns its element, and what paints it. */
export function showValue(text: HTMLElement, transcript: Transcript): { root: Element; paint(): void } {
  const root = make("div", "streamwidget-value");
  const fold = make("details");
  const summary = make("summary", "", "JSON");
  fold.style.cssText = FOLD_STYLE;
  summary.style.cssText = SUMMARY_STYLE;
  text.before(root, fold);
  fold.append(summary, text);

  const reader = new Reader(transcript.answer);
  let json = new JsonReader();
  let view = new ValueView(root);
  json.feed(transcript.answer.text);
  reader.next();

  function paint(): void {
    const { fresh, piece } = reader.next();
    if (fresh) {
      json = new JsonReader();
      root.replaceChildren();
      view = new ValueView(root);
    }
    json.feed(piece);
    const value = json.root && shown(json.root);
    if (value) view.paint(value);
    // Without a value there is nothing but the text to read.
    if (json.root === null) fold.open = transcript.over;
  }

  function shown(value: NonNullable<JsonReader["root"]>) {
    const isAround = transcript.value?.wraps && value.kind === "object" && (value.names[0] ?? WRAPPED) === WRAPPED;
    return isAround ? value.items[0] : value;
  }

  return { root, paint };
}
