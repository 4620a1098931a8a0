// The header line: who answers and how it stands, Copy and Stop.

import { copyText } from "./clipboard";
import { hideFocused, make, makeButton, setHidden, setText } from "./dom";
import { HEAD_STYLE } from "./saved";
import { modelName, stateWord } from "./status";
import type { Transcript } from "./transcript";

const TOLD_MS = 2000;

export class Head {
  readonly root = make("p", "streamwidget-head");
  readonly stop: HTMLButtonElement;
  #transcript: Transcript;
  #demo = make("span", "streamwidget-demo");
  #model = make("bdi", "streamwidget-model");
  #state = make("small", "streamwidget-state streamwidget-quiet");
  #copy: HTMLButtonElement;
  #say: (text: string) => void;
  #told: ReturnType<typeof setTimeout> | undefined;

  constructor(transcript: Transcript, stop: () => void, say: (text: string) => void) {
    this.#transcript = transcript;
    this.#say = say;
    this.root.style.cssText = HEAD_STYLE;
    const mark = make("strong", "", "demo");
    mark.title = "Written by the built-in demo server, not by a language model";
    this.#demo.append(mark, " · ");
    const name = make("small", "streamwidget-name streamwidget-quiet");
    name.append(this.#demo, this.#model);
    this.#copy = makeButton("streamwidget-copy", "Copy", () => void this.#copyAnswer());
    this.#copy.ariaLabel = "Copy answer";
    this.#copy.title = "Copy the answer as Markdown";
    this.stop = makeButton("streamwidget-stop", "Stop", stop);
    this.stop.ariaLabel = "Stop"; // stays its name while it reads "Stopping…"
    this.stop.title = "Stop this answer (Esc)";
    const controls = make("span", "streamwidget-controls");
    controls.dataset.lmSuppressShortcuts = "true"; // Enter shall press the button, not edit the cell
    controls.append(this.#copy, this.stop);
    this.root.append(name, this.#state, controls);
  }

  paint(): void {
    const t = this.#transcript;
    setHidden(this.#demo, !t.demo);
    setText(this.#model, modelName(t));
    setText(this.#state, stateWord(t));
    // "Stopping…" takes its place, or a narrow header would not hold both.
    if (t.answer.length === 0 || t.wish === "stop") hideFocused(this.#copy, this.stop);
    else setHidden(this.#copy, false);
    setText(this.stop, t.wish === "stop" ? "Stopping…" : "Stop");
    if (t.over || t.gone) hideFocused(this.stop, null);
    else setHidden(this.stop, false);
  }

  dispose(): void {
    clearTimeout(this.#told);
  }

  async #copyAnswer(): Promise<void> {
    const copied = await copyText(this.#transcript.text);
    setText(this.#copy, copied ? "Copied" : "Not copied");
    this.#say(copied ? "Answer copied" : "The answer could not be copied");
    clearTimeout(this.#told);
    this.#told = setTimeout(() => setText(this.#copy, "Copy"), TOLD_MS);
  }
}
