// Many views read one message, each its own part.
import { expect, test } from "vitest";
import { FakeShared, frames, Host, KernelSide } from "../kernel_side";

function opened(key: string, shared: FakeShared | undefined, kernel = true) {
  const side = new KernelSide({ id: `stream ${key}` });
  const host = new Host(side.state, null, undefined, shared);
  host.key = key;
  if (!kernel) host.kernel = null;
  host.initialize();
  const { root } = host.render();
  return { side, host, shows: () => root.querySelector(".streamwidget-text")?.textContent?.trim() };
}

/** What the page has said about the shared messages, each time it asked for the state. */
function says(host: Host, what: "together" | "heard" = "together"): unknown[] {
  const beside = (host.kernel?.comms ?? []).flatMap((comm) => comm.sent as typeof host.sent);
  return [...beside, ...host.sent].filter(({ op }) => op === "sync").map((asked) => asked[what]);
}

test("each view takes the messages of its key, in their order, until the end", async () => {
  const shared = new FakeShared();
  const [one, two, other] = [opened("1", shared), opened("2", shared), opened("3", shared)];
  expect(shared.listeners.size).toBe(1);
  shared.deliver({ views: { 1: [one.side.delta("one "), one.side.delta("two")], 2: [two.side.delta("zwei")] } });
  shared.deliver({ views: { 2: [two.side.end("complete")] } });
  await frames();
  expect([one, two, other].map(({ shows }) => shows())).toEqual(["one two", "zwei", ""]);
  expect(two.host.ops("sync")).toBe(1);
});

test.each([
  ["the host shows its kernel", "1", true, true, true],
  ["the host hides its kernel", "1", true, false, false],
  ["the loader gives no shared model", "1", false, true, false],
  ["the kernel has no key for the view", "", true, true, false],
])("where %s, the page says whether it reads shared messages", (_, key, gives, kernel, reads) => {
  const shared = new FakeShared();
  const { host } = opened(key, gives ? shared : undefined, kernel);
  expect(says(host)).toEqual([reads]);
  expect(shared.listeners.size).toBe(reads ? 1 : 0);
});

test("a shared message that was lost is a gap in its view alone, and its snapshot fills it", async () => {
  const shared = new FakeShared();
  const [one, two] = [opened("1", shared), opened("2", shared)];
  one.side.delta("lost ");
  shared.deliver({ views: { 1: [one.side.delta("one")], 2: [two.side.delta("two")] } });
  await frames();
  expect([one.shows(), two.shows()]).toEqual(["", "two"]);
  await expect.poll(() => says(one.host)).toEqual([true, true]);
  expect(says(one.host, "heard")).toEqual([false, true]); // the state may come in a shared message, too
  expect(says(two.host)).toEqual([true]);
  shared.deliver({ views: { 1: [one.side.snapshot(), one.side.delta("!")] } });
  await frames();
  expect(one.shows()).toBe("lost one!");
});

test("messages of the view's own go on beside the shared ones, and one that comes both ways counts once", async () => {
  const shared = new FakeShared();
  const view = opened("1", shared);
  const [first, second, third] = ["a", "b", "c"].map((text) => view.side.delta(text));
  view.host.deliver(first);
  shared.deliver({ views: { 1: [first, second] } });
  view.host.deliver(second, third);
  await frames();
  expect(view.shows()).toBe("abc");
});

test.each([[null], [[]], [{ views: null }], [{ views: { 1: null } }], [{ views: { 1: [null, 7, {}] } }]])(
  "%j changes nothing",
  async (content) => {
    const shared = new FakeShared();
    const view = opened("1", shared);
    shared.deliver(content);
    shared.deliver({ views: { 1: [view.side.delta("text")] } });
    await frames();
    expect(view.shows()).toBe("text");
  },
);

test("a closed view reads no more, and the last one leaves the shared model", async () => {
  const shared = new FakeShared();
  const [one, two] = [opened("1", shared), opened("2", shared)];
  one.host.life.abort();
  shared.deliver({ views: { 1: [one.side.delta("gone")], 2: [two.side.delta("here")] } });
  await frames();
  expect(two.shows()).toBe("here");
  expect(shared.listeners.size).toBe(1);
  two.host.life.abort();
  expect(shared.listeners.size).toBe(0);
});
