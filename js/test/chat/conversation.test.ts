// What the person can do with the conversation: edit in place, branches, undo, delete, thumbs, transcripts, settings,
// prompts to begin with, and commands.

import { expect, test, vi } from "vitest";
import { userEvent } from "vitest/browser";
import "../../src/chat/chat.css";
import { fillIn, variablesOf } from "../../src/chat/starters";
import { frames } from "../kernel_side";
import { ChatSide, type Fields, start, type } from "./chat_side";

const SOON = { timeout: 10_000 }; // on a busy machine

function began(setup: Fields = {}, more: Fields = {}) {
  const side = new ChatSide();
  Object.assign(side, { setup, more });
  return start(side);
}

test("a turn is edited in its place, which is marked, and the box goes back", async () => {
  const { host, side, root, box, button } = began();
  host.deliver(side.begin("one"), ...side.end(), side.begin("two"), ...side.end());
  await frames();
  const turns = [...root.querySelectorAll<HTMLElement>(".streamwidget-turn")];
  const place = () => turns.findIndex((turn) => turn.contains(box));
  button("Edit")[0]?.click();
  expect([place(), turns.map((turn) => "editing" in turn.dataset)]).toEqual([0, [true, false]]);
  expect(document.activeElement).toBe(box);
  expect(turns[0]?.querySelector(".streamwidget-asked")?.checkVisibility()).toBe(false);
  await type(box, "{Escape}");
  expect([place(), document.activeElement === box]).toEqual([-1, true]);
  // The last one, by keyboard. Then the turn goes.
  await type(box, "{ArrowUp}");
  expect(place()).toBe(1);
  host.deliver(side.drop(1));
  await frames();
  expect([box.isConnected, place(), box.value]).toEqual([true, -1, "two"]);
  expect(document.activeElement).toBe(box);
});

test("a turn with branches says which one it is, and goes to the others", async () => {
  const { host, side, root, sent, button } = began();
  host.deliver(side.begin("one"), ...side.end());
  await frames();
  const branches = () => root.querySelector<HTMLElement>(".streamwidget-branches");
  expect(branches()?.checkVisibility()).toBe(false);
  host.deliver(side.begin("one", "turn-0", { branch: 1, branches: 3 }), ...side.end());
  Object.assign(side.turns[0] as Fields, { branch: 1, branches: 3 });
  host.deliver(side.news([{ key: "turn-0", sent: true, branch: 1, branches: 3 }]));
  await frames();
  expect(branches()?.textContent).toBe("‹2/3›");
  button("Previous branch")[0]?.click();
  button("Next branch")[0]?.click();
  expect(sent("branch")).toEqual([0, 2].map((branch) => ({ op: "branch", key: "turn-0", branch })));
  host.deliver(side.news([{ key: "turn-0", sent: true, branch: 2, branches: 3 }]));
  await frames();
  button("Next branch")[0]?.click();
  expect([button("Next branch")[0]?.ariaDisabled, sent("branch").length]).toEqual(["true", 2]);
});

test("another branch of a turn shows its own answer", async () => {
  const { host, side, shown } = began();
  host.deliver(side.begin("one"), side.delta("first"), ...side.end());
  host.deliver(side.begin("one", "turn-0"), side.delta("second"), ...side.end());
  await frames();
  expect(shown()).toEqual([["one", "second"]]);
  const answer = { ...side.live?.state, id: "turn-0", text: "first", outcome: "cancelled" };
  host.deliver(side.news([{ key: "turn-0", sent: true, text: "one", images: [], branch: 0, branches: 2, answer }]));
  await frames();
  expect(shown()).toEqual([["one", "first"]]);
});

test("undo and redo are offered where there is a step, by button and by key", async () => {
  const { host, side, root, box, sent, button } = began();
  host.deliver(side.begin("one"), ...side.end());
  await frames();
  expect([button("Undo").length, button("Redo").length]).toEqual([0, 0]);
  side.more = { undo: "edit", redo: "clear" };
  host.deliver(side.news([]));
  await frames();
  expect([button("Undo")[0]?.title, button("Redo")[0]?.title]).toEqual(["Undo the edit", "Redo the clearing"]);
  button("Undo")[0]?.focus();
  await userEvent.keyboard("{Control>}z{/Control}{Control>}{Shift>}z{/Shift}{/Control}");
  expect([sent("undo").length, sent("redo").length]).toEqual([1, 1]);
  // In the box the keys undo what was typed.
  await type(box, "x{Control>}z{/Control}");
  expect(sent("undo").length).toBe(1);
  button("Undo")[0]?.focus();
  side.more = {};
  host.deliver(side.drop(0));
  await frames();
  expect([button("Undo").length, document.activeElement === box]).toEqual([0, true]);
  expect(root.querySelector(".streamwidget-footer")?.checkVisibility()).toBe(false);
});

