// The buttons of a code block: "Copy" and "Insert below".
//
// They stand in the pre, after its code, and are positioned absolutely: nothing moves. Their words are drawn by the
// style sheet from an attribute, so the text of the answer is the answer's alone, in a selection and in a search too.

import { copyText } from "../dom/clipboard";
import { insertBelow } from "./insert";

const FEEDBACK_MS = 2000;

const COPY = "Copy";
const INSERT = "Insert below";

function button(label: string, name: string): HTMLButtonElement {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "streamwidget-tool";
  made.ariaLabel = name;
  made.dataset.label = label;
  return made;
}

/** The buttons, for the end of a pre. Their clicks are for `onToolClick` of an element around it. */
export function makeTools(): HTMLElement {
  const tools = document.createElement("div");
  tools.className = "streamwidget-tools";
  // Enter on a button would otherwise be the notebook's "edit this cell".
  tools.dataset.lmSuppressShortcuts = "true";
  tools.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") event.stopPropagation(); // hosts without Lumino listen further out
  });
  tools.append(button(COPY, "Copy code"), button(INSERT, "Insert below: code into a new cell"));
  return tools;
}

/** What a click in a root does, if it was on one of the buttons. */
export function onToolClick(event: Event): void {
  const pressed = (event.target as Element).closest<HTMLButtonElement>(".streamwidget-tool");
  const code = pressed?.closest("pre")?.querySelector("code");
  if (!pressed || !code) return;
  event.stopPropagation();
  void use(pressed, (code.textContent ?? "").replace(/\n$/, ""));
}

async function use(pressed: HTMLButtonElement, code: string): Promise<void> {
  const inserts = pressed.ariaLabel?.startsWith(INSERT) ?? false;
  if (inserts && insertBelow(pressed, code)) showFeedback(pressed, "Inserted");
  else if (!(await copyText(code))) showFeedback(pressed, "Copying is not allowed here");
  else showFeedback(pressed, inserts ? "Copied: paste it into a new cell" : "Copied");
}

const timers = new WeakMap<HTMLElement, ReturnType<typeof setTimeout>>();

function showFeedback(pressed: HTMLButtonElement, words: string): void {
  const before = timers.get(pressed);
  const label = pressed.ariaLabel?.startsWith(INSERT) ? INSERT : COPY;
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

/** Puts the page's one status region in place: assistive technology reads what changes in it, not what comes with it. */
export function prepareAnnouncements(): void {
  if (region?.isConnected) return;
  region = document.createElement("div");
  region.role = "status";
  // Styled here: a view in a shadow root brings its style sheet there only.
  region.style.cssText = "position:fixed;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap";
  document.body.append(region);
}

function announce(words: string): void {
  prepareAnnouncements();
  const said = region as HTMLElement;
  // The same words again are news too.
  said.textContent = said.textContent === words ? `${words}\u00a0` : words;
}
