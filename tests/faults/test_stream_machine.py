"""Streams, views and pages under any order of events, on real sockets. Some rules hold at every moment."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable

import comm
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

import streamwidget as sw
from streamwidget import Finish
from streamwidget._view import bundle, control
from tests.faults.puppet import Call, Page, PageComm
from tests.faults.workbench import Shown, Workbench

CLOSED = 0.1  # seconds from a stream's end to the close of its socket, half of the time at least
delays: list[float] = []
outcomes: Counter[str] = Counter()


BREAKS: list[Callable[[Call], None]] = [
    Call.report_error,
    lambda call: call.drop(reset=True),
    lambda call: call.drop(reset=False),
]


class Streams(Workbench):
    """Every step may come at any moment, and most do not run the loop."""

    # ---- steps

    @initialize()
    def first(self) -> None:
        self.start(answered=True, awaited=False, together=False)

    @precondition(lambda self: sum(shown.running for shown in self.shown) < 4)
    @rule(answered=st.booleans(), awaited=st.booleans(), together=st.booleans())
    def start(self, answered: bool, awaited: bool, together: bool) -> None:
        """A cell asks: awaited or in the background. The server answers with its head, or not yet."""
        shown = self.show(awaited=awaited, together=together)
        if together:
            self.sync(shown, shown.pages[0])
        if answered:
            shown.call.send()

    @rule(number=st.integers(0, 9), texts=st.lists(st.text(max_size=20), min_size=1, max_size=4), read=st.booleans())
    def delta(self, number: int, texts: list[str], read: bool) -> None:
        """Text comes. The kernel reads it now or later."""
        shown = self.pick(number)
        if shown.call.over or not shown.running:
            return
        for text in texts:
            shown.call.delta(text)
        if read and not shown.stream._cancelled:
            self.until(lambda: shown.stream.completion.text == shown.call.text)

    @rule(number=st.integers(0, 9), read=st.booleans())
    def server_finishes(self, number: int, read: bool) -> None:
        self._server_ends(self.pick(number), Call.finish, read)

    @rule(number=st.integers(0, 9), how=st.sampled_from(BREAKS), read=st.booleans())
    def server_breaks_off(self, number: int, how: Callable[[Call], None], read: bool) -> None:
        self._server_ends(self.pick(number), how, read)

    def _server_ends(self, shown: Shown, how: Callable[[Call], None], read: bool) -> None:
        if shown.call.over or not shown.running:
            return
        how(shown.call)
        if read:
            self.until(lambda: shown.stream.over)

    @rule(number=st.integers(0, 9), way=st.sampled_from(["python", "view", "page", "control", "threads", "other loop"]))
    def stop(self, number: int, way: str) -> None:
        """Stop, in each way, of a running or finished stream. The loop may be blocked meanwhile."""
        shown = self.pick(number, running=number % 3 > 0)
        if way == "python":
            shown.stream.cancel()
        elif way == "view":
            shown.view.stop()
        elif way == "page":
            self.say(shown, {"op": "stop"})
        elif way == "control":
            control._received({"content": {"data": {"op": "stop", "id": shown.view.key}}})
        elif way == "threads":
            threads = [threading.Thread(target=shown.stream.cancel) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        else:
            asyncio.run(asyncio.to_thread(shown.stream.cancel))
        if way == "threads" and shown.call.answered and not shown.call.over:
            # The loop stands still: the socket is shut all the same, once the head is known to have been read.
            self.until(lambda: shown.stream.over)

    @rule(number=st.integers(0, 9))
    def interrupt(self, number: int) -> None:
        """The kernel interrupts an awaiting cell."""
        shown = self.pick(number)
        if shown.cell is not None:
            shown.cell.cancel()
            self.until(shown.cell.done)
            assert shown.stream.over

    @rule(number=st.integers(0, 9))
    def close(self, number: int) -> None:
        """The person closes the widget."""
        shown = self.pick(number)
        self.loop.run_until_complete(self.close_view(shown))

    @rule(number=st.integers(0, 9))
    def run_again(self, number: int) -> None:
        """The cell is run again: the old stream is cancelled, a new one starts."""
        shown = self.pick(number)
        shown.stream.cancel()
        self.start(answered=True, awaited=False, together=number % 2 > 0)
        self.until(lambda: shown.stream.over)

    @rule(number=st.integers(0, 9), together=st.booleans())
    def reload(self, number: int, together: bool) -> None:
        """A new page comes with its state, and asks."""
        shown = self.pick(number, running=number % 2 > 0)
        if len(shown.pages) < 4:
            shown.pages.append(Page(shown.place, f"page {len(shown.pages)}", together=together))
            self.sync(shown, shown.pages[-1])

    @rule(number=st.integers(0, 9))
    def leave(self, number: int) -> None:
        """The newest page shows the view no longer. It is sent nothing more. The others still do."""
        shown = self.pick(number)
        if shown.pages:
            self.say(shown, {"op": "left", "page": shown.pages.pop().name})
        for page in shown.pages:
            self.say(shown, {"op": "here", "page": page.name})

    @rule(number=st.integers(0, 9), count=st.integers(1, 5))
    def lose(self, number: int, count: int) -> None:
        """The wire to the page loses the next messages."""
        for page in self.pick(number).pages:
            page.to_lose = count

    @rule(milliseconds=st.integers(0, 80))
    def time_passes(self, milliseconds: int) -> None:
        end = time.monotonic() + milliseconds / 1000
        self.until(lambda: time.monotonic() >= end)

    # ---- rules

    @invariant()
    def the_text_is_a_prefix_of_what_was_sent(self) -> None:
        for shown in self.shown:
            text = shown.stream.completion.text
            assert text.startswith(shown.known)
            assert shown.call.text.startswith(text)
            assert "".join(event.text for event in shown.told if isinstance(event, sw.TextDelta)) == text
            shown.known = text

    @invariant()
    def there_is_one_end(self) -> None:
        for shown in self.shown:
            ends = [event for event in shown.told if isinstance(event, Finish)]
            if shown.running:
                assert ends == []
                continue
            if shown.end is None:
                shown.end = shown.stream.completion
                outcomes[shown.end.outcome or ""] += 1
            assert shown.stream.completion == shown.end
            assert ends == [Finish(ends[0].reason, shown.end.outcome or "cancelled")] == shown.told[-1:]
            if shown.end.outcome == "complete":
                assert shown.end.text == shown.call.text

    @invariant()
    def nothing_is_said_after_the_end(self) -> None:
        for shown in self.shown:
            kinds = [kind for comm_id, kind, _ in PageComm.sent if comm_id == shown.place.model_id]
            assert kinds.count("comm_close") <= 1
            if shown.closed:
                assert kinds[-1] == "comm_close"
            said = [message for sent in PageComm.sent for message in shown.place.said(*sent)]
            last = 0
            for message in said:
                whole = message["op"] == "snapshot" and message["seq"] >= last  # or a page has left, and one came
                assert whole or message["seq"] == last + 1
                last = message["seq"]
            ops = [message["op"] for message in said]
            if "end" in ops:
                assert set(ops[ops.index("end") + 1 :]) <= {"snapshot"}

    @invariant()
    def pages_show_no_other_text(self) -> None:
        for shown in self.shown:
            for page in shown.pages:
                page.read()
                assert shown.stream.completion.text.startswith(page.text)

    @invariant()
    def the_socket_of_a_stream_that_was_cut_is_closed(self) -> None:
        for shown in self.shown:
            # A stream may be stopped when its answer has come whole. Then the next request uses the connection again.
            if shown.end is not None and not (shown.shut or shown.call.whole or shown.end.outcome == "complete"):
                self.until(shown.call.left.is_set)
                shown.shut = True
                delays.append(max(0.0, shown.call.left_at - (shown.stream._progress.ended or 0)))

    def teardown(self) -> None:
        try:
            for shown in self.shown:
                shown.stream.cancel()
            self.until(lambda: not any(shown.running for shown in self.shown))
            for shown in self.shown:
                self.until(lambda shown=shown: shown.cell is None or shown.cell.done())  # type: ignore[misc]
                if shown.cell is not None and not shown.cell.cancelled():
                    shown.cell.exception()
                self.loop.run_until_complete(shown.view._feed.sent())  # with so many, an end may wait for its turn
                for page in shown.pages:
                    page.asks, page.to_lose = True, 0
                    self.sync(shown, page)
                    if not shown.closed:
                        assert (page.text, page.outcome) == (
                            shown.stream.completion.text,
                            shown.stream.completion.outcome,
                        )
            for check in (self.there_is_one_end, self.nothing_is_said_after_the_end):
                check()
            self.the_socket_of_a_stream_that_was_cut_is_closed()
            for shown in self.shown:
                self.loop.run_until_complete(self.close_view(shown))
            left = asyncio.all_tasks(self.loop)
            self.until(lambda: all(task.done() for task in left))
        finally:
            self.server.__exit__()
            self.loop.close()
            PageComm.sent.clear()


@pytest.mark.slow
@pytest.mark.fault(
    "K12", "any order of starts, deltas, stops, interrupts and closes: one end, text kept, socket closed"
)
@pytest.mark.fault("K14", "stops at any moment of any order: one outcome, set once, and nothing sent after the end")
@pytest.mark.fault("F1", "kernel side: after any losses and reloads a page that asks has exactly the kernel's text")
def test_streams_hold_their_promises_in_any_order(monkeypatch: pytest.MonkeyPatch, seen: Callable[[str], None]) -> None:
    """The text is exactly a beginning of the sent text. One outcome, then silence, and the socket closes at once."""
    monkeypatch.setattr(comm, "create_comm", PageComm)
    monkeypatch.setattr(bundle, "_shared", {})
    delays.clear()
    outcomes.clear()
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Streams,
        settings=settings(
            max_examples=80, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
    delays.sort()
    assert outcomes["cancelled"]
    assert outcomes["complete"]
    median, longest = (1000 * delays[i] for i in (len(delays) // 2, -1))
    seen(
        f"{', '.join(f'{count} {name}' for name, count in outcomes.items())}; sockets of cut ones closed "
        f"{median:.0f} ms after the end (median), {longest:.0f} ms at most"
    )
    assert delays[len(delays) // 2] <= CLOSED
