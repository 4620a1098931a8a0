import { expect, test, vi } from "vitest";
import { KernelLink } from "../../src/kernel/kernel_link";

test("what a page sends to a kernel in a worker goes by the channel of that kernel alone, in its order", async () => {
  const heard: { own: unknown[]; other: unknown[] } = { own: [], other: [] };
  const own = new BroadcastChannel("kernel a");
  const other = new BroadcastChannel("kernel b");
  own.onmessage = ({ data }) => heard.own.push(data);
  other.onmessage = ({ data }) => heard.other.push(data);
  const byModel: unknown[] = [];
  const model = { send: (message: unknown) => byModel.push(message) };
  const link = new KernelLink(model as never, "kernel a/7", new AbortController().signal);
  let over = false;

  expect(link.send({ op: "piece" }, [new Uint8Array([1, 2]).buffer])).toBe(true);
  link.send({ op: "confirm", key: "k" });
  link.stop({ op: "stop" }, true, () => !over);
  await vi.waitFor(() => expect(heard.own).toHaveLength(3));
  over = true;
  expect(heard.own).toMatchObject([
    { content: { data: { op: "piece", id: "kernel a/7" } } },
    { content: { data: { op: "confirm", key: "k" } } },
    { content: { data: { op: "stop" } } },
  ]);
  const [{ buffers }] = heard.own as [{ buffers: ArrayBuffer[] }];
  expect(buffers.map((buffer) => [...new Uint8Array(buffer)])).toEqual([[1, 2]]);
  expect(heard.other).toEqual([]);
  expect(byModel).toEqual([]);
  own.close();
  other.close();
});
