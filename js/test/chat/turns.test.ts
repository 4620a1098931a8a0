// Turns that a cell streams, where the focus goes, and how a server's text is shown.

import { expect, test } from "vitest";
import { userEvent } from "vitest/browser";
import "../../src/chat/chat.css";
import { frames, KernelSide } from "../kernel_side";
import { type ChatSide, start } from "./chat_side";

/** A turn that a cell streams. Its state has the turn's name, and the number of this chat's own last message. */
function elsewhere(side: ChatSide, key: string, state: object) {
  const turn = {
    key,
    text: key,
    files: [],
    sent: false,
    answer: new KernelSide({ id: key, kept: true, ...state }).state,
  };
  side.turns = [...side.turns.filter((other) => other.key !== key), turn];
  return side.news(
    [turn],
    side.turns.map((other) => other.key),
  );
}

test("a turn that its cell asks again shows the new answer, though its number is not higher", async () => {
  const { host, side, shown, button } = start();
  host.deliver(elsewhere(side, "cell", { phase: "over", outcome: "cancelled", text: "old" }));
  await frames();
  button("Retry")[0]?.click();
  host.deliver(elsewhere(side, "cell", {}));
  await frames();
  expect(shown()).toEqual([["cell", ""]]);
  host.deliver(elsewhere(side, "cell", { phase: "over", outcome: "cancelled", text: "new" }));
  await frames();
  expect(shown()).toEqual([["cell", "new"]]);
  expect(button("Retry")[0]?.ariaDisabled).toBe("false");
});

test("a late repeat of an old whole state takes nothing back", async () => {
  const { host, side, shown } = start();
  host.deliver(elsewhere(side, "cell", { phase: "streaming", text: "a" }));
  const late = side.whole();
  host.deliver(late, elsewhere(side, "cell", { phase: "over", outcome: "complete", text: "a b" }), late);
  await frames();
  expect(shown()).toEqual([["cell", "a b"]]);
});

test("Stop and Escape name the answer beside them, also where a cell streams it", async () => {
  const { host, side, sent, root, button } = start();
  host.deliver(elsewhere(side, "cell-1", { phase: "streaming", text: "a" }));
  host.deliver(elsewhere(side, "cell-2", { phase: "streaming", text: "b" }));
  await frames();
  button("Stop")[0]?.click();
  expect(sent("stop")).toEqual([{ op: "stop", stream: "cell-2" }]);
  const first = root.querySelector(".streamwidget") as HTMLElement;
  first.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
  expect(sent("stop").at(-1)).toEqual({ op: "stop", stream: "cell-1" });
});

test("a button that goes hands the focus on, within its turn or to the prompt box", async () => {
  const { host, side, root, button, box, sent } = start();
  const turns = () => [...root.querySelectorAll(".streamwidget-turn")];
  const focused = () => [
    turns().findIndex((turn) => turn.contains(document.activeElement)),
    document.activeElement?.textContent,
  ];
  host.deliver(side.begin("one"), ...side.end());
  await frames();
  button("Retry")[0]?.focus();
  host.deliver(side.begin("two"), ...side.end("cancelled"));
  await frames();
  expect(focused()).toEqual([0, "Edit"]);
  const [leave] = button("Hide from model");
  leave?.focus();
  host.deliver(side.begin("two", "turn-1"));
  await frames();
  expect(focused()).toEqual([1, "Edit"]);
  button("Delete")[1]?.focus();
  host.deliver(side.drop(1));
  await frames();
  expect(document.activeElement).toBe(box);
  button("Clear")[0]?.click();
  await userEvent.keyboard("{Escape}");
  expect([document.activeElement?.textContent, sent("stop")]).toEqual(["Clear", []]);
  host.deliver(side.drop(0));
  await frames();
  expect(document.activeElement).toBe(box);
});

test("a server's words are on one line, and an image's label has no hidden character", async () => {
  const { host, side, root } = start();
  const images = [{ src: "data:image/png;base64,AAAA", label: "a\u202eb" }];
  host.deliver(side.begin("one", "turn-0", { files: images }), ...side.end());
  host.deliver({ op: "models", names: [], why: "two\nlines \u202e and more" });
  await frames();
  const why = root.querySelector(".streamwidget-popover > small")?.textContent;
  expect(why).toBe("No list of models: two lines [U+202E] and more");
  const { alt, title } = root.querySelector(".streamwidget-turn img") as HTMLImageElement;
  expect([alt, title]).toEqual(["image: a[U+202E]b", "a[U+202E]b"]);
});

test("a model that was closed holds no text, whoever keeps it", () => {
  const { host, side } = start();
  side.begin("a long text");
  host.change(side.state);
  host.life.abort();
  expect(JSON.stringify([host.state, host.previous])).not.toContain("a long text");
});
