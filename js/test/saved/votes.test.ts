import { afterEach, expect, test } from "vitest";
import { followVotes, offerVotes } from "../../src/saved/votes";

let life = new AbortController();
afterEach(() => {
  life.abort();
  life = new AbortController();
  document.body.replaceChildren();
});

const column = (place: number) =>
  `<div class="streamwidget-compared streamwidget-compared-a1-${place}"><p><strong>${place + 1}. m</strong></p></div>`;
// The model of the page's tools, in a notebook of one cell with these outputs.
const toolsOf = (get: () => unknown, outputs: object[] = []) => {
  const slots: Record<string, (content: never) => void> = {};
  const cell = {
    outputs: {
      length: outputs.length,
      get: (n: number) => outputs[n],
      set: (n: number, to: object) => (outputs[n] = to),
    },
  };
  const host = { get, on: (name: string, slot: never) => (slots[name] = slot) };
  const widget_manager = { context: { model: { cells: [cell] } } };
  followVotes({ ...host, widget_manager }, life.signal);
  return (name: string, content?: object) => slots[name]?.(content as never);
};
const buttons = () => [...document.querySelectorAll("button")];

test("only an answer that the page's kernel lets a person keep gets a button, once", () => {
  const state = { votes: {} as unknown };
  document.body.innerHTML = column(0) + column(1) + column(2);
  const hear = toolsOf(() => state.votes);
  const change = (votes: unknown) => {
    state.votes = votes;
    hear("change:votes");
  };
  for (const votes of [{}, { b2: [true, true] }, { a1: [] }, { a1: 3 }, { a1: null }, null, 3]) {
    change(votes);
    expect(buttons()).toEqual([]);
  }
  change({ a1: [true, false, true] });
  offerVotes(document.body);
  expect(buttons().map((button) => button.ariaLabel)).toEqual(["Keep this one: 1. m", "Keep this one: 3. m"]);
});

test("the new button of a pressed answer takes the focus", () => {
  document.body.innerHTML = column(0) + column(1);
  toolsOf(() => ({ a1: [true, true] }));
  buttons()[1]?.click();
  document.body.innerHTML = column(0) + column(1);
  offerVotes(document.body);
  expect(document.activeElement).toBe(buttons()[1]);
});

test("the output that the kernel sends after a choice replaces that comparison's, and no output twice", () => {
  const outputs = [column(0), "<p>other</p>", undefined].map((html) => ({ data: { "text/html": html } }));
  const [old, ...others] = outputs;
  const data = { "text/html": `${column(0)}<p>your choice</p>` };
  const hear = toolsOf(() => ({}), outputs);
  hear("msg:custom", { chosen: "streamwidget-compared-b2-", data });
  expect(outputs).toEqual([old, ...others]);
  hear("msg:custom", { chosen: "streamwidget-compared-a1-", data });
  expect(outputs).toEqual([{ output_type: "display_data", data, metadata: {} }, ...others]);
  const [now] = outputs;
  hear("msg:custom", { chosen: "streamwidget-compared-a1-", data });
  expect(outputs[0]).toBe(now);
});
