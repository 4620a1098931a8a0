// The saved answer, made in the page when it saves the notebook, and when the kernel is gone and cannot make it. Without
// it the saved notebook would hold a widget that nobody can draw, and none of the text.
//
// It is the same as streamwidget/_saved/answer.py makes, and as safe: elements of our own, filled with text. The HTML of
// a table that the person's own code has shown is put in as a text. Nothing here makes elements of it.

import { OUTPUT_STYLE, PICTURE, plainOutput } from "../answer/outputs";
import { make } from "../dom/elements";
import { renderOnce } from "../markdown/stream";
import { countCodePoints } from "../text/code_points";
import { oneLine } from "../text/one_line";
import { visible } from "../text/visible";
import { answeredBy } from "../transcript/answered_by";
import { string } from "../transcript/guards";
import type { OutputState } from "../transcript/messages";
import { outcomeOf } from "../transcript/outcomes";
import { ending, figures, outcomeName, thoughtLabel } from "../transcript/status";
import type { Step, ToolCall, Transcript } from "../transcript/transcript";
import { dressed } from "./dress";
import {
  FOLD_STYLE,
  FOOT_STYLE,
  HEAD_STYLE,
  NAME_STYLE,
  STEP_STYLE,
  SUMMARY_STYLE,
  TEXT_CLASS,
  TEXT_STYLE,
  toolNames,
} from "./shape";

const PREVIEW = 120;
const MARK = `${Math.random()}:`;
const PLACE = new RegExp(`<!--${MARK}(\\d+)-->`, "g");

/** The answer as far as it came, as a notebook stores it: a text for each media type. */
export function answerMimebundle(t: Transcript): Record<string, string> {
  const root = make("div");
  root.append(head(t));
  if (t.reasoning.length > 0) {
    root.append(fold([thoughtLabel(t)], text(t.reasoning.text)));
  }
  root.append(...t.steps.map(step), body(t), ...refusal(t), ...t.calls.map(call), foot(t));
  // A comment holds the place of each output's own HTML. No text can guess what is in it.
  const html = dressed(root).innerHTML.replace(PLACE, (_, index) => ownHtml(t.outputs[Number(index)]));
  return { "text/html": html, "text/plain": plain(t) };
}

/** The formats of what was shown beside the text, as streamwidget/_saved/outputs.py keeps them. */
export function outputBundles(transcripts: readonly (Transcript | null)[]): object {
  const found = transcripts.flatMap((t) => t?.outputs.map((output) => saved(output, t.text)) ?? []);
  return found.length > 0 ? { "application/vnd.streamwidget.outputs+json": found } : {};
}

function saved({ at, data, metadata, cut, trusted }: OutputState, whole: string): object {
  const shown = Object.entries(data).filter(([kind]) => trusted || kind === "text/plain" || PICTURE.test(kind));
  const place = countCodePoints(whole.slice(0, at)); // as Python counts
  return { place, data: Object.fromEntries(shown), metadata: trusted ? metadata : {}, ...(cut ? { cut } : {}) };
}

function styled<K extends keyof HTMLElementTagNameMap>(tag: K, style: string, className = "") {
  const made = make(tag, className);
  made.setAttribute("style", style);
  return made;
}

// The host looks for formulas in saved HTML. So each dollar and backslash stands alone, where the host sees no pair.
function guarded(line: string): Node[] {
  return line
    .split(/([$\\])/)
    .filter((piece) => piece !== "")
    .map((piece) => (/^[$\\]$/.test(piece) ? make("span", "", piece) : document.createTextNode(piece)));
}

function head(t: Transcript): Element {
  const root = styled("p", HEAD_STYLE);
  const name = make("small", "streamwidget-quiet");
  const model = make("bdi");
  const [mark, modelName] = answeredBy(t);
  model.append(...guarded(modelName));
  if (mark) {
    const strong = make("strong");
    strong.append(...guarded(mark));
    name.append(strong, modelName === "" ? "" : " · ");
  }
  name.append(model);
  root.append(name);
  return root;
}

function text(source: string, className = ""): Element {
  const root = styled("div", TEXT_STYLE, className + TEXT_CLASS);
  renderOnce(root, source);
  return root;
}

