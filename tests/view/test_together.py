"""Views with shared messages: which views take part, the content and time of a message, and the ends."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import pytest

import streamwidget as sw
from streamwidget._view import message_rate, pacer, together
from streamwidget._view.outbox import Outbox
from streamwidget._view.together import SharedPacer, round_of
from tests.support.deadlines import until_async


class FakeBundle:
    """The shared model. It may be unable to send."""

    comm: str | None = "a comm"
    fails = False

    def __init__(self) -> None:
        self.sent: list[tuple[float, dict[str, Any]]] = []

    def send(self, content: dict[str, Any]) -> None:
        if self.fails:
            raise ValueError("a broken wire")
        self.sent.append((time.monotonic(), content["views"]))


class Kernel:
    """Views of one bundle, and what they sent: by their own comms, and in shared messages."""

    def __init__(self) -> None:
        self.own: list[tuple[str, Any]] = []
        self.bundle: Any = FakeBundle()
        self.shared: list[tuple[float, dict[str, Any]]] = self.bundle.sent

    def view(self, *, reads: Any = True, fails: bool = False, text: str = "text") -> View:
        return View(self, reads=reads, fails=fails, text=text)


class View:
    """One view. Each flush sends ``text``."""

    def __init__(self, kernel: Kernel, *, reads: Any, fails: bool, text: str) -> None:
        self.outbox = Outbox(lambda message: kernel.own.append((self.outbox.key, message)), kernel.bundle)
        self.outbox.hear(reads)
        self.pacer = SharedPacer(self._flush, self.outbox)
        self.ended: list[float] = []
        self._fails = fails
        self._text = text

    def _flush(self) -> None:
        if self._fails:
            raise ValueError("a broken view")
        self.outbox.send({"text": self._text})

    def soon(self) -> None:
        self.pacer.flush_soon()

    def end(self, *, slots: int = 2, in_turn: bool = True) -> None:
        self.pacer.flush_end(slots, in_turn=in_turn, then=lambda: self.ended.append(time.monotonic()))


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    """No other view has claimed a slot. The clock stands still, so that a busy machine frees none between two steps.

    The loop's timers go on. They wait as long as they would at this moment.
    """
    now = time.monotonic()
    for module in (message_rate, pacer, together):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now))
    monkeypatch.setattr(message_rate, "_last_slot", -math.inf)
    return Kernel()


def full() -> None:
    """Take all slots that are free, and a few more."""
    message_rate.claim(25)


PAGES = [
    ([], False),
    ([True], True),
    ([None], False),
    (["yes"], False),
    ([True, True], True),
    ([True, False], False),
    ([False, True], False),
    ([True, False, True], False),
]


@pytest.mark.parametrize(("pages", "shares"), PAGES)
def test_a_view_shares_messages_if_each_of_its_pages_reads_them(kernel: Kernel, pages: list[Any], shares: bool) -> None:
    outbox = Outbox(lambda _message: None, kernel.bundle)
    for reads in pages:
        outbox.hear(reads)
    assert outbox.shares is shares
    kernel.bundle.comm = None  # Widget.close_all()
    assert outbox.shares is False


async def test_the_first_text_goes_at_once_and_the_rest_in_one_message(kernel: Kernel) -> None:
    views = [kernel.view() for _ in range(30)]
    for view in views:
        view.soon()
        view.soon()
    firsts = len(kernel.shared)
    assert 15 <= firsts <= 20  # the slots that are free after a rest
    await asyncio.gather(*(view.pacer.flushed() for view in views))
    *alone, (_, rest) = kernel.shared
    assert [len(part) for _, part in alone] == [1] * firsts
    assert [*rest] == [view.outbox.key for view in views]
    assert all(messages == [{"text": "text"}] for messages in rest.values())
    assert kernel.own == []


async def test_rounds_come_more_slowly_with_many_views(kernel: Kernel) -> None:
    """400 views flush each 200 ms, and one view each 60 ms."""
    for count, least in ((1, message_rate.FLUSH), (400, 400 * together._EACH)):
        views = [kernel.view(text="") for _ in range(count)]
        full()
        kernel.shared.clear()
        for _ in range(2):
            for view in views:
                view.soon()
            await asyncio.gather(*(view.pacer.flushed() for view in views))
        first, second = (at for at, _ in kernel.shared)
        assert [len(part) for _, part in kernel.shared] == [count] * 2
        assert second - first >= least * 0.9


async def test_views_of_pages_that_do_not_read_send_for_themselves(kernel: Kernel) -> None:
    plain, sharing = kernel.view(reads=None), kernel.view()
    for view in (plain, sharing):
        view.soon()
    assert kernel.own == [(plain.outbox.key, {"text": "text"})]
    assert [part for _, part in kernel.shared] == [{sharing.outbox.key: [{"text": "text"}]}]


async def test_a_page_that_does_not_read_may_come_while_the_view_waits_for_the_round(kernel: Kernel) -> None:
    """The text is not lost. The page finds it in the answer to its question."""
    full()
    view = kernel.view()
    view.soon()
    view.outbox.hear(False)
    await view.pacer.flushed()
    view.soon()
    await view.pacer.flushed()
    assert len(kernel.shared) + len(kernel.own) == 2
    assert kernel.own[-1] == (view.outbox.key, {"text": "text"})


async def test_a_broken_view_does_not_stop_the_others(kernel: Kernel) -> None:
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: reported.append(context))
    full()
    views = [kernel.view(), kernel.view(fails=True), kernel.view()]
    for view in views:
        view.soon()
    await asyncio.gather(*(view.pacer.flushed() for view in views))
    assert [*kernel.shared[0][1]] == [views[0].outbox.key, views[2].outbox.key]
    kernel.bundle.fails = True
    views[0].end()
    await views[0].pacer.flushed()
    assert len(views[0].ended) == 1
    assert [str(context["exception"]) for context in reported] == ["a broken view", "a broken wire"]


async def test_a_large_message_takes_no_further_view_and_slows_the_next_one(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(together, "_LARGE", 60_000)
    full()
    views = [kernel.view(text="x" * (together._LARGE // 2)) for _ in range(5)]
    for view in views:
        view.soon()
    await asyncio.gather(*(view.pacer.flushed() for view in views))
    assert [len(part) for _, part in kernel.shared] == [2, 2, 1]
    times = [at for at, _ in kernel.shared]
    assert times[1] - times[0] >= 0.8 * (together._LARGE / together._SLOT) / message_rate.PER_SECOND


@pytest.mark.parametrize("act", [SharedPacer.stop, SharedPacer.flush_now], ids=lambda act: act.__name__)
async def test_a_view_that_leaves_the_round_is_not_flushed_in_it(
    kernel: Kernel, act: Callable[[SharedPacer], None]
) -> None:
    full()
    leaves, stays = kernel.view(), kernel.view()
    leaves.soon()
    stays.soon()
    act(leaves.pacer)
    await stays.pacer.flushed()
    await leaves.pacer.flushed()
    assert [*kernel.shared[-1][1]] == [stays.outbox.key]
    assert len(kernel.shared) == (2 if act is SharedPacer.flush_now else 1)


async def test_an_end_goes_at_once_while_slots_are_free(kernel: Kernel) -> None:
    view = kernel.view()
    view.end()
    assert (len(kernel.shared), len(view.ended)) == (1, 1)


async def test_an_end_that_may_not_wait_goes_at_once(kernel: Kernel) -> None:
    full()
    view = kernel.view()
    view.end(in_turn=False)
    assert (len(kernel.shared), len(view.ended)) == (1, 1)


async def test_many_ends_are_one_message_and_what_follows_them_comes_in_turn(kernel: Kernel) -> None:
    """Meanwhile the text of other views goes on."""
    full()
    views = [kernel.view() for _ in range(6)]
    other = kernel.view()
    for view in views:
        view.end()
    await until_async(lambda: bool(kernel.shared))
    assert [len(part) for _, part in kernel.shared] == [len(views)]
    rounds = 0
    while not views[-1].ended:
        other.soon()
        await other.pacer.flushed()
        rounds += 1
    assert rounds >= 1
    await asyncio.gather(*(view.pacer.flushed() for view in views))
    times = [view.ended[0] for view in views]
    assert times == sorted(times)
    assert times[-1] - times[0] >= 0.9 * (len(views) - 1) / together._ENDS
    assert all(len(view.ended) == 1 for view in views)


async def test_a_view_that_no_page_shows_sends_nothing_until_a_page_asks(kernel: Kernel) -> None:
    shared, plain = kernel.view(), kernel.view(reads=False)
    for view in (shared, plain):
        view.outbox.rest()
        view.soon()
    assert (kernel.shared, kernel.own) == ([], [])
    for view, reads in ((shared, True), (plain, False)):
        view.outbox.hear(reads)
        view.soon()
        await view.pacer.flushed()
    assert (len(kernel.shared), len(kernel.own)) == (1, 1)


async def test_a_page_that_has_heard_shared_messages_gets_the_state_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before that it gets the state by the view's own comm, because no shared message may ever reach it."""
    released = asyncio.Event()

    async def words() -> AsyncIterator[str]:
        yield "one "
        await released.wait()
        yield "two"

    view = sw.StreamView(words(), layout=None)
    own: list[dict[str, Any]] = []
    shared: list[dict[str, Any]] = []
    monkeypatch.setattr(view, "send", own.append)
    monkeypatch.setattr(view._outbox.bundle, "send", lambda content: shared.extend(content["views"][view.key]))
    asked = {"op": "sync", "page": "p", "together": True}
    view._hear({**asked, "heard": False})
    await until_async(lambda: bool(shared))
    assert [message["op"] for message in (*own, *shared)] == ["snapshot"] * 2
    view._hear({**asked, "heard": True})
    await until_async(lambda: len(shared) == 2)
    assert (shared[1]["op"], shared[1]["text"], shared[1]["seq"]) == ("snapshot", "one ", shared[0]["seq"])
    released.set()
    await view
    assert [message["op"] for message in shared[2:]] == ["delta", "end"]
    assert len(own) == 1
    view.close()


async def test_each_loop_has_its_round(kernel: Kernel) -> None:
    def elsewhere() -> object:
        async def look() -> object:
            return round_of(asyncio.get_running_loop())

        return asyncio.run(look())

    here = round_of(asyncio.get_running_loop())
    assert await asyncio.to_thread(elsewhere) is not here
    assert round_of(asyncio.get_running_loop()) is here
