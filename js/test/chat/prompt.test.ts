// The prompt box loses no text, sends nothing twice, and sends no prompt without its file.

import { expect, test, vi } from "vitest";
import { userEvent } from "vitest/browser";
import "../../src/chat/chat.css";
import { Chat } from "../../src/chat/chat";
import { Connection } from "../../src/transcript/connection";
import { type FakeKernel, frames } from "../kernel_side";
import { ChatSide, type Fields, start, type } from "./chat_side";

const PNG = { type: "image/png" };
const HEAD = "\x89PNG\r\n\x1a\n";
const png = (name: string, size = 9) => {
  const bytes = new Uint8Array(size);
  for (const [at, char] of [...HEAD].entries()) bytes[at] = char.charCodeAt(0);
  return new File([bytes], name, PNG);
};

function paste(box: HTMLElement, files: File[], text = ""): ClipboardEvent {
  const clipboardData = new DataTransfer();
  for (const file of files) clipboardData.items.add(file);
  if (text) clipboardData.setData("text/plain", text);
  const event = new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true });
  box.dispatchEvent(event);
  return event;
}

test("Enter again while a prompt is on its way changes nothing, and another view says why it waits", async () => {
  const { host, side, box, sent, note } = start();
  const second = host.render().el;
  await type(box, "hello{Enter}{Enter}");
  const other = second.querySelector("textarea") as HTMLTextAreaElement;
  await type(other, "too{Enter}");
  await frames();
  expect([box.readOnly, note()]).toEqual([true, "A prompt is still on its way"]);
  expect(sent("send").length).toBe(1);
  side.asked = sent("send")[0]?.name as string;
  host.deliver(side.begin("hello", side.asked));
  await frames();
  expect([box.value, other.value]).toEqual(["", "too"]);
});

test("a prompt waits for the file that is being read, and takes no file that comes after it", async () => {
  const { box, root, sent, note } = start();
  const thumbnails = () => root.querySelectorAll(".streamwidget-composer .streamwidget-chip").length;
  box.focus();
  paste(box, [png("a.png")]);
  box.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
  await expect.poll(thumbnails).toBe(1);
  expect(sent("send")).toEqual([]);
  await frames();
  expect(note()).toBe("");
  await userEvent.keyboard("{Enter}");
  expect(sent("send")).toMatchObject([{ files: [{ thumbnail: null }] }]);
  expect(paste(box, [png("b.png")]).defaultPrevented).toBe(true);
  await frames(4);
  expect(thumbnails()).toBe(1);
});

test("files that are pasted at once have one limit together", async () => {
  const { box, root, note } = start();
  const large = () => png("large.png", 11_000_000);
  paste(box, [large()]);
  paste(box, [large()]);
  await expect.poll(note).toContain("at most 20.0 MB");
  expect(root.querySelectorAll(".streamwidget-composer .streamwidget-chip").length).toBe(1);
});

test("text copied with a picture of itself is pasted as text, and a dropped picture is taken", async () => {
  const { box, root } = start();
  const files = [png("a.png")];
  expect(paste(box, files, "1\t2").defaultPrevented).toBe(false);
  expect(paste(box, files, " \n").defaultPrevented).toBe(true);
  await expect.poll(() => root.querySelectorAll(".streamwidget-composer .streamwidget-chip").length).toBe(1);
});

test("editing a turn sets a draft aside, and Cancel or sending brings it back", async () => {
  const { host, side, box, button, sent } = start();
  host.deliver(side.begin("one"), ...side.end());
  await frames();
  await type(box, "a draft");
  button("Edit")[0]?.click();
  expect(box.value).toBe("one");
  button("Edit")[0]?.click();
  button("Cancel")[0]?.click();
  expect(box.value).toBe("a draft");
  button("Edit")[0]?.click();
  await type(box, "{Enter}");
  side.asked = sent("send")[0]?.name as string;
  host.deliver(side.begin("one", "turn-0"));
  await frames();
  expect(box.value).toBe("a draft");
});

