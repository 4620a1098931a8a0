// The bar of a code block: the name of its language, "Copy" and "Insert below", and for a moment "Undo".
//
// It stands in the pre, after its code. It is positioned over the space that the frame leaves above the code, so that
// nothing moves. The style sheet draws its words from attributes. So the words are not part of the answer's text, in a
// selection or in a search.

import { copyText } from "../dom/clipboard";
import { insertBelow } from "./insert";

const FEEDBACK_MS = 2000;
const UNDO_MS = 8000;

const COPY = "Copy";
const INSERT = "Insert below";
const UNDO = "Undo";

// Only buttons that were made here act. The HTML of another notebook may have the same classes. Each has its own words,
// which come back after the feedback.
const ours = new WeakMap<HTMLButtonElement, string>();

/** Makes a button whose words are drawn by the style sheet. */
export function makeTool(label: string, name: string): HTMLButtonElement {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "streamwidget-tool";
  made.ariaLabel = name;
  made.dataset.label = label;
  ours.set(made, label);
  return made;
}

/** Makes the bar for the line above a saved answer, a diff or an answer of a comparison. */
export function makeSavedTools(...tools: readonly HTMLButtonElement[]): HTMLElement {
  const bar = document.createElement("span");
  bar.className = "streamwidget-saved-tools";
  bar.dataset.lmSuppressShortcuts = "true";
  bar.append(...tools);
  return bar;
}

/** Makes the bar for the end of a pre. An element around the pre handles the clicks with `onToolClick`. */
export function makeTools(): HTMLElement {
  const tools = document.createElement("div");
  tools.className = "streamwidget-tools";
  tools.dir = "ltr";
  // What is above may grow between press and release. A click is that button's all the same.
  tools.addEventListener("pointerdown", ({ target, pointerId }) => {
    if (target !== tools) (target as Element).setPointerCapture(pointerId);
  });
  // Without this, Enter on a button would make the notebook edit the cell.
  tools.dataset.lmSuppressShortcuts = "true";
  tools.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") event.stopPropagation(); // hosts without Lumino listen further out
  });
  tools.append(makeTool(COPY, "Copy code"), makeTool(INSERT, "Insert below: code into a new cell"));
  return tools;
}

/** Handles a click in a root, if it was on one of the buttons. */
export function onToolClick(event: Event): void {
  const pressed = (event.target as Element).closest<HTMLButtonElement>(".streamwidget-tool");
  const code = pressed?.closest("pre")?.querySelector("code");
  if (!pressed || !ours.has(pressed) || !code) return;
  event.stopPropagation();
  if (pressed.dataset.label === UNDO) return; // it has its own
  if (isSeen(code)) void use(pressed, (code.textContent ?? "").replace(/\n$/, ""));
  else showFeedback(pressed, "Not copied: it has hidden text");
}

