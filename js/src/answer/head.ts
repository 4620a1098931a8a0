// The one line of an answer that is written: who answers at the left, the state with its figures at the right, Copy and
// Stop. It stays in sight while the reader is anywhere in the answer (answer.css).

import { copyText } from "../dom/clipboard";
import { hideFocused, make, makeButton, setHidden, setText } from "../dom/elements";
import { HEAD_STYLE } from "../saved/shape";
import { answeredBy } from "../transcript/answered_by";
import { progressLine } from "../transcript/status";
import type { Transcript } from "../transcript/transcript";

const FEEDBACK_MS = 2000;
const STATE_MS = 500;

export function makeStop(stop: () => void): HTMLButtonElement {
  const button = makeButton("streamwidget-stop", "Stop", stop);
  button.ariaLabel = "Stop"; // the name stays when the button reads "Stopping…"
  button.title = "Stop this answer (Esc)";
  return button;
}

export function stopWord(t: Transcript): string {
  return t.wish === "stop" && t.connection.up ? "Stopping…" : "Stop";
}

export class Head {
  readonly root = make("p", "streamwidget-head");
  readonly stop: HTMLButtonElement;
  #transcript: Transcript;
  #demo = make("span", "streamwidget-demo");
  #mark = make("strong");
  #separator = document.createTextNode("");
  #model = make("bdi", "streamwidget-model");
  #state = make("small", "streamwidget-state streamwidget-quiet");
  #copy: HTMLButtonElement;
  #say: (text: string) => void;
  #about = "";
  #paintedAt = 0;
  #feedback: ReturnType<typeof setTimeout> | undefined;
  #own: boolean; // the Stop button stands in this header

  /** `stop` is the action of the Stop button, or a Stop button elsewhere. */
  constructor(transcript: Transcript, stop: (() => void) | HTMLButtonElement, say: (text: string) => void) {
    this.#transcript = transcript;
    this.#say = say;
    this.root.style.cssText = HEAD_STYLE;
    this.#demo.append(this.#mark, this.#separator);
    const name = make("small", "streamwidget-name streamwidget-quiet");
    name.append(this.#demo, this.#model);
    this.#copy = makeButton("streamwidget-copy", "Copy", () => void this.#copyAnswer());
    this.#copy.ariaLabel = "Copy answer";
    this.#copy.title = "Copy the answer as Markdown";
    this.#own = !(stop instanceof HTMLElement);
    this.stop = stop instanceof HTMLElement ? stop : makeStop(stop);
    const controls = make("span", "streamwidget-controls");
    controls.dataset.lmSuppressShortcuts = "true"; // Enter presses the button and does not edit the cell
    controls.append(this.#copy, ...(this.#own ? [this.stop] : []));
    this.root.append(name, this.#state, controls);
  }

  paint(now: number): void {
    const t = this.#transcript;
    const [mark, model] = answeredBy(t);
    setHidden(this.#demo, mark === "");
    setText(this.#mark, mark);
    this.#mark.title = t.demo ? "Written by the built-in demo server, not by a language model" : mark;
    setText(this.#separator, model === "" ? "" : " · ");
    setText(this.#model, model);
    this.#paintState(now);
    // "Stopping…" replaces it, because a narrow header does not hold both.
    if (t.answer.length === 0 || (this.#own && stopWord(t) !== "Stop")) hideFocused(this.#copy, this.stop);
    else setHidden(this.#copy, false);
    if (!this.#own) return;
    setText(this.stop, stopWord(t));
    if (t.over || t.gone) hideFocused(this.stop, null);
    else setHidden(this.stop, false);
  }

  #paintState(now: number): void {
    const t = this.#transcript;
    setHidden(this.#state, t.over);
    if (t.over) return;
    const { classList } = this.#state;
    classList.toggle("streamwidget-bad", t.gone || t.connection.state === "given up");
    classList.toggle("streamwidget-busy", t.queued || t.busy || !t.connection.up);
    classList.toggle("streamwidget-waiting", !t.gone && t.connection.up && t.phase !== "streaming");
    const about = [t.phase, t.wish, t.queued, t.busy, t.lost, t.gone, t.connection.words, t.retryAt].join();
    // Nobody could read figures that change with every message.
    if (about === this.#about && now - this.#paintedAt < STATE_MS) return;
    this.#about = about;
    this.#paintedAt = now;
    const line = progressLine(t, now);
    setText(this.#state, line);
    this.#state.title = line; // a narrow header cuts it
  }

  dispose(): void {
    clearTimeout(this.#feedback);
  }

  async #copyAnswer(): Promise<void> {
    const copied = await copyText(this.#transcript.text);
    setText(this.#copy, copied ? "Copied" : "Not copied");
    this.#say(copied ? "Answer copied" : "The answer could not be copied");
    clearTimeout(this.#feedback);
    this.#feedback = setTimeout(() => setText(this.#copy, "Copy"), FEEDBACK_MS);
  }
}
