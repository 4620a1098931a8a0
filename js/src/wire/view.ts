// One view of a wire. The left pane lists the rows, the right pane shows the answer. Point at one, and its counterpart
// in the other is lit.
//
// It paints when dom/frames.ts says so. A paint costs the same for 100 rows and for 10,000.

import { hideFocused, make, makeButton, setData, setHidden, setText } from "../dom/elements";
import { cancelPaint, requestPaint } from "../dom/frames";
import { takeKeys } from "../dom/keys";
import { countCodePoints, firstCodePoints } from "../text/code_points";
import { oneLine } from "../text/one_line";
import { visible } from "../text/visible";
import { answeredBy } from "../transcript/answered_by";
import { outcomeOf } from "../transcript/outcomes";
import { AnswerPane } from "./answer_pane";
import { Curve } from "./curve";
import { Player, SPEEDS } from "./player";
import { RowList } from "./row_list";
import type { Row, Wire } from "./wire";

const SIZES = [0.75, 0.85, 1, 1.2, 1.45, 1.75, 2.1, 2.5] as const; // of the text, in em
const PLAIN_SIZE = 2;
const PAGE_ROWS = 10;
const SHOWN_MADE = 60; // characters
const PHASES = {
  waiting: "waiting for the response",
  streaming: "streaming",
  retrying: "waits to try again",
};

