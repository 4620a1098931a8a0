// The saved conversation, made in the page when it saves the notebook or when the kernel is gone.
// streamwidget/_saved/conversation.py makes the same.

import { make } from "../dom/elements";
import { answerMimebundle, outputBundles } from "../saved/mimebundle";
import { visible } from "../text/visible";
import type { Chat } from "./chat";
import type { FileState } from "./messages";
import type { Turn } from "./turn";

const PROMPT_STYLE = "margin:1em 0 0.5em;padding-inline-start:0.7em;border-inline-start:3px solid currentColor";
const EMPTY = "[empty conversation]";
const TEXT_STYLE = "margin:0;white-space:pre-wrap;overflow-wrap:break-word";

/** The conversation as far as it came, as a notebook stores it: a text for each media type. */
export function chatMimebundle(chat: Chat): object {
  const made = chat.turns.map((turn) => {
    const answer = turn.transcript ? answerMimebundle(turn.transcript) : {};
    return { html: prompt(turn) + (answer["text/html"] ?? ""), plain: [quoted(turn), answer["text/plain"] ?? ""] };
  });
  return {
    "text/html": made.map(({ html }) => html).join("") || `<p><small>${EMPTY}</small></p>`,
    "text/plain": made.flatMap(({ plain }) => plain).join("\n\n") || EMPTY,
    ...outputBundles(chat.turns.map(({ transcript }) => transcript)),
  };
}

function prompt(turn: Turn): string {
  const root = make("div");
  root.setAttribute("style", PROMPT_STYLE);
  // The host looks for formulas in saved HTML, but not in this class.
  const text = make("p", "mathjax_ignore", visible(turn.text));
  text.setAttribute("style", TEXT_STYLE);
  root.append(text, ...turn.files.map((file) => make("small", "", labelOf(file))));
  return root.outerHTML;
}

function quoted(turn: Turn): string {
  const lines = [...visible(turn.text).split("\n"), ...turn.files.map(labelOf)];
  return lines.map((line) => `> ${line}`).join("\n");
}

function labelOf({ kind, name, label }: FileState): string {
  const about = [name, label].filter(Boolean).map(visible).join(", ");
  return `[${kind === "image" ? "image" : "file"}: ${about}]`;
}
