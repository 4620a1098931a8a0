import { afterEach, expect, test } from "vitest";
import { cutAnswer, followCutAnswers, makeContinue } from "../../src/saved/go_on";

const WIDGET = "application/vnd.jupyter.widget-view+json";

let life = new AbortController();
afterEach(() => {
  life.abort();
  life = new AbortController();
});

/** The page's tools in a host with one saved answer, `cut` by its name. */
function pageWith(cut: string, answers: unknown) {
  const sent: unknown[] = [];
  const state = { answers };
  const slots: (() => void)[] = [];
  const statuses: ((sender: unknown, status: string) => void)[] = [];
  const shown: { data: object; metadata: object }[] = [
    { data: { "text/html": "" }, metadata: { streamwidget: { answer: cut } } },
    { data: { "text/html": "" }, metadata: {} },
  ];
  const outputs = {
    length: shown.length,
    get: (index: number) => shown[index],
    set: (index: number, output: { data: object; metadata: object }) => void shown.splice(index, 1, output),
  };
  const kernel = {
    createComm: () => ({ isDisposed: false, open: () => {}, send: (message: unknown) => sent.push(message) }),
    statusChanged: { connect: (slot: (typeof statuses)[number]) => statuses.push(slot), disconnect: () => {} },
  };
  const model = {
    get: () => state.answers,
    on: (_: string, slot: () => void) => slots.push(slot),
    widget_manager: { kernel, context: { model: { cells: [{ outputs }, {}] } } },
  };
  const change = (answers: unknown) => {
    state.answers = answers;
    for (const slot of slots) slot();
  };
  return { model, sent, shown, change, restart: () => statuses.map((slot) => slot(null, "restarting")) };
}

const isAble = (button: HTMLButtonElement) => button.ariaDisabled === "false" && button.title === "";

test("a press asks the kernel that has the answer, and the view of the rest comes into its place", async () => {
  const page = pageWith("a", { a: "" });
  const button = makeContinue("a", life.signal);
  expect(isAble(button)).toBe(false);
  followCutAnswers(page.model, life.signal);
  expect(isAble(button)).toBe(true);
  button.click();
  await expect.poll(() => page.sent).toEqual([{ op: "continue", id: "a" }]);
  expect(button.dataset.label).toBe("Asked");

  page.change({ a: "view", other: "elsewhere" });
  expect(page.shown[0]?.data).toMatchObject({ [WIDGET]: { model_id: "view" } });
  expect(page.shown[1]?.data).toEqual({ "text/html": "" });
  page.change({});
  expect(isAble(button)).toBe(false);
});

test("nothing is asked of a kernel that has the answer no longer", () => {
  const page = pageWith("a", { a: "" });
  const button = makeContinue("a", life.signal);
  followCutAnswers(page.model, life.signal);
  page.restart();
  expect(button.title).toContain("Run again asks anew");
  button.click();
  expect(button.dataset.label).toBe("The kernel no longer has it");
  expect(page.sent).toEqual([]);
});

test("a host without the notebook's cells, the model of a view and odd metadata are ignored", () => {
  const { model } = pageWith("a", { a: "view", b: 1 });
  followCutAnswers({ ...model, widget_manager: {} }, life.signal);
  followCutAnswers({}, life.signal);
  const found = [undefined, {}, { streamwidget: 1 }, { streamwidget: { answer: {} } }].map(cutAnswer);
  expect(found).toEqual(["", "", "", ""]);
});
