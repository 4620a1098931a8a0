// One view of a transcript: DOM only, no state of its own but for what it has painted.
//
// It paints at most once per animation frame and not at all while the page is hidden; it appends, never re-paints; it
// never takes the focus and never scrolls the page. Text goes in as text nodes: nothing here parses HTML.

import { announcement, stateWord, statusLine } from "./status";
import { TextBlocks, visible } from "./text";
import type { Transcript } from "./transcript";

const STATUS_MS = 500;

function element<K extends keyof HTMLElementTagNameMap>(tag: K, className: string): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  made.className = className;
  return made;
}

// Assigning an equal string would still dirty the layout and wake assistive technology.
function setText(node: Element, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

/** Shows `transcript` in `el` until `signal` aborts. `stop` is called when the person asks for a stop. */
export function mountView(el: HTMLElement, transcript: Transcript, stop: () => void, signal: AbortSignal): void {
  const root = element("div", "streamwidget jp-RenderedHTMLCommon");
  const head = element("div", "streamwidget-head");
  const model = element("bdi", "streamwidget-model");
  const demo = element("span", "streamwidget-demo");
  const word = element("span", "streamwidget-state");
  const button = element("button", "streamwidget-stop");
  const answer = element("div", "streamwidget-text");
  const status = element("div", "streamwidget-status");
  const spoken = element("div", "streamwidget-spoken");
  demo.textContent = "demo";
  demo.title = "Written by the built-in demo server, not by a language model";
  button.type = "button";
  button.ariaLabel = "Stop"; // stays its name while it reads "Stopping…"
  button.title = "Stop this answer (Esc)";
  answer.dir = "auto";
  spoken.role = "status";
  head.append(model, demo, word, button);
  root.append(head, answer, status, spoken);

  const blocks = new TextBlocks(answer);
  let epoch = transcript.epoch;
  let painted = 0; // chunks of this epoch in the DOM
  let frame = 0;
  let statusAbout = "";
  let statusAt = 0;
  let tick: ReturnType<typeof setTimeout> | undefined;
  let said = announcement(transcript); // what was so before the view was there is no news

  function paintText(): void {
    if (epoch !== transcript.epoch) {
      epoch = transcript.epoch;
      painted = 0;
      blocks.clear();
    }
    if (painted === transcript.chunks.length) return;
    blocks.append(transcript.chunks.slice(painted).join(""));
    painted = transcript.chunks.length;
  }

  // A hidden button drops the focus to the page; who stopped by keyboard should find themselves in the cell instead.
  function hideButton(): void {
    if (button.matches(":focus")) el.closest<HTMLElement>("[tabindex]")?.focus({ preventScroll: true });
    button.hidden = true;
  }

  function paintOver(): void {
    root.dataset.outcome = transcript.outcome ?? "error";
    delete root.dataset.phase;
    // There is nothing left to operate, so the notebook's keys may work here again.
    delete root.dataset.lmSuppressShortcuts;
    hideButton();
  }

  function paintRunning(): void {
    root.dataset.phase = transcript.gone ? "gone" : transcript.phase;
    root.dataset.lmSuppressShortcuts = "true";
    if (transcript.gone) hideButton();
    else button.hidden = false;
    setText(button, transcript.stopping === "no" ? "Stop" : "Stopping…");
  }

  function paintStatus(now: number): void {
    const { phase, stopping, busy, lost, gone, retryAt } = transcript;
    const about = [phase, stopping, busy, lost, gone, retryAt].join();
    // Figures that change with every message could not be read.
    if (about === statusAbout && now - statusAt < STATUS_MS) return;
    statusAbout = about;
    statusAt = now;
    setText(status, visible(statusLine(transcript, now)));
    status.classList.toggle("streamwidget-busy", phase !== "over" && (busy || stopping === "queued"));
  }

  function paint(): void {
    frame = 0;
    const now = performance.now();
    paintText();
    if (transcript.over) paintOver();
    else paintRunning();
    setText(model, visible(transcript.model ?? ""));
    demo.hidden = !transcript.demo;
    setText(word, stateWord(transcript));
    paintStatus(now);
    const say = announcement(transcript);
    if (say !== said) setText(spoken, say);
    said = say;
    clearTimeout(tick);
    // Seconds are counted from the request, or down to the next attempt: tick where the number changes.
    const origin = transcript.retryAt ?? transcript.startedAt;
    const next = 1000 - ((((now - origin) % 1000) + 1000) % 1000);
    if (!transcript.over && !transcript.gone) tick = setTimeout(schedule, next + 5);
  }

  function schedule(): void {
    if (frame === 0 && !document.hidden) frame = requestAnimationFrame(paint);
  }

  button.addEventListener("click", stop, { signal });
  root.addEventListener(
    "keydown",
    (event) => {
      if (event.key !== "Escape" || transcript.over || transcript.gone) return;
      event.preventDefault();
      event.stopPropagation();
      stop();
    },
    { signal },
  );
  document.addEventListener("visibilitychange", schedule, { signal });
  const unsubscribe = transcript.subscribe(schedule);
  signal.addEventListener(
    "abort",
    () => {
      unsubscribe();
      cancelAnimationFrame(frame);
      clearTimeout(tick);
      root.remove();
    },
    { once: true },
  );
  paint();
  el.append(root);
}