test("a turn has its time and can be deleted, and its answer rated", async () => {
  const { host, side, root, sent, button } = began({ feedback: true });
  host.deliver(side.begin("one", "turn-0", { at: 1_700_000_000.5 }));
  await frames();
  expect(button("Good answer").length).toBe(0);
  host.deliver(...side.end());
  host.deliver(side.news([{ key: "turn-0", sent: true, at: 1_700_000_000.5 }]));
  await frames();
  expect(root.querySelector("time")?.dateTime).toBe("2023-11-14T22:13:20.500Z");
  button("Good answer")[0]?.click();
  host.deliver(side.news([{ key: "turn-0", sent: true, feedback: "up" }]));
  await frames();
  expect(["Good answer", "Bad answer"].map((name) => button(name)[0]?.ariaPressed)).toEqual(["true", "false"]);
  button("Good answer")[0]?.click();
  button("Bad answer")[0]?.click();
  expect(sent("rate").map(({ feedback }) => feedback)).toEqual(["up", null, "down"]);
  button("Delete")[0]?.click();
  expect(sent("delete")).toEqual([{ op: "delete", key: "turn-0" }]);
});

test("without on_feedback there are no thumbs", async () => {
  const { host, side, button } = began();
  host.deliver(side.begin("one"), ...side.end());
  await frames();
  expect(button("Good answer")).toEqual([]);
});

test("a transcript is copied or downloaded as the kernel wrote it, once", async () => {
  const { host, side, sent, button, note } = began();
  host.deliver(side.begin("one"), ...side.end());
  await frames();
  const written = vi.spyOn(navigator.clipboard, "writeText").mockResolvedValue();
  const links: string[] = [];
  const clicked = vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (this: HTMLAnchorElement) {
    links.push(this.download);
  });
  try {
    button("Transcript")[0]?.click();
    await expect.poll(() => button("Copy as Markdown").length, SOON).toBe(1);
    button("Copy as Markdown")[0]?.click();
    expect(button("Copy as Markdown").length).toBe(0);
    const file = { op: "transcript", format: "markdown", text: "## User", name: "talk.md", type: "text/markdown" };
    host.deliver(file, file);
    await frames();
    expect(written.mock.calls).toEqual([["## User"]]);
    await expect.poll(note, SOON).toBe("Transcript copied");
    button("Transcript")[0]?.click();
    await expect.poll(() => button("Download notebook").length, SOON).toBe(1);
    button("Download notebook")[0]?.click();
    host.deliver({ ...file, format: "notebook", name: "talk.ipynb" });
    expect(links).toEqual(["talk.ipynb"]);
    expect(sent("transcript").map(({ format }) => format)).toEqual(["markdown", "notebook"]);
  } finally {
    written.mockRestore();
    clicked.mockRestore();
  }
});

test("settings are shown as the kernel has them, and sent when they change", async () => {
  const { host, side, root, sent, button } = began();
  await frames();
  button("Settings: m")[0]?.click();
  const field = (name: string) => root.querySelector<HTMLInputElement>(`.streamwidget-field [aria-label="${name}"]`);
  await expect.poll(() => document.activeElement, SOON).toBe(field("Model"));
  expect(field("System prompt")?.value).toBe("Be brief.");
  host.deliver({ op: "models", names: ["m", "a-model", "another"], why: null });
  await frames();
  const options = () => [...root.querySelectorAll("[role=option]")].map((one) => one.textContent);
  await expect.poll(options, SOON).toEqual(["m", "a-model", "another"]);
  await userEvent.keyboard("an");
  expect(options()).toEqual(["another"]);
  await userEvent.keyboard("{ArrowDown}{Enter}");
  expect(sent("model")).toEqual([{ op: "model", name: "another" }]);
  expect(root.querySelector(".streamwidget-popover")?.checkVisibility()).toBe(false);
  button("Settings: m")[0]?.click();
  await expect.poll(() => document.activeElement, SOON).toBe(field("Model"));
  field("Temperature")?.focus();
  await userEvent.keyboard("0.5{Enter}");
  expect(sent("set")).toEqual([{ op: "set", name: "temperature", value: "0.5" }]);
  side.more = { settings: { system: "" } };
  host.deliver(side.news([]));
  await frames();
  button("Settings: m")[0]?.click();
  await expect.poll(() => field("System prompt")?.checkVisibility(), SOON).toBe(true);
  expect(["Model", "Temperature"].map((name) => field(name)?.checkVisibility())).toEqual([false, false]);
});

test("where no model is chosen, the refused prompt stays and the list of models opens", async () => {
  const { host, box, button, sent, note, root } = began({}, { model: null, needs_model: true });
  await frames();
  expect(button("Settings")[0]?.textContent).toBe("Choose a model");
  await type(box, "hello{Enter}");
  host.deliver({ op: "refused", asked: sent("send")[0]?.name, why: "No model chosen for x.", model: true });
  await frames();
  expect([box.value, note(), sent("models").length]).toEqual(["hello", "No model chosen for x.", 1]);
  host.deliver({ op: "models", names: ["a"], why: null });
  await expect.poll(() => root.querySelectorAll("[role=option]").length, SOON).toBe(1);
});