// The styles of a saved block (streamwidget/_saved/code.py), without spaces, because the page or the host's sanitizer may
// write them in another way.
const FRAME =
  /^margin:001em;padding:28px00;border:1pxsolidrgba\(128,128,128,0?\.3\);border-radius:4px;overflow:hidden;white-space:pre(;--\w:var\(--jp-mirror-editor-\w+-color,#(188038|c5483a|5d7f7f|4f78d8)\))*;?$/;
const CODE = /^display:block;padding:2px12px10px;overflow-x:auto;white-space:pre;?$/;
const COLOUR = /^color:#(188038|c5483a|5d7f7f|4f78d8)(;color:var\(--[ksncd]\))?;?$/;

/** Whether a block of code has only what the rules of Markdown make: text, and spans of text, perhaps coloured. */
export function isPlainCode(pre: Element): boolean {
  const [code] = pre.querySelectorAll(":scope > code");
  if (!code || !hasOnly(pre, FRAME) || !hasOnly(code, CODE)) return false;
  return [...code.querySelectorAll("*")].every((part) => {
    const { length } = part.attributes;
    return part.localName === "span" && length === (part.hasAttribute("style") ? 1 : 0) && hasOnly(part, COLOUR);
  });
}

function hasOnly(element: Element, style: RegExp): boolean {
  const given = element.getAttribute("style");
  return !given || style.test(given.replaceAll(/\s/g, ""));
}

// A colour that is not seen.
const CLEAR = /^rgba\(.*, 0\)$/;

// What is copied must be seen. A saved answer may be HTML of somebody else, with styles around the code.
function isSeen(code: HTMLElement): boolean {
  if (!isPlainCode(code.closest("pre") as Element)) return false;
  for (const part of [code, ...code.querySelectorAll("span")]) {
    const { fontSize, color } = getComputedStyle(part);
    const isShown = part.checkVisibility({ opacityProperty: true, visibilityProperty: true });
    if (!isShown || Number.parseFloat(fontSize) < 6 || color === backgroundOf(part) || CLEAR.test(color)) return false;
  }
  return true;
}

function backgroundOf(element: Element): string {
  for (let at: Element | null = element; at; at = at.parentElement) {
    const { backgroundColor } = getComputedStyle(at);
    if (!CLEAR.test(backgroundColor)) return backgroundColor;
  }
  return "rgb(255, 255, 255)";
}

async function use(pressed: HTMLButtonElement, code: string): Promise<void> {
  const inserts = pressed.ariaLabel?.startsWith(INSERT) ?? false;
  const lines = code.split("\n").length;
  const undo = inserts ? insertBelow(pressed, code) : null;
  if (undo) {
    showFeedback(pressed, `Inserted ${lines} line${lines === 1 ? "" : "s"}`);
    offerUndo(pressed, undo);
  } else if (!(await copyText(code))) showFeedback(pressed, "Copying is not allowed here");
  else showFeedback(pressed, inserts ? "Copied: paste it into a new cell" : "Copied");
}

/** Offers Undo beside the button that was pressed, for a while. `does` and `done` say what it does, and what it did. */
export function offerUndo(
  pressed: HTMLButtonElement,
  undo: () => boolean,
  does = "remove the inserted cell",
  done = "Cell removed",
): void {
  const tools = pressed.parentElement as HTMLElement;
  for (const before of tools.querySelectorAll(`[data-label=${UNDO}]`)) before.remove();
  const offered = makeTool(UNDO, `Undo: ${does}`);
  offered.addEventListener("click", () => {
    const words = undo() ? done : "Kept: the cell was changed";
    offered.remove();
    pressed.focus({ preventScroll: true });
    showFeedback(pressed, words);
  });
  tools.append(offered);
  setTimeout(() => offered.remove(), UNDO_MS);
}

const timers = new WeakMap<HTMLElement, ReturnType<typeof setTimeout>>();

export function showFeedback(pressed: HTMLButtonElement, words: string): void {
  const before = timers.get(pressed);
  const label = ours.get(pressed);
  clearTimeout(before);
  pressed.dataset.label = words;
  pressed.classList.add("streamwidget-feedback");
  announce(words);
  timers.set(
    pressed,
    setTimeout(
      () => {
        pressed.dataset.label = label;
        pressed.classList.remove("streamwidget-feedback");
      },
      words.length > 12 ? 2 * FEEDBACK_MS : FEEDBACK_MS,
    ),
  );
}

let region: HTMLElement | undefined;

/** Adds the page's one status region early, because assistive technology reads only later changes in it. */
export function prepareAnnouncements(): void {
  if (region?.isConnected) return;
  region = document.createElement("div");
  region.role = "status";
  // Styled here, because a view in a shadow root brings its style sheet only there.
  region.style.cssText = "position:fixed;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap";
  document.body.append(region);
}

function announce(words: string): void {
  prepareAnnouncements();
  const said = region as HTMLElement;
  // The same words again must be read out too.
  said.textContent = said.textContent === words ? `${words}\u00a0` : words;
}
