// The chat in the page. The tests play the kernel.

import axe from "axe-core";
import { expect, test } from "vitest";
import { userEvent } from "vitest/browser";
import "../../src/chat/chat.css";
import { frames, random } from "../kernel_side";
import { ChatSide, type Fields, start, type } from "./chat_side";

test("turns come, grow, end and go as the kernel says", async () => {
  const { host, side, shown } = start();
  host.deliver(side.begin("one"), side.delta("an "), side.delta("answer"));
  await frames();
  expect(shown()).toEqual([["one", "an answer"]]);
  host.deliver(...side.end(), side.begin("two"), side.delta("more"), ...side.end());
  await frames();
  expect(shown()).toEqual([
    ["one", "an answer"],
    ["two", "more"],
  ]);
  host.deliver(side.drop(1));
  await frames();
  expect(shown()).toEqual([["one", "an answer"]]);
});

test("whatever is lost, repeated or late, after a question the page shows the kernel's state", async () => {
  for (let seed = 0; seed < 30; seed += 1) {
    const next = random(seed);
    const { host, side, shown, root, sent } = start();
    const told = [side.begin("one"), side.delta("a"), side.delta("b"), ...side.end(), side.begin("two")];
    told.push(side.delta("c"), ...side.end("cancelled"), side.begin("one, edited", "turn-0"), side.delta("d"));
    for (const message of told) {
      const luck = next();
      if (luck < 0.6) host.deliver(message);
      if (luck > 0.5 && luck < 0.7) host.deliver(message);
      if (luck > 0.9) host.deliver(told[Math.floor(next() * told.length)]);
    }
    host.deliver(side.whole());
    for (const { key } of sent("sync").filter(({ key }) => typeof key === "string")) {
      const turn = side.turns.find((one) => one.key === key);
      if (turn) host.deliver({ op: "answer", key, message: { op: "snapshot", ...turn.answer } });
    }
    await frames();
    const truth = side.turns.map(({ text, answer }) => [text, (answer.text as string).trim()]);
    expect(shown(), `seed ${seed}`).toEqual(truth);
    root.remove();
  }
});

test("after a gap nothing applies until everything came, and the page asks", async () => {
  const { host, side, shown, sent } = start();
  host.deliver(side.whole());
  const before = sent("sync").length;
  side.begin("lost");
  host.deliver(side.begin("two"));
  await expect.poll(() => sent("sync").length).toBeGreaterThan(before);
  expect(shown()).toEqual([]);
  host.deliver(side.whole());
  await frames();
  expect(shown().map(([text]) => text)).toEqual(["lost", "two"]);
});

test("Enter sends, Shift+Enter breaks, a key of the input method does neither", async () => {
  const { box, sent } = start();
  await type(box, "a{Shift>}{Enter}{/Shift}b");
  expect(box.value).toBe("a\nb");
  const composing = new KeyboardEvent("keydown", { key: "Enter", isComposing: true, bubbles: true, cancelable: true });
  box.dispatchEvent(composing);
  expect(composing.defaultPrevented).toBe(false);
  expect(sent("send")).toEqual([]);
  await userEvent.keyboard("{Enter}");
  expect(sent("send")).toMatchObject([{ text: "a\nb", files: [], replaces: null }]);
  await userEvent.keyboard("{Enter}");
  expect(sent("send").length).toBe(1);
});

test("a prompt stays the person's until the kernel has taken it", async () => {
  const { host, side, box, sent, note, root } = start();
  host.deliver(side.whole());
  await type(box, "hello{Enter}");
  const { name } = sent("send")[0] as Fields;
  await frames();
  expect([box.value, box.readOnly]).toEqual(["hello", true]);
  await expect.poll(note).toBe("Kernel busy: the prompt is queued");
  host.deliver({ op: "refused", asked: name, why: "An answer is still being written" });
  await frames();
  expect([box.value, box.readOnly, note()]).toEqual(["hello", false, "An answer is still being written"]);
  await userEvent.keyboard("{Enter}");
  side.asked = (sent("send")[1] as Fields).name as string;
  host.deliver(side.begin("hello", side.asked));
  await frames();
  expect([box.value, note()]).toEqual(["", ""]);
  expect(document.activeElement).toBe(box);
  expect(root.querySelectorAll(".streamwidget-turn").length).toBe(1);
});

test("while an answer is written there is one Stop, for its stream, and Enter says so", async () => {
  const { host, side, box, button, sent, note } = start();
  host.deliver(side.begin("one"), side.delta("x"));
  await frames();
  expect(button("Stop").length).toBe(1);
  expect(button("Send").length).toBe(0);
  await type(box, "too early{Enter}");
  await frames();
  expect(note()).toContain("Esc stops it");
  expect(sent("send")).toEqual([]);
  await userEvent.keyboard("{Escape}");
  expect(sent("stop")).toEqual([{ op: "stop", stream: side.live?.state.id }]);
  host.deliver(...side.end("cancelled"));
  await frames();
  expect([button("Stop").length, button("Send").length, box.value, note()]).toEqual([0, 1, "too early", ""]);
  expect(document.activeElement).toBe(box);
});

