import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { SavedViews } from "../../src/notebook/saved_views";

const VIEW = "application/vnd.jupyter.widget-view+json";
type Output = { data: Record<string, unknown>; metadata: Record<string, unknown> };
type Slot = (sender: unknown, state: unknown) => void;

const shows = (id: string): Output => ({ data: { [VIEW]: { model_id: id } }, metadata: {} });
const words = (id: string, html: string): Output => ({
  data: { "text/html": html, "text/plain": html },
  metadata: { streamwidget: { view: id } },
});

/** A notebook of one cell with these outputs, in which these widgets are alive. */
function notebook(outputs: Output[], widgets: Record<string, object>, shared: object = {}) {
  const list = outputs.map((output) => ({ ...output, toJSON: () => output }));
  class Shared {
    getOutputs(): Output[] {
      return list.map((output) => output.toJSON());
    }
  }
  const sharedModel = new Shared();
  const area = {
    get length() {
      return list.length;
    },
    get: (index: number) => list[index],
    set: (index: number, output: Output) => {
      list[index] = { ...output, toJSON: () => output };
    },
  };
  const slots = new Set<Slot>();
  const signal = { connect: (slot: Slot) => slots.add(slot), disconnect: (slot: Slot) => slots.delete(slot) };
  const widget_manager = {
    context: { model: { cells: [{ outputs: area, sharedModel }], ...shared }, saveState: signal },
    get_model: async (id: string) => {
      if (!widgets[id]) throw new Error("no such model");
      return widgets[id];
    },
  };
  const shown = () => list.map(({ data }) => (data[VIEW] as { model_id: string } | undefined)?.model_id ?? null);
  function saved(): Output[] {
    for (const slot of slots) slot(null, "started");
    return sharedModel.getOutputs();
  }
  return { widget_manager, shown, saved, read: () => sharedModel.getOutputs() };
}

const widget = (state: object, host: object = {}) => ({
  ...host,
  get: (trait: string) => (trait === "state" ? state : undefined),
});
const box = (...children: object[]) => ({ get: (trait: string) => (trait === "children" ? children : undefined) });
const texts = (html: string) => ({ "text/html": html, "text/plain": html });

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

async function start(
  outputs: Output[],
  widgets: Record<string, object>,
  states: Record<string, object>,
  shared: object = {},
) {
  const host = notebook(outputs, widgets, shared);
  const life = new AbortController();
  for (const [name, state] of Object.entries(states)) {
    const views = new SavedViews(widget(state, host), () => texts(`<p>${name}</p>`), life.signal);
    views.mounted();
  }
  await vi.advanceTimersByTimeAsync(0);
  return { ...host, life };
}

test("a save writes words in place of a view, also of one in a box, and the page keeps the view", async () => {
  const [one, two] = [{}, {}];
  const widgets = { w1: widget(one), w2: box(widget({}), box(widget(one), widget(two))), other: widget({}) };
  const before = [shows("w1"), shows("w2"), shows("other"), shows("dead")];
  const host = await start(before, widgets, { one, two });
  const saved = [words("w1", "<p>one</p>"), words("w2", "<p>one</p>\n\n<p>two</p>"), shows("other"), shows("dead")];
  expect(host.saved()).toEqual(saved);
  expect(host.saved()).toEqual(saved); // twice at once
  expect(host.shown()).toEqual(["w1", "w2", "other", "dead"]);
  await vi.advanceTimersByTimeAsync(0);
  expect(host.read()).toEqual(before);
  expect(host.saved()).toEqual(saved);
  host.life.abort();
  await vi.advanceTimersByTimeAsync(0);
  expect(host.saved()).toEqual(before);
});

test("a page that opens the words shows the views whose kernel lives, and only those", async () => {
  const one = {};
  const outputs = [words("w1", "<p>one</p>"), words("w2", "<p>both</p>"), words("dead", "<p>gone</p>")];
  const host = await start(outputs, { w1: widget(one), w2: box(widget(one)) }, { one });
  expect(host.shown()).toEqual(["w1", "w2", null]);
  expect(host.read()[2]).toEqual(words("dead", "<p>gone</p>"));
});

test("the last page that leaves a shared document puts the words there, and they show the view again", async () => {
  const [one, two] = [{}, {}];
  const widgets = { w1: widget(one), w2: box(widget(one), widget(two)) };
  const before = [shows("w1"), shows("w2"), shows("other")];
  const pages = new Map<number, object>([[1, {}]]);
  const shared = { collaborative: true, sharedModel: { awareness: { clientID: 1, getStates: () => pages } } };
  const host = await start(before, widgets, { one, two }, shared);
  pages.set(2, { user: {} });
  dispatchEvent(new Event("pagehide"));
  expect(host.read()).toEqual(before);
  pages.delete(2);
  dispatchEvent(new Event("pagehide"));
  const left = [words("w1", "<p>one</p>"), words("w2", "<p>one</p>\n\n<p>two</p>"), shows("other")];
  expect(host.read()).toMatchObject(left);
  host.life.abort();
  const again = await start(host.read(), widgets, { one }, shared);
  expect(again.shown()).toEqual(["w1", "w2", "other"]);
});

test("words that cannot be made, and a host that hides its notebook, leave the save as it is", async () => {
  const one = {};
  const host = notebook([shows("w1")], { w1: widget(one) });
  const life = new AbortController();
  const fails = () => {
    throw new Error("no words");
  };
  new SavedViews(widget(one, host), fails, life.signal).mounted();
  await vi.advanceTimersByTimeAsync(0);
  expect(host.saved()).toEqual([shows("w1")]);
  for (const manager of [undefined, {}, { context: {} }, { context: { model: { cells: 7 }, saveState: {} } }]) {
    expect(() => new SavedViews(widget(one, { widget_manager: manager }), fails, life.signal).mounted()).not.toThrow();
  }
});
