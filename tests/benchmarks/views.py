"""Many streams in views of their own: how late the text reaches the page, in how many messages, at what CPU.

``python -m tests.benchmarks.views`` is the server. Each of its deltas is the time at which it was written.
"""

from __future__ import annotations

import itertools
import runpy
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from streamwidget.demo import _reply
from tests.benchmarks.browser import start_chromium
from tests.benchmarks.report import Figure
from tests.benchmarks.server import cut, start_server
from tests.support.kernels import ROOT, Kernel, Message, start_kernel

COUNTS = (1, 50, 200, 400)
RATE = 20  # tokens a second of each stream
SECONDS = 6  # of each stream
LATE = 0.5  # seconds: the target at the 95th percentile
MANY, TIMES = 200, 10  # from so many views on, the shared messages are so many times less late
MESSAGES, BYTES = 100, 1_000_000  # a second: our limit, and that of the notebook server
EACH, ROUNDS = 4, 30  # in the page: tokens of a view in each message, and messages
_WORDS = "each event of the stream carries a small piece to its reader "
WAYS = {"apart": False, "together": True}
_BEGIN = """
import asyncio, time
import streamwidget as sw
client = sw.ChatClient({url!r}, model="demo")
demo = {{"tokens": {tokens}, "tokens_per_second": {rate}, "first_delta": {first}}}
streams = [client.stream("count", demo=demo) for _ in range({count})]
"""
_VIEWED = "views = [sw.StreamView(stream, layout=None) for stream in streams]"
_AWAITED = """
begun = time.process_time()
await asyncio.gather(*views)
used = time.process_time() - begun
print(used)
"""
_BARE = """
late = []
async def read(stream):
    async for event in stream:
        if isinstance(event, sw.TextDelta):
            late.extend(time.monotonic() - float(stamp) for stamp in event.text.split())
begun = time.process_time()
await asyncio.gather(*map(read, streams))
print(time.process_time() - begun, *late)
"""


@dataclass(frozen=True, slots=True)
class Taken:
    """What one way to show the streams took."""

    late: float  # seconds, at the 95th percentile
    cpu: float  # seconds a delta
    messages: float = 0  # a second, and the most in any one
    bytes: float = 0


def measure() -> Figure:
    """Show 1 to 400 streams: without views, in views with messages of their own, and in views with shared messages."""
    figure = Figure(f"Many streams in views of their own, {RATE} tokens a second each")
    with (
        start_server(module=__name__) as server,
        start_kernel("latest", {"PYTHONPATH": str(ROOT)}) as kernel,
    ):
        _bare(kernel, server.url, 1)  # imports, and connects
        for count in COUNTS:
            _tell(figure, count, _bare(kernel, server.url, count), _viewed(kernel, server.url, count))
    _add_page(figure)
    figure.notes += [
        "Late: from the server's write to the message's arrival at a client of the kernel, at the 95th percentile.",
        "apart: the pages do not read shared messages. together: they do, and say so.",
    ]
    return figure


def _tell(figure: Figure, count: int, bare: Taken, viewed: dict[str, Taken]) -> None:
    figure.add(f"{count}: no views", f"{bare.late * 1e3:,.0f} ms, {bare.cpu * 1e6:.0f} us a delta")
    for way, taken in viewed.items():
        more = f"{taken.messages:.0f} messages/s, {taken.bytes / 1e3:.0f} KB/s, {taken.cpu * 1e6:.0f} us a delta"
        figure.add(f"{count}: {way}", f"{taken.late * 1e3:,.0f} ms late, {more}")
    together = viewed["together"]
    figure.at_most(f"{count}: late, together", together.late, LATE, "{:.2f} s")
    if count >= MANY:
        figure.at_least(f"{count}: late, apart / together", viewed["apart"].late / together.late, TIMES, "{:.0f} x")
    figure.at_most(f"{count}: messages a second, together", together.messages, MESSAGES, "{:.0f}")
    figure.at_most(f"{count}: bytes a second, together", together.bytes, BYTES, "{:,.0f}")


def _add_page(figure: Figure) -> None:
    """Show the views in a page, which gets the shared messages as the kernel sends them."""
    texts = ["".join(itertools.islice(cut(itertools.repeat(_WORDS)), EACH)) for _ in range(ROUNDS)]
    with start_chromium() as chromium:
        for count in COUNTS:
            with chromium.open() as page:
                pause = max(0.06, 0.0005 * count) * 1e3
                cpu, longest = page.cpu_of("streamViews", count, texts, pause)
            a_delta = cpu.all / (count * ROUNDS * EACH) * 1e6
            longest = f"{longest:.0f} ms" if longest else "under 50 ms"
            figure.add(f"{count}: the page", f"{a_delta:.0f} us of CPU a delta, longest task {longest}")


def _bare(kernel: Kernel, url: str, count: int) -> Taken:
    cell = kernel.execute(_begin(url, count) + _BARE, 120)
    if cell.status != "ok":
        raise RuntimeError("\n".join(cell.traceback))
    cpu, *late = map(float, cell.stdout.split())
    return Taken(_percentile(late), cpu / len(late))


def _viewed(kernel: Kernel, url: str, count: int) -> dict[str, Taken]:
    return {way: _shown(kernel, url, count, together=together) for way, together in WAYS.items()}


def _shown(kernel: Kernel, url: str, count: int, *, together: bool) -> Taken:
    kernel.iopub.clear()
    kernel.execute(_begin(url, count) + _VIEWED, 60)
    for model_id, data in kernel.comm_opens().items():
        if "state" in data["state"] and "max_height" in data["state"]:
            kernel.widget_send(model_id, {"op": "sync", "page": "p", **({"together": True} if together else {})})
    cell = kernel.execute(_AWAITED, 120)
    if cell.status != "ok":
        raise RuntimeError("\n".join(cell.traceback))
    stamps = [(message.at, text) for message in list(kernel.iopub) for text in _texts(message)]
    late = [at - float(stamp) for at, text in stamps for stamp in text.split()]
    sent = [message for message in kernel.iopub if message.type == "comm_msg" and any(_texts(message))]
    begun, ended = sent[0].at, sent[-1].at
    kernel.execute("for view in views: view.close()", 60)
    assert len(late) == count * RATE * SECONDS, (len(late), count)
    return Taken(
        _percentile(late),
        float(cell.stdout) / len(late),
        len(sent) / (ended - begun),
        sum(message.size for message in sent) / (ended - begun),
    )


def _begin(url: str, count: int) -> str:
    return _BEGIN.format(url=url, tokens=RATE * SECONDS, rate=RATE, first=1 + count / 100, count=count)


def _texts(message: Message) -> Iterator[str]:
    """Return the new texts in a message, of all views."""
    data = message.content.get("data", {}) if message.type == "comm_msg" else {}
    if data.get("method") != "custom":
        return
    content = data["content"]
    for one in [content, *(one for many in content.get("views", {}).values() for one in many)]:
        if one.get("op") in ("delta", "snapshot") and one.get("text"):
            yield one["text"]


def _percentile(values: list[float]) -> float:
    return sorted(values)[int(0.95 * (len(values) - 1))]


async def _send_stamped(reply: Any, batch: list[dict[str, Any]]) -> None:
    now = f"{time.monotonic():.3f} "
    await _send(reply, [{"content": now} for _ in batch])


if __name__ == "__main__":
    _send = _reply.StreamReply._send_deltas
    _reply.StreamReply._send_deltas = _send_stamped
    runpy.run_module("streamwidget.demo", run_name="__main__", alter_sys=True)