test("a pressed Stop hands the focus on, and only the last answer has Retry and Continue", async () => {
  const { host, side, box, button, sent } = start();
  host.deliver(side.begin("one"), side.delta("x"), ...side.end("cancelled"), side.begin("two"), side.delta("y"));
  await frames();
  button("Stop")[0]?.focus();
  host.deliver(...side.end("cancelled"));
  await frames();
  expect(document.activeElement).toBe(box);
  expect([button("Retry").length, button("Continue").length]).toEqual([1, 1]);
  button("Continue")[0]?.click();
  expect(sent("continue")).toEqual([{ op: "continue", key: "turn-1" }]);
  host.deliver({ op: "refused", asked: null, why: "It cannot go on" });
  await frames();
  button("Retry")[0]?.click();
  expect(sent("retry")).toEqual([{ op: "retry", key: "turn-1" }]);
});

test("an edited prompt replaces the old one, and Up in an empty box edits the last", async () => {
  const { host, side, box, button, sent, root } = start();
  const image = { src: "data:image/png;base64,AAAA", label: "PNG" };
  host.deliver(side.begin("one", "turn-0", { files: [image] }), ...side.end(), side.begin("two"), ...side.end());
  await frames();
  await type(box, "{ArrowUp}");
  expect(box.value).toBe("two");
  await userEvent.keyboard("{Escape}");
  expect(box.value).toBe("");
  button("Edit")[0]?.click();
  expect([box.value, document.activeElement === box]).toEqual(["one", true]);
  expect(root.querySelectorAll(".streamwidget-composer .streamwidget-chip").length).toBe(1);
  await userEvent.keyboard("!{Enter}");
  expect(sent("send")).toMatchObject([{ text: "one!", files: [{ keep: 0 }], replaces: "turn-0" }]);
});

test("clearing takes two steps, and the first focuses the harmless button", async () => {
  const { host, side, button, sent } = start();
  expect(button("Clear").length).toBe(0);
  host.deliver(side.begin("one"), ...side.end());
  await frames();
  button("Clear")[0]?.click();
  expect(document.activeElement?.textContent).toBe("Cancel");
  await userEvent.keyboard("{Enter}");
  expect(sent("clear")).toEqual([]);
  button("Clear")[0]?.click();
  button("Clear the conversation")[0]?.click();
  expect(sent("clear")).toEqual([{ op: "clear" }]);
});

test("no text of a person or a kernel is HTML, and no image is fetched", async () => {
  const { host, side, root } = start();
  const hostile = '<img src=x onerror="throw 1">';
  const images = [
    { src: "https://a.example/x.png", label: hostile },
    { src: "data:image/svg+xml;base64,AAAA", label: "svg" },
    { src: "data:image/png;base64,AAAA", label: "ok" },
  ];
  host.deliver(side.begin(hostile, "turn-0", { files: images }), side.delta(hostile), ...side.end());
  host.deliver({ op: "models", names: [hostile], why: hostile });
  await frames();
  expect([...root.querySelectorAll("img")].map((image) => image.src)).toEqual(["data:image/png;base64,AAAA"]);
  expect(root.querySelector(".streamwidget-asked")?.textContent).toBe(hostile);
});

test("other messages harm nothing", async () => {
  const { host, side, shown } = start();
  host.deliver(side.begin("one"), side.delta("x"));
  for (const op of ["chat", "answer", "models", "refused", "saved"])
    for (const value of [null, 7, "x", [], {}, [{}], { key: 7 }])
      host.deliver({ op, rev: value, keys: value, turns: value, key: value, message: value, names: value, why: value });
  host.deliver(null, [], "chat", { op: "chat", rev: 3, keys: [7, "nobody"], turns: [null, { key: "x", answer: 7 }] });
  side.rev = 3;
  host.deliver(side.whole());
  await frames();
  expect(shown()).toEqual([["one", "x"]]);
});

test("of many turns only those near the end are drawn in full, and others when they come near", async () => {
  const side = new ChatSide();
  for (let n = 0; n < 200; n += 1) {
    side.begin(`question ${n}`);
    side.delta(`**answer ${n}** ${"word ".repeat(150)}`);
    side.end();
  }
  const { root, button } = start(side);
  const within = { timeout: 10_000 };
  const drawn = () => root.querySelectorAll(".streamwidget").length;
  await expect.poll(drawn, within).toBeGreaterThan(0);
  await frames(4);
  expect(drawn()).toBeLessThan(60);
  expect(root.querySelectorAll(".streamwidget-turn").length).toBe(200);
  const log = root.querySelector(".streamwidget-log") as HTMLElement;
  await expect.poll(() => log.scrollTop + log.clientHeight >= log.scrollHeight - 8, within).toBe(true);
  const scrollUp = () => {
    log.scrollTop = 0; // again, where the layout changed at the same time
    return button("Jump to latest").length;
  };
  await expect.poll(scrollUp, within).toBe(1);
  await expect.poll(() => root.querySelector(".streamwidget-text strong")?.textContent, within).toBe("answer 0");
  button("Jump to latest")[0]?.click();
  await expect.poll(() => log.scrollTop + log.clientHeight >= log.scrollHeight - 8, within).toBe(true);
  await expect.poll(() => button("Jump to latest").length, within).toBe(0);
});

