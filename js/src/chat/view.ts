// One view of a chat: the turns in a box that scrolls, and the prompt box under it. It never takes the focus.

import { ScrollBox } from "../answer/scroll_box";
import { make, setData, setHidden } from "../dom/elements";
import { cancelPaint, requestPaint } from "../dom/frames";
import type { Chat } from "./chat";
import { Composer } from "./composer";
import { acceptDrops } from "./files";
import { Footer } from "./footer";
import { Starters } from "./starters";
import type { Turn } from "./turn";
import { TurnView } from "./turn_view";

const HINT = "Enter sends, Shift+Enter breaks the line, Esc stops an answer, ↑ edits the last prompt.";
const COMMANDS = " / lists the commands.";
const AHEAD = "600px 0px"; // how near the screen a turn is when it is shown in full

/** Shows `chat` in `el` until `signal` aborts. `model` is the widget's. */
export function mountChat(el: HTMLElement, chat: Chat, model: object, signal: AbortSignal): void {
  const root = make("div", "streamwidget-chat");
  root.role = "group";
  root.ariaLabel = "Chat";
  // Keys in the chat never go to the notebook.
  root.dataset.lmSuppressShortcuts = "true";
  const log = make("div", "streamwidget-log");
  const list = make("div", "streamwidget-turns");
  const hint = make("p", "streamwidget-hint", HINT + (chat.setup.commands.length > 0 ? COMMANDS : ""));
  const box = new ScrollBox(log, "Conversation");
  const composer = new Composer(chat, () => box.follow(), place);
  const starters = new Starters(chat, composer.text, model, signal);
  const footer = new Footer(chat, composer.text);
  list.append(starters.root, hint);
  log.append(list);
  root.append(log, box.root, composer.root, footer.root);
  el.classList.add("streamwidget-host");

  const views = new Map<Turn, TurnView>();
  const options = { model, stop: composer.stop, edit: (turn: Turn) => composer.edit(turn) };
  let painted: readonly Turn[] = [];

  const near = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        if (!isIntersecting) continue;
        near.unobserve(target);
        shown.get(target)?.show();
      }
    },
    { root: log, rootMargin: AHEAD },
  );
  const shown = new WeakMap<Element, TurnView>();
  const growth = new ResizeObserver(() => box.paint());
  growth.observe(list);
  growth.observe(log);

  function paintTurns(): void {
    if (painted === chat.turns) return;
    painted = chat.turns;
    for (const [turn, view] of views) {
      if (painted.includes(turn)) continue;
      near.unobserve(view.root);
      if (view.root.matches(":focus-within")) composer.text.focus({ preventScroll: true });
      view.dispose();
      views.delete(turn);
    }
    let before: Element = hint;
    for (const turn of painted) {
      let view = views.get(turn);
      if (!view) {
        view = new TurnView(chat, turn, options);
        views.set(turn, view);
        shown.set(view.root, view);
        near.observe(view.root);
      }
      if (before.nextElementSibling !== view.root) before.after(view.root);
      before = view.root;
    }
    setHidden(hint, painted.length > 0);
  }

  // The box of a turn that is edited stands in its place.
  function place(edited: Turn | null): void {
    if (edited === null) box.root.after(composer.root);
    for (const [turn, view] of views) view.edit(turn === edited ? composer.root : null);
    const { top, bottom } = composer.root.getBoundingClientRect();
    const shown = log.getBoundingClientRect();
    if (edited !== null && (top < shown.top || bottom > shown.bottom)) box.show(top - shown.top);
  }

  function paint(): void {
    composer.paint(); // first, because its box may stand in a turn that goes
    paintTurns();
    for (const view of views.values()) view.paint();
    starters.paint();
    footer.paint();
    setData(root, "phase", chat.gone ? "gone" : null);
  }

  function schedule(): void {
    if (!signal.aborted) requestPaint(paint);
  }

  root.addEventListener("keydown", (event) => {
    event.stopPropagation(); // hosts without Lumino listen further out
    footer.key(event);
    if (event.key !== "Escape" || !chat.live || event.isComposing) return;
    event.preventDefault();
    chat.stop();
  });
  acceptDrops(root, (files) => composer.attach(files));
  document.addEventListener("visibilitychange", schedule, { signal });
  window.addEventListener(
    "beforeprint",
    () => {
      for (const view of views.values()) view.show();
    },
    { signal },
  );
  const unsubscribe = chat.subscribe(schedule);
  signal.addEventListener(
    "abort",
    () => {
      unsubscribe();
      cancelPaint(paint);
      near.disconnect();
      growth.disconnect();
      for (const view of views.values()) view.dispose();
      root.remove();
    },
    { once: true },
  );
  paint();
  el.append(root);
}
