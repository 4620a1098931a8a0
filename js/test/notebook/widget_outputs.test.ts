import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { WidgetOutputs } from "../../src/notebook/widget_outputs";

const STATE = {};
const WIDGET = "application/vnd.jupyter.widget-view+json";

function outputs(...ids: string[]) {
  const list = ids.map((id) => ({ data: { [WIDGET]: { model_id: id } } as Record<string, unknown> }));
  return {
    list,
    get length() {
      return list.length;
    },
    get: (index: number) => list[index] as (typeof list)[number],
    set: (index: number, output: (typeof list)[number]) => {
      list[index] = output;
    },
  };
}

function shownBy(host: object = {}) {
  const sent: string[] = [];
  const model = { get: () => STATE, set: () => {}, ...host };
  return { sent, outputs: new WidgetOutputs(model, (op) => sent.push(op)) };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("a view that stays after the end asks once for the saved answer, and a view that goes reports that", () => {
  const stays = shownBy();
  stays.outputs.mounted(false, new AbortController().signal);
  stays.outputs.ended();
  stays.outputs.ended();
  vi.advanceTimersByTime(5000);
  stays.outputs.ended();
  vi.advanceTimersByTime(5000);
  expect(stays.sent).toEqual(["saved"]);

  const leaves = shownBy();
  const life = new AbortController();
  leaves.outputs.mounted(false, life.signal);
  leaves.outputs.ended();
  life.abort();
  vi.advanceTimersByTime(5000);
  expect(leaves.sent).toEqual(["left"]);
});

test("only the last of several views reports that it left, and a view that comes back asks again", () => {
  const { sent, outputs: here } = shownBy();
  const lives = [new AbortController(), new AbortController()];
  for (const life of lives) here.mounted(false, life.signal);
  lives[0]?.abort();
  expect(sent).toEqual([]);
  lives[1]?.abort();
  expect(sent).toEqual(["left"]);
  here.mounted(true, new AbortController().signal);
  expect(sent).toEqual(["left", "sync"]);
  vi.advanceTimersByTime(5000);
  expect(sent).toEqual(["left", "sync", "saved"]);
});

test("the saved answer replaces the outputs that show this widget, and no others", () => {
  const mine = outputs("other", "w1");
  const again = outputs("w1");
  const cells = [{}, { outputs: mine }, { outputs: again }];
  const { outputs: here } = shownBy({ widget_manager: { context: { model: { cells } } } });
  const mimebundle = { "text/html": "<p>42</p>", "text/plain": "42" };
  expect(here.receive({ op: "saved", view: "w1", mimebundle: { ...mimebundle, odd: 7 } })).toBe(true);
  const saved = { output_type: "display_data", data: mimebundle, metadata: {} };
  expect(mine.list).toEqual([{ data: { [WIDGET]: { model_id: "other" } } }, saved]);
  expect(again.list).toEqual([saved]);
});

test("a host that hides its notebook, and other messages, harm nothing", () => {
  const hosts = [{}, { widget_manager: {} }, { widget_manager: { context: { model: { cells: 7 } } } }];
  for (const model of hosts) {
    const { outputs: here } = shownBy(model);
    expect(here.receive({ op: "saved", view: "w1", mimebundle: { "text/plain": "42" } })).toBe(true);
    expect(here.receive({ op: "saved", view: 7, mimebundle: null })).toBe(true);
    expect(here.isShown("w1")).toBe(false);
    for (const other of [null, 7, "saved", [], { op: "delta", seq: 1, text: "x" }])
      expect(here.receive(other)).toBe(false);
  }
});

test("with the kernel gone, the page's saved answer replaces this widget's outputs, once messages stop", async () => {
  const shown = outputs("other", "closed", "w1");
  const get_model = async (id: string) => {
    if (id === "closed") throw new Error("widget model not found");
    return { get: () => (id === "w1" ? STATE : {}) };
  };
  const { outputs: here } = shownBy({
    widget_manager: { context: { model: { cells: [{ outputs: shown }] } }, get_model },
  });
  let text = "4";
  here.kernelGone(() => ({ "text/plain": text }));
  await vi.advanceTimersByTimeAsync(250);
  text = "42";
  here.receive({ op: "delta", seq: 1, text: "2" });
  await vi.advanceTimersByTimeAsync(250);
  expect(shown.list.map(({ data }) => Object.keys(data))).toEqual([[WIDGET], [WIDGET], [WIDGET]]);
  await vi.advanceTimersByTimeAsync(250);
  const saved = { output_type: "display_data", data: { "text/plain": "42" }, metadata: {} };
  expect(shown.list.slice(2)).toEqual([saved]);
  expect(shown.list.slice(0, 2).map(({ data }) => Object.keys(data))).toEqual([[WIDGET], [WIDGET]]);
});