test("variables of a prompt are found and filled in", () => {
  expect(variablesOf("{{a}} {{ a }} {{b c}} {{1}} {x} {{}} {{größe}}")).toEqual(["a", "b c", "größe"]);
  const values = new Map([
    ["a", "{{b}}"],
    ["b", "$&"],
  ]);
  expect(fillIn("{{a}}, {{ b }}, {{c}}", values)).toBe("{{b}}, $&, {{c}}");
});

test("a chat begins with a greeting and prompts, and a prompt's variables are asked for", async () => {
  const setup = { greeting: "I am **Ada**. <img src=x>", prompts: ["What is a prime?", "Say {{a}} to {{b}}"] };
  const { host, side, root, box, button, sent } = began(setup);
  await frames();
  const greeting = root.querySelector(".streamwidget-greeting");
  expect([greeting?.querySelector("strong")?.textContent, greeting?.querySelector("img")]).toEqual(["Ada", null]);
  button("Say {{a}} to {{b}}")[0]?.click();
  expect(document.activeElement?.matches("form input")).toBe(true);
  await userEvent.keyboard("hi{Enter}");
  expect(sent("send")).toEqual([]); // the other one is empty
  await userEvent.keyboard("{Escape}");
  expect([document.activeElement?.textContent, root.querySelector("form")]).toEqual(["Say {{a}} to {{b}}", null]);
  await userEvent.keyboard("{Enter}");
  await userEvent.keyboard("hi{Tab}you{Enter}");
  expect(sent("send")).toMatchObject([{ text: "Say hi to you", replaces: null }]);
  side.asked = sent("send")[0]?.name as string;
  host.deliver(side.begin("Say hi to you", side.asked));
  await frames();
  expect(button("What is a prime?")).toEqual([]);
  expect([greeting?.checkVisibility(), document.activeElement === box]).toEqual([true, true]);
});

test("a slash lists the commands, and the keys take one", async () => {
  const commands = [
    { name: "/fix", about: "Fix this" },
    { name: "/sum", about: "" },
    { name: "/summary", about: "" },
  ];
  const { root, box, sent } = began({ commands });
  const options = () =>
    root.querySelector(".streamwidget-composer .streamwidget-options")?.checkVisibility()
      ? [...root.querySelectorAll(".streamwidget-composer [role=option]")].map((one) => one.textContent)
      : [];
  await type(box, "/");
  expect(options()).toEqual(["/fix Fix this", "/sum", "/summary"]);
  await userEvent.keyboard("{ArrowDown}{ArrowDown}{ArrowDown}{Enter}");
  expect([box.value, options()]).toEqual(["/fix ", []]);
  await userEvent.keyboard("1 + = 2{Enter}");
  expect(sent("send")).toMatchObject([{ text: "/fix 1 + = 2" }]);
});

test("a command that is typed in full is sent, Escape hides the list, and other text has none", async () => {
  const { root, box, sent } = began({ commands: [{ name: "/sum" }, { name: "/summary" }] });
  const open = () => root.querySelector(".streamwidget-composer .streamwidget-options")?.checkVisibility();
  await type(box, "/s");
  expect(open()).toBe(true);
  await userEvent.keyboard("{Escape}");
  expect([open(), box.value]).toEqual([false, "/s"]);
  await userEvent.keyboard("um");
  expect(open()).toBe(true);
  await userEvent.keyboard("{Enter}");
  expect([open(), sent("send").length, sent("send")[0]?.text]).toEqual([false, 1, "/sum"]);
});

test("the whole conversation is counted, with the share of the context", async () => {
  const tokens = { prompt: 1234, answer: 1, context: 400, window: 8000 };
  const { host, side, root } = began({}, { tokens, trimmed: 1 });
  host.deliver(side.begin("one"), ...side.end());
  await frames();
  expect(root.querySelector(".streamwidget-total")?.textContent).toBe(
    "1 turn · 1,234 prompt tokens · 1 answer token · 5 % of 8,000 context tokens · 1 earlier turn not sent",
  );
});

test("the browser's search finds a turn that was never near the screen, and the chat stays there", async () => {
  const side = new ChatSide();
  for (let n = 0; n < 200; n += 1) {
    side.begin(`Question ${n}`, `turn-${n}`);
    Object.assign(side.turns[n]?.answer as Fields, { phase: "over", outcome: "complete", text: `**Answer ${n}.** ` });
  }
  const { root } = start(side);
  await frames(4);
  const log = root.querySelector(".streamwidget-log") as HTMLElement;
  const gap = () => Math.abs((found?.getBoundingClientRect().top ?? 1e6) - log.getBoundingClientRect().top);
  const find = (window as unknown as { find(text: string): boolean }).find;
  expect(find.call(window, "Answer 57.")).toBe(true);
  const found = getSelection()?.anchorNode?.parentElement?.closest(".streamwidget-turn");
  expect(found?.textContent).toContain("Question 57");
  found?.scrollIntoView(); // as the browser does for a person
  await frames(6);
  expect(gap()).toBeLessThan(log.clientHeight);
  await expect.poll(() => found?.querySelector(".streamwidget-text strong")?.textContent, SOON).toBe("Answer 57.");
  expect(gap()).toBeLessThan(log.clientHeight);
});