function body(t: Transcript): Element {
  if (t.outputs.length === 0) return text(t.text, "streamwidget-text ");
  const root = text("", "streamwidget-text ");
  for (const [index, part] of parts(t).entries()) {
    if (typeof part === "string") {
      if (part) root.append(text(part));
      continue;
    }
    const frame = styled("div", OUTPUT_STYLE, "streamwidget-output");
    frame.append(ownHtml(part) ? document.createComment(MARK + (index - 1) / 2) : plainOutput(part.data));
    if (part.cut) frame.append(make("small", "", visible(part.cut)));
    root.append(frame);
  }
  return root;
}

/** Text and outputs in turn, beginning and ending with a text. */
function parts({ text: whole, outputs }: Transcript): (string | OutputState)[] {
  return [
    ...outputs.flatMap((output, index) => [whole.slice(outputs[index - 1]?.at ?? 0, output.at), output]),
    whole.slice(outputs.at(-1)?.at ?? 0),
  ];
}

function ownHtml(output: OutputState | undefined): string {
  const html = output?.trusted && output.data["text/html"];
  return typeof html === "string" ? html : "";
}

function fold(about: (Node | string)[], body: Element): Element {
  const root = styled("details", FOLD_STYLE);
  const summary = styled("summary", SUMMARY_STYLE);
  summary.append(...about);
  root.append(summary, body);
  return root;
}

function step({ text: said, calls }: Step, index: number): Element {
  const names = toolNames(calls).flatMap((name, place) => [...(place > 0 ? [", "] : []), toolName(name)]);
  if (calls.length > 0) names.push(" ");
  const about = [`Step ${index + 1}: `, ...names, previewOf(said)];
  const inside = styled("div", STEP_STYLE);
  inside.append(text(said, "streamwidget-step-text "), ...calls.map(call));
  return fold(about, inside);
}

function toolName(name: string): Element {
  const code = make("code", "", name);
  code.setAttribute("style", NAME_STYLE);
  return code;
}

function previewOf(source: string): Element {
  const preview = make("small");
  preview.append(...guarded(oneLine(source, PREVIEW)));
  return preview;
}

function refusal(t: Transcript): Element[] {
  if (t.refusal.length === 0) return [];
  const mark = styled("p", FOLD_STYLE);
  mark.append(make("strong", "", "The model refused:"));
  const said = make("p");
  const lines = visible(t.refusal.text).split("\n");
  said.append(...lines.flatMap((line, index) => [...(index > 0 ? [make("br")] : []), ...guarded(line)]));
  const quote = make("blockquote");
  quote.append(said);
  return [mark, quote];
}

function call({ name, arguments: given }: ToolCall): Element {
  const block = make("pre");
  block.append(make("code", "", visible(given.text)));
  return fold(["Tool call: ", toolName(oneLine(name ?? "?")), " ", previewOf(given.text)], block);
}

function foot(t: Transcript): Element {
  const root = styled("p", FOOT_STYLE);
  const line = make("small");
  const badge = guarded(ending(t));
  const rest = make("span", "streamwidget-quiet");
  const facts = figures(t)
    .map((fact) => ` · ${fact}`)
    .join("");
  if (t.outcome === "complete") rest.append(...badge);
  else {
    const mark = make("strong", (t.over || t.gone) && outcomeOf(outcomeName(t)).bad ? "streamwidget-bad" : "");
    mark.append(...badge);
    line.append(mark);
  }
  rest.append(...guarded(facts));
  line.append(rest);
  root.append(line);
  return root;
}

function plain(t: Transcript): string {
  const facts = [...answeredBy(t), ending(t), ...figures(t)].filter((fact) => fact !== "");
  const said = (text: string) => (text === "" ? [] : [visible(text).replace(/\n+$/, "")]);
  const called = ({ name, arguments: given }: ToolCall) => `Tool call: ${oneLine(name ?? "?")}(${visible(given.text)})`;
  return [
    ...t.steps.flatMap(({ text, calls }) => [...said(text), ...calls.map(called)]),
    ...parts(t).flatMap((part) => said(typeof part === "string" ? part : string(part.data["text/plain"]))),
    ...(t.refusal.length > 0 ? [`The model refused: ${visible(t.refusal.text)}`] : []),
    ...t.calls.map(called),
    `[${facts.join(" · ")}]`,
  ].join("\n\n");
}
