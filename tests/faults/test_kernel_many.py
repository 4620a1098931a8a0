"""Many streams in one kernel: two hundred at once, and a hundred answers again and again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest

from streamwidget.demo import DemoServer
from tests.support.chat_kernels import ChatKernel, View
from tests.support.kernels import Message

pytestmark = pytest.mark.kernel
Seen = Callable[[str], None]
COUNT = 200

AT_ONCE = f"""
import asyncio, time, streamwidget as sw
client = sw.ChatClient()
views = [sw.StreamView(client.stream(f"one of many {{i}}", demo=dict(tokens=120, tokens_per_second=20)), layout=None)
         for i in range({COUNT})]
models = [view.model_id for view in views]
async def result(view):
    return await view
begun = time.thread_time()
all_of_them = await asyncio.gather(*(result(view) for view in views))
spent = time.thread_time() - begun
for view in views: view.close()
"""


@pytest.fixture(scope="module")
def latest() -> Iterator[ChatKernel]:
    """A kernel with a quick server."""
    with DemoServer(tokens_per_second=0, first_delta=0) as server:
        kernel = ChatKernel("latest", server)
        try:
            kernel.execute("%load_ext streamwidget")
            yield kernel
            kernel.check()
        finally:
            kernel.shutdown()


def custom(message: Message) -> bool:
    return message.type == "comm_msg" and message.content["data"]["method"] == "custom"


def update(message: Message) -> bool:
    return message.type == "comm_msg" and message.content["data"]["method"] == "update"


@pytest.mark.fault("K11", "all complete; at most 100 messages a second to the page")
def test_two_hundred_streams_with_views_complete(latest: ChatKernel, seen: Seen) -> None:
    """Each has its own whole text. Together they send at most a hundred messages a second, with starts and ends."""
    cell = latest.execute(AT_ONCE, timeout=120)
    assert (cell.status, cell.traceback) == ("ok", [])
    assert latest.value("[c.outcome for c in all_of_them]") == ["complete"] * COUNT
    assert latest.value("[c.timing.deltas for c in all_of_them]") == [120] * COUNT
    assert latest.value("max(c.timing.total for c in all_of_them) < 60") is True
    texts = latest.value("[c.text for c in all_of_them]")
    models = latest.value("models")
    assert [View(latest, model).replay() for model in models] == texts
    assert all(f"one of many {i}" in text for i, text in enumerate(texts))
    said = [message for message in list(latest.iopub) if message.content.get("comm_id") in models and custom(message)]
    ops = [message.content["data"]["content"]["op"] for message in said]
    assert (ops.count("snapshot"), ops.count("end")) == (COUNT, COUNT)
    # And each view's state, once more, after its end.
    said += [message for message in list(latest.iopub) if message.content.get("comm_id") in models and update(message)]
    times = sorted(message.at for message in said)
    busiest = max(sum(at <= other < at + 1 for other in times) for at in times)
    spent = latest.value("spent") / (COUNT * 120)
    seen(f"{COUNT} of {COUNT} complete, at most {busiest} messages in a second, {spent * 1e6:.0f} us of CPU a delta")
    # Not by the second: a busy machine sends late, and then catches up.
    assert len(said) <= 100 * (times[-1] - times[0]) + 100
    assert len(said) >= 4 * COUNT


MEASURE = """
import asyncio, ctypes, gc, streamwidget as sw
from ipywidgets.widgets.widget import _instances
from IPython import get_ipython
from comm import get_comm_manager
from streamwidget._notebook import display
text = "The quick brown fox jumps over the lazy dog. " * 455  # 20 KB
pieces = [text[i:i + 200] for i in range(0, len(text), 200)]
client = sw.ChatClient()
shell = get_ipython()

async def answer():
    stream = client.stream("flat", demo=dict(pieces=pieces, tokens_per_second=0))
    display.present(stream, shell, keep=False)
    completion = await stream
    assert completion.text == text

async def cycle():
    for i in range(25):
        await asyncio.gather(*(answer() for _ in range(4)))

def private_mb():
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    with open("/proc/self/smaps_rollup") as rollup:
        return sum(int(line.split()[1]) for line in rollup if line.startswith("Private_Dirty")) / 1024

def living():
    return [len(_instances), len(get_comm_manager().comms)]
"""


@pytest.mark.fault("K11", "memory stays flat: under 0.2 MB a cycle of 100 answers of 20 KB, no live widget left")
def test_memory_stays_flat(latest: ChatKernel, seen: Seen) -> None:
    """A hundred answers of 20 KB, shown, frozen and closed, again and again. The growth after the warm-up counts."""
    assert latest.execute(MEASURE).status == "ok"
    sizes: list[float] = []
    living: list[list[int]] = []
    for _ in range(6):
        cell = latest.execute("await cycle()", timeout=120)
        assert (cell.status, cell.traceback) == ("ok", [])
        sizes.append(latest.value("private_mb()"))
        living.append(latest.value("living()"))
    growth = [later - earlier for earlier, later in pairwise(sizes)]
    seen(f"growth a cycle {', '.join(f'{mb:+.2f}' for mb in growth)} MB; {living[-1][0]} widgets live: the bundles")
    assert living == [[2, living[0][1]]] * 6
    assert sorted(growth)[1] < 0.2  # a leak grows in every cycle, the allocator's arenas now and then
