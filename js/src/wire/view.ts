// One view of a wire. The left pane lists the rows, the right pane shows the answer. Point at one, and its counterpart
// in the other is lit.
//
// It paints when dom/frames.ts says so. A paint costs the same for 100 rows and for 10,000.

import { make, setText } from "../dom/elements";
import { cancelPaint, requestPaint } from "../dom/frames";
import { takeKeys } from "../dom/keys";
import { AnswerPane } from "./answer_pane";
import { Curve } from "./curve";
import { Head } from "./head";
import { Player } from "./player";
import { RowList } from "./row_list";
import { describe } from "./row_text";
import type { Row, Wire } from "./wire";

const PAGE_ROWS = 10;

/** Shows `wire` in `el` until `signal` aborts. */
export function mountWire(el: HTMLElement, wire: Wire, stop: () => void, signal: AbortSignal): void {
  const root = make("div", "streamwidget streamwidget-wire");
  root.role = "group";
  root.ariaLabel = "A stream on the wire";
  root.dataset.lmSuppressShortcuts = "true"; // the view gets the keys
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

  const detail = make("div", "streamwidget-wire-detail");
  const head = new Head(root, wire, player, {
    stop,
    replay: () => {
      current = -1;
      list.following = answer.following = true;
      player.replay();
    },
    resized: () => {
      answer.resized();
      schedule();
    },
  });
  const panes = make("div", "streamwidget-wire-panes");
  panes.append(list.root, answer.root);
  const key = make("div", "streamwidget-wire-key");
  key.append(make("span", "streamwidget-wire-cut"), " end of a chunk · ↵ line end · an empty line ends an event");
  root.append(head.root, panes, detail, curve.root, key);

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
    head.paint();
    setText(detail, describe(lit, made));
  }

  function schedule(): void {
    if (!signal.aborted) requestPaint(paint);
  }

  // ---- pointer and keys

  // A row that a key scrolls under a pointer at rest must not take the light. A browser sends pointerover for it, and WebKit
  // sends pointermove too.
  let rest = "";
  const ignoreRest = (event: MouseEvent) => {
    const place = `${event.clientX} ${event.clientY}`;
    if (place === rest) event.stopPropagation();
    rest = place;
  };
  panes.addEventListener("pointermove", ignoreRest, true);
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
  el.append(root);
  paint();
}