test("when the edited turn is removed, the typed text stays, as a new prompt without the turn's files", async () => {
  const { host, side, box, button, root, sent } = start();
  const images = [{ src: "data:image/png;base64,AAAA", label: "PNG" }];
  host.deliver(side.begin("one", "turn-0", { files: images }), ...side.end());
  await frames();
  button("Edit")[0]?.click();
  await type(box, " more");
  host.deliver(side.drop(0));
  await frames();
  expect([box.value, button("Cancel").length]).toEqual(["one more", 0]);
  expect(root.querySelectorAll(".streamwidget-composer .streamwidget-chip").length).toBe(0);
  await type(box, "{Enter}");
  expect(sent("send")).toMatchObject([{ text: "one more", files: [], replaces: null }]);
});

test("a question names the pending prompt, and only a refusal of that prompt counts", async () => {
  const { host, box, sent, note } = start();
  await type(box, "hello{Enter}");
  const name = sent("send")[0]?.name;
  expect(sent("sync").at(-1)).toMatchObject({ pending: name });
  host.deliver({ op: "refused", asked: "of-another-page", why: "No" });
  await frames();
  expect([box.readOnly, note()]).toEqual([true, ""]);
  host.deliver({ op: "refused", asked: name, why: "It was lost" }, { op: "refused", asked: name, why: "Again" });
  await frames();
  expect([box.value, box.readOnly, note()]).toEqual(["hello", false, "It was lost"]);
});

test("the page says that something was not sent, and it can be sent again", async () => {
  const { host, side, button, note } = start();
  host.deliver(side.begin("one"), ...side.end("http_error"));
  await frames();
  host.sendFails = true;
  button("Retry")[0]?.click();
  await frames();
  expect(note()).toContain("Not sent");
  expect(button("Retry")[0]?.ariaDisabled).toBe("false");
});

test("a prompt that is sent while the connection is down stays in the box, and goes when it is sent again", async () => {
  const { host, side, box, button, sent, note } = start();
  const kernel = host.kernel as FakeKernel;
  kernel.connection("connecting");
  await frames();
  expect(note()).toBe("connection to the kernel lost, trying again");
  await type(box, "hello{Enter}");
  await frames();
  expect(note()).toContain("trying again · Not sent: there was no connection to the kernel");
  expect([box.value, box.readOnly, sent("send").length]).toEqual(["hello", false, 0]);
  const asked = sent("sync").length;
  kernel.connection("connected");
  expect(sent("sync").length).toBe(asked + 1);
  await frames();
  expect(note()).toBe("Not sent: there was no connection to the kernel. Try it again.");
  button("Send")[0]?.click();
  side.asked = sent("send")[0]?.name as string;
  host.deliver(side.begin("hello", side.asked));
  await frames();
  expect([box.value, note()]).toEqual(["", ""]);
});

test("an answer of a chat says that the connection is lost, and its Stop is sent when it is back", async () => {
  const { host, side, root, button, sent } = start();
  const kernel = host.kernel as FakeKernel;
  host.deliver(side.begin("one"), side.delta("half"));
  await frames();
  kernel.connection("connecting");
  button("Stop")[0]?.click();
  await frames();
  expect(root.querySelector(".streamwidget-state")?.textContent).toBe(
    "connection to the kernel lost, trying again · your stop is sent when it is back",
  );
  expect(sent("stop")).toEqual([]);
  kernel.connection("connected");
  expect(sent("stop").length).toBe(1);
  host.deliver(...side.end("cancelled"));
  await frames();
  expect(root.querySelector(".streamwidget")?.getAttribute("data-outcome")).toBe("cancelled");
});

test("a gone kernel is not asked, whatever was pending", () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  try {
    const side = new ChatSide();
    const said: Fields[] = [];
    const chat = new Chat(side.state, {
      connection: new Connection(),
      send: (message) => said.push(message) > 0,
      stop: () => {},
    });
    side.begin("lost");
    chat.receive(side.begin("after a gap"));
    chat.send("hello", [], null);
    chat.kernelGone();
    const before = said.length;
    vi.advanceTimersByTime(60_000);
    expect([said.length, vi.getTimerCount()]).toEqual([before, 0]);
  } finally {
    vi.useRealTimers();
  }
});
