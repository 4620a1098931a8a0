// One view of a transcript. It keeps nothing but what it has painted.
//
// - It paints when dom/frames.ts says so, and not while the page is hidden.
// - It appends. It never paints again what is there.
// - It never takes the focus and never scrolls the page.
// - Its elements are those of the saved answer, in the same order (saved/shape.ts). Elements of only the live answer
//   have no height.

import { loadValues, withTools } from "../code/later";
import { make, setData, setText } from "../dom/elements";
import { cancelPaint, requestPaint } from "../dom/frames";
import { keepExpanded } from "../notebook/keep_expanded";
import { awaitFormula, typesetFormulas } from "../notebook/mathjax";
import { TEXT_CLASS, TEXT_STYLE } from "../saved/shape";
import type { Remedy } from "../transcript/messages";
import { announcement } from "../transcript/status";
import type { Transcript } from "../transcript/transcript";
import { AnswerParts } from "./answer_parts";
import { type Confirm, Consent } from "./consent";
import { Reasoning, Refusal, Steps } from "./folds";
import { Foot } from "./foot";
import { Head } from "./head";
import { KeptHeight } from "./kept_height";
import { showOutput } from "./outputs";
import { ScrollBox } from "./scroll_box";
import { stopByEscape } from "./stop_keys";

export interface Actions {
  stop(): void;
  ask(remedy: Remedy): void;
  confirm: Confirm;
}

interface ViewOptions {
  /** The widget's model. It leads to the host's notebook and MathJax. */
  model: object;
  /** CSS pixels of the answer's box. Null shows the answer at its whole height. */
  maxHeight: number | null;
  /** The element around the view has a height, and the answer scrolls in what is left of it. */
  isSized?: boolean;
  /** A Stop button elsewhere, which the view does not show or hide. */
  stop?: HTMLButtonElement;
}

/** Shows `transcript` in `el` until `signal` aborts. */
export function mountView(
  el: HTMLElement,
  transcript: Transcript,
  actions: Actions,
  { model, maxHeight, isSized = false, stop }: ViewOptions,
  signal: AbortSignal,
): void {
  const root = make("div", "streamwidget jp-RenderedHTMLCommon rendered_html");
  const spoken = make("div", "streamwidget-spoken");
  const text = make("div", `streamwidget-text ${TEXT_CLASS}`);
  root.role = "group";
  root.ariaLabel = "Chat answer";
  spoken.role = "status";
  text.style.cssText = TEXT_STYLE;

  const head = new Head(transcript, stop ?? actions.stop, (words) => setText(spoken, words));
  const foot = new Foot(transcript, actions.ask);
  const consent = new Consent(transcript, actions.confirm);
  const reasoning = new Reasoning(transcript, schedule);
  const refusal = new Refusal(transcript);
  let value: { root: Element; paint(): void } | null | undefined; // null while its code is loaded
  const steps = new Steps(transcript, {
    get text() {
      return value?.root ?? text;
    },
    end: consent.root,
    prepare: (body) => {
      withTools(body, signal, (tools) => tools.attachCode(body, model, signal));
      const typeset = () => void typesetFormulas(body, model);
      body.closest("details")?.addEventListener("toggle", typeset, { once: true, signal });
    },
  });
  const finished = (block: HTMLElement) => void typesetFormulas(block, model);
  const answer = new AnswerParts(text, transcript, { finished }, (output) => showOutput(output, model, signal));
  withTools(el, signal, (tools) => tools.attachCode(text, model, signal));
  const box = maxHeight === null && !isSized ? null : new ScrollBox(text, "Answer text");
  root.classList.toggle("streamwidget-sized", isSized);
  if (maxHeight !== null) text.style.maxHeight = `${maxHeight}px`;
  root.append(
    head.root,
    spoken,
    reasoning.root,
    text,
    ...(box ? [box.root] : []),
    ...refusal.roots,
    consent.root,
    foot.root,
  );

  let tick: ReturnType<typeof setTimeout> | undefined;
  let cell: Element | null = null; // found early: when the view goes, it may be out of the page already
  let said = announcement(transcript, performance.now()); // a state from before the view is not news

  function paintRoot(): void {
    const { over, gone, outcome, phase, connection } = transcript;
    // While there is something to stop, the view gets the keys. After that the notebook gets them again.
    setData(root, "outcome", over ? (outcome ?? "error") : null);
    setData(root, "phase", over ? null : gone ? "gone" : connection.up ? phase : "disconnected");
    setData(root, "lmSuppressShortcuts", over ? null : "true");
  }

  const height = isSized ? null : new KeptHeight(root);

  // A turn of a chat may be asked again as a value, so this can come late.
  async function showValue(): Promise<void> {
    value = null;
    const values = await loadValues(el);
    if (signal.aborted || !values) return;
    value = values.showValue(text, transcript);
    schedule();
  }

  function paint(): void {
    const now = performance.now();
    if (transcript.value && value === undefined) void showValue();
    const { over } = transcript;
    cell ??= root.closest(".jp-CodeCell");
    height?.paint(!over && !transcript.gone);
    head.paint(now);
    reasoning.paint(now);
    steps.paint(over);
    const behind = answer.paint(over);
    value?.paint();
    if (!over) awaitFormula(text, model);
    refusal.paint(over);
    box?.paint();
    consent.paint(head.stop);
    foot.paint(head.stop);
    paintRoot();
    const say = announcement(transcript, now);
    if (say !== said) setText(spoken, say);
    said = say;
    if (behind) schedule();
    clearTimeout(tick);
    // Tick when a number changes: the seconds since the request, or the seconds to the next attempt.
    const origin = transcript.retryAt ?? transcript.startedAt;
    const next = 1000 - ((((now - origin) % 1000) + 1000) % 1000);
    if (!over && !transcript.gone && transcript.connection.up) tick = setTimeout(schedule, next + 5);
  }

  function schedule(): void {
    if (!signal.aborted) requestPaint(paint);
  }

  stopByEscape(root, transcript, () => actions.stop(), signal);
  document.addEventListener("visibilitychange", schedule, { signal });
  const unsubscribe = transcript.subscribe(schedule);
  signal.addEventListener(
    "abort",
    () => {
      unsubscribe();
      height?.dispose();
      cancelPaint(paint);
      clearTimeout(tick);
      head.dispose();
      root.remove();
      keepExpanded(cell);
    },
    { once: true },
  );
  paint();
  el.append(root);
}
