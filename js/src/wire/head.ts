// The line above both panes of a wire: who answers, how far it is, and the buttons.

import { hideFocused, make, makeButton, setData, setHidden, setText } from "../dom/elements";
import { oneLine } from "../text/one_line";
import { authorName } from "../transcript/answered_by";
import { outcomeOf } from "../transcript/outcomes";
import { type Player, SPEEDS } from "./player";
import type { Wire } from "./wire";

const SIZES = [0.75, 0.85, 1, 1.2, 1.45, 1.75, 2.1, 2.5] as const; // of the text, in em
const PLAIN_SIZE = 2;
const PHASES = {
  waiting: "waiting for the response",
  streaming: "streaming",
  retrying: "waits to try again",
};

interface HeadActions {
  stop(): void;
  /** Plays all rows again, from the first one. */
  replay(): void;
  /** The text has another size. */
  resized(): void;
}

export class Head {
  readonly root = make("div", "streamwidget-wire-head");

  #view: HTMLElement;
  #wire: Wire;
  #player: Player;
  #actions: HeadActions;
  #size = PLAIN_SIZE;
  #said = "";
  #name = make("span", "streamwidget-wire-name");
  #state = make("span", "streamwidget-wire-state");
  #position = make("span", "streamwidget-wire-position");
  #spoken = make("span", "streamwidget-wire-spoken");
  #play: HTMLButtonElement;
  #back: HTMLButtonElement;
  #on: HTMLButtonElement;
  #again: HTMLButtonElement;
  #smaller: HTMLButtonElement;
  #larger: HTMLButtonElement;
  #stop: HTMLButtonElement;

  /** `view` is the root of the whole view. Its style and its data show the size and the state. */
  constructor(view: HTMLElement, wire: Wire, player: Player, actions: HeadActions) {
    this.#view = view;
    this.#wire = wire;
    this.#player = player;
    this.#actions = actions;
    this.#spoken.role = "status";
    this.#play = button("Pause", "", () => (player.mode === "paused" ? player.resume() : player.pause()));
    this.#back = button("‹ Step", "Step back", () => player.step(-1));
    this.#on = button("Step ›", "Step on", () => player.step(1));
    this.#again = button("Replay", "", () => actions.replay());
    this.#smaller = button("Smaller", "Smaller text", () => this.#resize(-1));
    this.#larger = button("Larger", "Larger text", () => this.#resize(1));
    this.#stop = button("Stop", "Stop", () => actions.stop());
    this.#stop.classList.add("streamwidget-stop");
    const controls = make("span", "streamwidget-wire-controls");
    controls.append(this.#play, this.#back, this.#on, this.#again, speeds(player));
    controls.append(this.#smaller, this.#larger, this.#stop);
    this.root.append(this.#name, this.#state, this.#position, controls, this.#spoken);
    this.#resize(0);
  }

  paint(): void {
    const { over, gone, phase, outcome, rows, connection, stopping } = this.#wire;
    const { shown, mode } = this.#player;
    const cut = over || gone ? "" : connection.line(stopping);
    const word = gone
      ? "the kernel is gone"
      : cut || (phase === "over" ? outcomeOf(outcome ?? "error").state : PHASES[phase]);
    setText(this.#name, authorName(this.#wire));
    const why = cut ? "" : oneLine(this.#wire.detail);
    setText(this.#state, why ? `${word}: ${why}` : word);
    this.#state.title = this.#state.textContent;
    setText(this.#position, `row ${shown.toLocaleString("en")} of ${rows.length.toLocaleString("en")}`);
    setText(this.#play, mode !== "paused" ? "Pause" : over ? "Play" : "Go on");
    this.#play.ariaDisabled = String(over && shown === rows.length);
    this.#back.ariaDisabled = String(shown === 0);
    this.#on.ariaDisabled = String(shown === rows.length);
    this.#again.ariaDisabled = String(!over);
    setText(this.#stop, stopping && !over && !cut ? "Stopping…" : "Stop");
    if (over || gone) hideFocused(this.#stop, this.#again);
    else setHidden(this.#stop, false);
    setData(this.#view, "outcome", over ? (outcome ?? "error") : null);
    setData(this.#view, "phase", over ? null : gone ? "gone" : cut ? "disconnected" : phase);
    const say = over || gone || cut ? word : "";
    if (say !== this.#said) setText(this.#spoken, say);
    this.#said = say;
  }

  #resize(by: number): void {
    this.#size = Math.max(0, Math.min(this.#size + by, SIZES.length - 1));
    this.#view.style.setProperty("--streamwidget-size", `${SIZES[this.#size]}em`);
    this.#smaller.ariaDisabled = String(this.#size === 0);
    this.#larger.ariaDisabled = String(this.#size === SIZES.length - 1);
    this.#actions.resized();
  }
}

function button(text: string, label: string, click: () => void): HTMLButtonElement {
  const made = makeButton("", text, click);
  if (label) made.ariaLabel = label;
  return made;
}

function speeds(player: Player): HTMLSelectElement {
  const speed = make("select", "streamwidget-wire-speed");
  speed.ariaLabel = "Speed of the replay";
  for (const factor of SPEEDS) {
    const option = make("option", "", `${factor}×`);
    option.value = String(factor);
    option.selected = factor === player.speed;
    speed.append(option);
  }
  speed.addEventListener("change", () => player.setSpeed(Number(speed.value)));
  return speed;
}
