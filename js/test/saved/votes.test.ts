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
const buttons = () => [...document.querySelectorAll("button")];

test("only an answer that the page's kernel lets a person keep gets a button, once", () => {
  const state = { votes: {} as unknown };
  const slots: (() => void)[] = [];
  document.body.innerHTML = column(0) + column(1) + column(2);
  followVotes({ get: () => state.votes, on: (_: string, slot: () => void) => slots.push(slot) }, life.signal);
  const change = (votes: unknown) => {
    state.votes = votes;
    for (const slot of slots) slot();
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
  followVotes({ get: () => ({ a1: [true, true] }), on: () => {} }, life.signal);
  buttons()[1]?.click();
  document.body.innerHTML = column(0) + column(1);
  offerVotes(document.body);
  expect(document.activeElement).toBe(buttons()[1]);
});
