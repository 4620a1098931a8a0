"""Many streams in one kernel: many at once, and a hundred answers again and again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest

from streamwidget.demo import DemoServer
from tests.support.chat_kernels import ChatKernel, View

pytestmark = pytest.mark.kernel
Seen = Callable[[str], None]
AT_ONCE = """
import asyncio, time, streamwidget as sw
client = sw.ChatClient()
views = [sw.StreamView(client.stream(f"one of many {i}", demo=dict(tokens=TOKENS, tokens_per_second=20)), layout=None)
         for i in range(COUNT)]
models = [view.model_id for view in views]
for view in views:
    view._outbox.hear(TOGETHER)
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


@pytest.mark.fault("K11", "all complete; at most 100 messages a second to the page, shared by the views or not")
@pytest.mark.parametrize(("together", "count", "tokens"), [(True, 200, 120), (False, 40, 40)])
def test_many_streams_with_views_complete(
    latest: ChatKernel, seen: Seen, together: bool, count: int, tokens: int
) -> None:
    """Each has its own whole text. All of them send at most a hundred messages a second, with starts and ends."""
    before = len(latest.iopub)
    setting = f"TOGETHER, COUNT, TOKENS = {together}, {count}, {tokens}\n"
    cell = latest.execute(setting + AT_ONCE, timeout=120)
    assert (cell.status, cell.traceback) == ("ok", [])
    assert latest.value("[c.outcome for c in all_of_them]") == ["complete"] * count
    assert latest.value("[c.timing.deltas for c in all_of_them]") == [tokens] * count
    assert latest.value("max(c.timing.total for c in all_of_them) < 60") is True
    texts = latest.value("[c.text for c in all_of_them]")
    views = [View(latest, model) for model in latest.value("models")]
    assert [view.replay() for view in views] == texts
    assert all(f"one of many {i}" in text for i, text in enumerate(texts))
    ops = Counter(message["op"] for view in views for message in view.messages)
    assert (ops["snapshot"], ops["end"]) == (count, count)
    models = {view.model_id for view in views}
    sent = [message for message in list(latest.iopub)[before:] if message.type == "comm_msg"]
    # And each view's state, once more, after its end.
    assert sum(message.content["data"]["method"] == "update" for message in sent) == count
    shared = [message for message in sent if message.content["comm_id"] not in models]
    times = sorted(message.at for message in sent)
    busiest = max(sum(at <= other < at + 1 for other in times) for at in times)
    spent = latest.value("spent") / (count * tokens)
    seen(
        f"{count} of {count} complete, at most {busiest} messages in a second, {len(shared)} of them shared, "
        f"{spent * 1e6:.0f} us of CPU a delta"
    )
    # Not by the second: a busy machine sends late, and then catches up.
    assert len(sent) <= 100 * (times[-1] - times[0]) + 100
    if together:
        assert len(sent) == len(shared) + count  # the states
        assert len(shared) < ops.total() / 5
    else:
        assert shared == []
        assert len(sent) >= 4 * count


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