/** Shows `wire` in `el` until `signal` aborts. */
export function mountWire(el: HTMLElement, wire: Wire, stop: () => void, signal: AbortSignal): void {
  const root = make("div", "streamwidget streamwidget-wire");
  root.role = "group";
  root.ariaLabel = "A stream on the wire";
  root.dataset.lmSuppressShortcuts = "true"; // the view gets the keys
  let size = PLAIN_SIZE;
  let hover = -1; // the row under the pointer, in either pane
  let current = -1; // the row that a key, a click or a step chose
  let fromText = false; // the pointer is in the answer, and must not move the answer

  const player = new Player(wire, () => {
    if (player.mode === "paused") choose(player.shown - 1);
    schedule();
  });
  const list = new RowList(wire, signal, schedule);
  const answer = new AnswerPane(signal);
  const curve = new Curve(wire);

  const name = make("span", "streamwidget-wire-name");
  const state = make("span", "streamwidget-wire-state");
  const position = make("span", "streamwidget-wire-position");
  const detail = make("div", "streamwidget-wire-detail");
  const spoken = make("span", "streamwidget-wire-spoken");
  spoken.role = "status";

  const play = button("Pause", "", () => (player.mode === "paused" ? player.resume() : player.pause()));
  const back = button("‹ Step", "Step back", () => player.step(-1));
  const on = button("Step ›", "Step on", () => player.step(1));
  const again = button("Replay", "", () => {
    current = -1;
    list.following = answer.following = true;
    player.replay();
  });
  const speed = make("select", "streamwidget-wire-speed");
  speed.ariaLabel = "Speed of the replay";
  for (const factor of SPEEDS) {
    const option = make("option", "", `${factor}×`);
    option.value = String(factor);
    option.selected = factor === player.speed;
    speed.append(option);
  }
  speed.addEventListener("change", () => player.setSpeed(Number(speed.value)));
  const smaller = button("Smaller", "Smaller text", () => resize(-1));
  const larger = button("Larger", "Larger text", () => resize(1));
  const end = button("Stop", "Stop", stop);
  end.classList.add("streamwidget-stop");

  const head = make("div", "streamwidget-wire-head");
  const controls = make("span", "streamwidget-wire-controls");
  controls.append(play, back, on, again, speed, smaller, larger, end);
  head.append(name, state, position, controls, spoken);
  const panes = make("div", "streamwidget-wire-panes");
  panes.append(list.root, answer.root);
  const key = make("div", "streamwidget-wire-key");
  key.append(make("span", "streamwidget-wire-cut"), " end of a chunk · ↵ line end · an empty line ends an event");
  root.append(head, panes, detail, curve.root, key);

  function button(text: string, label: string, click: () => void): HTMLButtonElement {
    const made = makeButton("", text, click);
    if (label) made.ariaLabel = label;
    return made;
  }

  function resize(by: number): void {
    size = Math.max(0, Math.min(size + by, SIZES.length - 1));
    root.style.setProperty("--streamwidget-size", `${SIZES[size]}em`);
    smaller.ariaDisabled = String(size === 0);
    larger.ariaDisabled = String(size === SIZES.length - 1);
    answer.resized();
    schedule();
  }

  function choose(index: number): void {
    current = Math.max(-1, Math.min(index, player.shown - 1));
    list.following = answer.following = current === player.shown - 1;
    bring = true;
    schedule();
  }

  function point(index: number, text: boolean): void {
    if (index === hover && text === fromText) return;
    hover = index;
    fromText = text && index >= 0;
    bring = index >= 0;
    schedule();
  }

  let bring = false; // scroll to the lit row and text
  let said = "";

  function paint(): void {
    player.follow();
    const { shown } = player;
    const row = (index: number): Row | undefined => wire.rows[index];
    if (hover >= shown) hover = -1;
    if (current >= shown) current = shown - 1;
    const lit = hover >= 0 ? hover : current;
    const hold = hover >= 0;
    list.paint(shown, lit, hold);
    answer.paint(wire.text, row(shown - 1)?.end ?? 0, hold);
    const made = row(lit);
    answer.light(made?.start ?? 0, made?.end ?? 0);
    if (bring && lit >= 0) {
      if (hover < 0 || fromText) {
        list.reveal(lit);
        list.paint(shown, lit, true);
      }
      if (!fromText) answer.reveal();
    }
    bring = false;
    curve.paint(shown, lit);
    paintHead(shown);
    setText(detail, describe(lit, made));
  }

  function paintHead(shown: number): void {
    const { over, gone, phase, outcome } = wire;
    const cut = over || gone ? "" : wire.connection.line(wire.stopping);
    const word = gone
      ? "the kernel is gone"
      : cut || (phase === "over" ? outcomeOf(outcome ?? "error").state : PHASES[phase]);
    const names = answeredBy(wire).filter((part) => part !== "");
    setText(name, names.join(" · "));
    const why = cut ? "" : oneLine(wire.detail);
    setText(state, why ? `${word}: ${why}` : word);
    state.title = state.textContent;
    setText(position, `row ${shown.toLocaleString("en")} of ${wire.rows.length.toLocaleString("en")}`);
    const paused = player.mode === "paused";
    const ended = over && shown === wire.rows.length;
    setText(play, !paused ? "Pause" : over ? "Play" : "Go on");
    play.ariaDisabled = String(ended);
    back.ariaDisabled = String(shown === 0);
    on.ariaDisabled = String(shown === wire.rows.length);
    again.ariaDisabled = String(!over);
    setText(end, wire.stopping && !over && !cut ? "Stopping…" : "Stop");
    if (over || gone) hideFocused(end, again);
    else setHidden(end, false);
    setData(root, "outcome", over ? (outcome ?? "error") : null);
    setData(root, "phase", over ? null : gone ? "gone" : cut ? "disconnected" : phase);
    const say = over || gone || cut ? word : "";
    if (say !== said) setText(spoken, say);
    said = say;
  }

  function describe(lit: number, row: Row | undefined): string {
    if (!row) return "Point at an event or at the answer; arrow keys go from event to event.";
    const what = [`row ${lit + 1}`, `${row.at.toFixed(3)} s`, row.kind];
    const chunks = row.pieces.length - (row.pieces.at(-1) === "" ? 1 : 0);
    if (chunks > 1) what.push(`in ${chunks} chunks`);
    const count = countCodePoints(row.made);
    if (count > 0) {
      const shown = firstCodePoints(row.made, SHOWN_MADE);
      const cut = count > SHOWN_MADE ? "…" : "";
      what.push(`makes ${count} character${count === 1 ? "" : "s"}: ${visible(JSON.stringify(shown))}${cut}`);
    } else {
      what.push("makes no text");
    }
    return what.join(" · ");
  }

  function schedule(): void {
    if (!signal.aborted) requestPaint(paint);
  }

  // ---- pointer and keys

  // Not pointerover: a browser sends it for a row that moves under a pointer at rest, and a key would not choose.
  list.root.addEventListener("pointermove", (event) => point(list.rowOf(event.target), false));
  list.root.addEventListener("pointerleave", () => point(-1, false));
  list.root.addEventListener("click", (event) => {
    const index = list.rowOf(event.target);
    if (index >= 0) choose(index);
  });
  const rowUnder = (event: MouseEvent) => wire.rowAt(answer.offsetAt(event.clientX, event.clientY));
  answer.root.addEventListener("pointermove", (event) => point(rowUnder(event), true));
  answer.root.addEventListener("pointerleave", () => point(-1, false));
  answer.root.addEventListener("click", (event) => {
    const index = rowUnder(event);
    if (index >= 0) choose(index);
  });
  const from = () => (current >= 0 ? current : player.shown);
  const steps: Record<string, () => number> = {
    ArrowDown: () => (current < 0 ? 0 : current + 1),
    ArrowUp: () => Math.max(0, from() - 1),
    PageDown: () => current + PAGE_ROWS,
    PageUp: () => Math.max(0, from() - PAGE_ROWS),
    Home: () => 0,
    End: () => player.shown - 1,
  };
  list.root.addEventListener("keydown", (event) => {
    const step = steps[event.key];
    if (!step || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    hover = -1;
    choose(step());
  });
  takeKeys(root, wire, stop);

  document.addEventListener("visibilitychange", schedule, { signal });
  const unsubscribe = wire.subscribe(schedule);
  signal.addEventListener(
    "abort",
    () => {
      unsubscribe();
      cancelPaint(paint);
      player.dispose();
      root.remove();
    },
    { once: true },
  );
  resize(0);
  el.append(root);
  paint();
}