test("the log follows an answer only while the person is at its end", async () => {
  const { host, side, root, button } = start();
  const log = root.querySelector(".streamwidget-log") as HTMLElement;
  log.style.maxHeight = "150px";
  const atEnd = () => log.scrollTop + log.clientHeight >= log.scrollHeight - 8;
  host.deliver(side.begin("one"), side.delta("line\n\n".repeat(20)));
  await expect.poll(() => log.scrollHeight > 300 && atEnd()).toBe(true);
  for (const width of [300, 700, 200]) {
    root.style.width = `${width}px`;
    log.style.maxHeight = `${width / 2}px`;
    host.deliver(side.delta(`${"word ".repeat(100)}\n\n`));
    await expect.poll(atEnd).toBe(true);
    await frames(4);
    expect(atEnd()).toBe(true);
  }
  const scrollUp = () => {
    log.scrollTop = 20; // again, where the layout changed at the same time
    return button("Jump to latest").length;
  };
  await expect.poll(scrollUp).toBe(1);
  host.deliver(side.delta("line\n\n".repeat(20)));
  await frames(4);
  expect(log.scrollTop).toBe(20);
});

test("the page says that the kernel is gone, and nothing more can be sent", async () => {
  const { host, side, box, note, sent, button } = start();
  host.deliver(side.begin("one"), side.delta("x"));
  host.kernel?.status("restarting");
  await frames();
  expect(note()).toContain("Kernel gone");
  expect([box.readOnly, button("Edit").length, button("Clear").length]).toEqual([true, 0, 0]);
  box.focus();
  await userEvent.keyboard("{Enter}");
  expect(sent("send")).toEqual([]);
});

test("a view that goes leaves nothing behind", () => {
  const { host, root } = start();
  host.life.abort();
  expect(root.isConnected).toBe(false);
  expect(host.listening()).toBe(0);
});

const THEMES = {
  light: `--jp-content-font-color1: rgba(0, 0, 0, 0.87); --jp-content-font-color2: rgba(0, 0, 0, 0.54);
    --jp-border-color1: #bdbdbd; --jp-brand-color1: #1976d2; --jp-error-color1: #d32f2f; --jp-layout-color1: white;
    background: white;`,
  dark: `--jp-content-font-color1: white; --jp-content-font-color2: rgba(255, 255, 255, 0.7);
    --jp-border-color1: #616161; --jp-brand-color1: #2196f3; --jp-error-color1: #f44336; --jp-layout-color1: #212121;
    background: #111; color: white;`,
  "none, light": "background: white; color: black;",
  "none, dark": "background: #1e1e1e; color: #d4d4d4;",
};

for (const [theme, style] of Object.entries(THEMES))
  for (const width of [900, 340])
    test(`axe-core finds nothing in a chat of ${width} px, colours ${theme}`, async () => {
      document.body.style.cssText = style;
      const made = new ChatSide();
      const commands = [{ name: "/fix", about: "Fix this" }];
      Object.assign(made, { setup: { greeting: "*Hello*", prompts: [], commands, feedback: true } });
      Object.assign(made, { more: { undo: "edit", redo: "clear" } });
      const { host, side, root, button } = start(made);
      root.style.width = `${width}px`;
      const text = { kind: "text", name: "rivers.csv", label: "CSV, 12 kB", src: null };
      const images = [{ src: "data:image/png;base64,AAAA", label: "PNG" }, text];
      host.deliver(side.begin("one ".repeat(500), "turn-0", { files: images }), side.delta("x"), ...side.end());
      host.deliver(side.begin("two"), side.delta("# y\n\n`z`"), ...side.end("interrupted"));
      await frames(4);
      host.deliver(side.news([{ key: "turn-0", sent: true, at: 1e9, branch: 1, branches: 3, feedback: "up" }]));
      await frames();
      button("Edit")[1]?.click();
      button("Clear")[0]?.click();
      button("Settings: m")[0]?.click();
      host.deliver({ op: "models", names: ["m", "another"], why: null });
      await expect.poll(() => root.querySelectorAll("[role=option]").length).toBe(2);
      const options = { rules: { region: { enabled: false } } };
      const { violations } = await axe.run(root, options);
      expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
      expect(root.scrollWidth).toBeLessThanOrEqual(width);
    });
