// The line under an answer. It shows how the answer ended, buttons for what to do about it, and the figures. While the
// answer is written it is empty and has its height already, so that nothing moves at the end.

import { hideFocused, make, makeButton, setHidden, setText } from "../dom/elements";
import { FOOT_STYLE } from "../saved/shape";
import type { Remedy } from "../transcript/messages";
import { outcomeOf } from "../transcript/outcomes";
import { ending, figures, outcomeName, remedies } from "../transcript/status";
import type { Transcript } from "../transcript/transcript";

const REMEDIES: Readonly<Record<Remedy, readonly [name: string, title: string]>> = {
  continue: ["Continue", "Ask for the rest of this answer"],
  retry: ["Retry", "Ask again. The new answer replaces this one."],
};

export class Foot {
  readonly root = make("p", "streamwidget-status");
  #transcript: Transcript;
  #outcome = make("strong", "streamwidget-outcome");
  #remedies = make("span", "streamwidget-remedies");
  #buttons = new Map<Remedy, HTMLButtonElement>();
  #offered = "";
  #rest = make("span", "streamwidget-rest streamwidget-quiet");

  constructor(transcript: Transcript, ask: (remedy: Remedy) => void) {
    this.#transcript = transcript;
    this.root.style.cssText = FOOT_STYLE;
    this.#remedies.dataset.lmSuppressShortcuts = "true";
    for (const remedy of Object.keys(REMEDIES) as Remedy[]) {
      const [name, title] = REMEDIES[remedy];
      const button = makeButton("streamwidget-remedy", name, () => ask(remedy));
      button.title = title;
      this.#buttons.set(remedy, button);
    }
    const line = make("small");
    line.append(this.#outcome, this.#remedies, this.#rest);
    this.root.append(line);
  }

  /** `next` gets the focus when a button that had it disappears. */
  paint(next: HTMLElement): void {
    const t = this.#transcript;
    setHidden(this.#outcome, !t.over || t.outcome === "complete");
    this.#outcome.classList.toggle("streamwidget-bad", outcomeOf(outcomeName(t)).bad);
    this.root.classList.toggle("streamwidget-busy", t.queued);
    this.#paintRemedies(next);
    const badge = t.over ? ending(t) : "";
    const facts = t.queued ? [`kernel busy: ${t.wish} is queued`] : figures(t);
    setText(this.#outcome, this.#outcome.hidden ? "" : badge);
    const line = t.over ? [badge, ...facts].join(" · ") : "";
    setText(this.#rest, this.#outcome.hidden ? line : line.slice(badge.length));
  }

  #paintRemedies(next: HTMLElement): void {
    const offered = remedies(this.#transcript);
    if (offered.length === 0) hideFocused(this.#remedies, next);
    else setHidden(this.#remedies, false);
    if (offered.join() !== this.#offered) {
      this.#offered = offered.join();
      this.#remedies.replaceChildren(...offered.flatMap((remedy) => [" ", this.#buttons.get(remedy) as Node]));
    }
    // Not `disabled`, because that drops the focus.
    for (const button of this.#buttons.values()) button.ariaDisabled = String(this.#transcript.wish !== null);
  }
}
