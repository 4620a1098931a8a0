"""Streams of other libraries: opened, stopped, closed, and abandoned if they do not end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

import streamwidget as sw
from streamwidget._core.stream import ChatStream
from streamwidget._sources import as_stream, foreign
from tests.support.deadlines import SOON
from tests.support.deadlines import until_async as until
from tests.support.servers import first_delta


class Blocking:
    """A blocking iterable. ``items`` come at once, and the next one when ``go`` is set. It records all calls."""

    def __init__(self, *items: Any) -> None:
        self.items = list(items)
        self.go = threading.Event()
        self.blocks = threading.Event()
        self.closed = threading.Event()
        self.threads: set[int] = set()

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        self.threads.add(threading.get_ident())
        if self.items:
            return self.items.pop(0)
        self.blocks.set()
        self.go.wait(SOON)
        return "late"

    def close(self) -> None:
        self.threads.add(threading.get_ident())
        self.closed.set()


class Awaiting:
    """An async iterable that never ends by itself. ``close`` names its method to close it."""

    def __init__(self, close: str, *, asynchronous: bool = True) -> None:
        self.closed = 0

        async def async_close() -> None:
            await asyncio.sleep(0)
            self.closed += 1

        def sync_close() -> None:
            self.closed += 1

        setattr(self, close, async_close if asynchronous else sync_close)

    async def __aiter__(self) -> AsyncIterator[str]:
        yield "a"
        await asyncio.Event().wait()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a stop wait as long as a busy machine needs to end a source that can be ended."""
    monkeypatch.setattr(foreign, "_PATIENCE", SOON)


@pytest.mark.usefixtures("patient")
async def test_a_stop_of_a_blocking_source_takes_effect_at_its_next_item() -> None:
    """One thread reads and closes it, and not the loop's. Items after the stop are not shown."""
    source = Blocking("a")
    stream = as_stream(source)
    await first_delta(stream)
    assert await asyncio.to_thread(source.blocks.wait, SOON)
    stream.cancel()
    source.go.set()
    completion = await stream
    assert (completion.outcome, completion.text, completion.warnings) == ("cancelled", "a", ())
    assert source.closed.is_set()
    assert len(source.threads) == 1
    assert threading.get_ident() not in source.threads


async def test_a_silent_source_is_abandoned_with_a_warning() -> None:
    """The stop ends the stream, with a warning. A late item and a late failure change nothing."""
    source = Blocking("a")
    stream = as_stream(source)
    events: list[sw.StreamEvent] = []
    stream.subscribe(events.extend)
    await first_delta(stream)
    assert await asyncio.to_thread(source.blocks.wait, SOON)
    stream.cancel()
    async with asyncio.timeout(SOON):
        completion = await stream
    assert (completion.outcome, completion.text) == ("cancelled", "a")
    assert [warning.code for warning in completion.warnings] == ["not_stopped"]
    assert "abandoned" in completion._repr_mimebundle_()["text/plain"]
    seen = list(events)
    source.go.set()
    assert await asyncio.to_thread(source.closed.wait, SOON)
    await until(lambda: not any(thread.name == "streamwidget source" for thread in threading.enumerate()))
    await asyncio.sleep(0)
    assert events == seen
    assert stream.completion == completion


async def test_an_async_source_that_ignores_a_stop_is_abandoned() -> None:
    """It swallows its cancellation and waits on. The stream ends no later, and nothing changes afterwards."""
    go, over = asyncio.Event(), asyncio.Event()

    async def stubborn() -> AsyncIterator[str]:
        try:
            yield "a"
            while not go.is_set():
                with contextlib.suppress(asyncio.CancelledError):
                    await go.wait()
            yield "late"
        finally:
            over.set()

    stream = as_stream(stubborn())
    await first_delta(stream)
    stream.cancel()
    async with asyncio.timeout(SOON):
        completion = await stream
    assert [warning.code for warning in completion.warnings] == ["not_stopped"]
    go.set()
    async with asyncio.timeout(SOON):
        await over.wait()
    assert stream.completion == completion
    assert completion.text == "a"


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize(("close", "asynchronous"), [("aclose", True), ("close", True), ("close", False)])
async def test_a_stop_closes_an_async_source_at_once(close: str, asynchronous: bool) -> None:
    """By ``aclose`` or ``close``, awaited or not, before the stream is over."""
    source = Awaiting(close, asynchronous=asynchronous)
    stream = as_stream(source)
    await first_delta(stream)
    stream.cancel()
    completion = await stream
    assert (completion.outcome, completion.text, completion.warnings) == ("cancelled", "a", ())
    assert source.closed == 1


@pytest.mark.usefixtures("patient")
async def test_generators_are_closed_by_a_stop() -> None:
    """Their ``finally`` has run before the stream is over."""
    closed: list[str] = []

    async def asynchronous() -> AsyncIterator[str]:
        try:
            while True:
                yield "a"
                await asyncio.sleep(0)
        finally:
            closed.append("async")

    def synchronous() -> Iterator[str]:
        try:
            while True:
                yield "a"
        finally:
            closed.append("sync")

    for source in (asynchronous(), synchronous()):
        stream = as_stream(source)
        await first_delta(stream)
        stream.cancel()
        assert (await stream).outcome == "cancelled"
    assert closed == ["async", "sync"]


async def test_a_source_that_is_whole_is_not_closed() -> None:
    """Its owner keeps an ended source, and may read more than text from it."""

    class Sync(list[str]):
        closed = False

        def close(self) -> None:
            self.closed = True

    class Async(Awaiting):
        async def __aiter__(self) -> AsyncIterator[str]:
            yield "a"

    blocking, awaiting = Sync("a"), Async("aclose")
    for source in (blocking, awaiting):
        assert (await as_stream(source)).outcome == "complete"
    assert not blocking.closed
    assert not awaiting.closed


async def test_a_source_that_never_waits_leaves_the_loop_to_others() -> None:
    """A stop that waits on the loop reaches an async source without a pause, and a sync one without an end."""

    async def endless() -> AsyncIterator[str]:
        while True:
            yield "x"

    def blocking() -> Iterator[str]:
        while True:
            yield "x"

    for source in (endless(), blocking()):
        stream = as_stream(source)
        stream.start()
        asyncio.get_running_loop().call_later(0.05, stream.cancel)
        async with asyncio.timeout(SOON):
            assert (await stream).outcome == "cancelled"


def pieces(kind: str) -> Iterator[Any]:
    """An answer without an end, in the items of some source."""
    delta: dict[str, Any] = {
        "text": {"content": "word "},
        "reasoning": {"reasoning_content": "word "},
        "calls": {"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": ""}}]},
    }.get(kind, {"content": "word "})
    chunk = {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    item: Any = {"strings": "word ", "wire": f"data: {json.dumps(chunk)}\n\n".encode()}.get(kind, chunk)
    while True:
        yield item


@pytest.mark.fault("N19", "a source of show() too: it is cut, closed, and the words say so")
@pytest.mark.parametrize("shape", ["blocking", "async", "in a coroutine"])
@pytest.mark.parametrize("kind", ["strings", "wire", "text", "reasoning", "calls"])
async def test_an_answer_has_a_greatest_length(kind: str, shape: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An endless source is cut and closed, what came is kept, and the words say that it was us."""
    monkeypatch.setattr(foreign, "MAX_TEXT", 20_000)
    closed: list[str] = []

    def blocking() -> Iterator[Any]:
        try:
            yield from pieces(kind)
        finally:
            closed.append(shape)

    async def awaiting() -> AsyncIterator[Any]:
        try:
            for item in pieces(kind):
                yield item
        finally:
            closed.append(shape)

    async def made() -> AsyncIterator[Any]:
        return awaiting()

    completion = await as_stream({"blocking": blocking, "async": awaiting, "in a coroutine": made}[shape]())
    assert (completion.outcome, completion.finish_reason, closed) == ("length", None, [shape])
    assert [warning.code for warning in completion.warnings] == ["max_text"]
    assert "longer than 20,000 characters" in completion._repr_mimebundle_()["text/plain"]
    assert kind == "calls" or 20_000 < len(completion.text + completion.reasoning) < 20_100


async def test_an_answer_of_our_own_within_a_source_has_its_clients_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client was told how long its answers may be."""
    monkeypatch.setattr(foreign, "MAX_TEXT", 20)

    async def ask() -> ChatStream:
        return sw.ChatClient().stream("count to 30")

    assert (await as_stream(ask())).outcome == "complete"


async def test_a_blocking_source_does_not_run_ahead_of_the_loop() -> None:
    """While the loop is busy, only a bounded number of items is read."""
    count = 0

    def counted() -> Iterator[str]:
        nonlocal count
        while True:
            count += 1
            yield "x"

    stream = as_stream(counted())
    await first_delta(stream)
    begun, seen = count, -1
    while seen != count:  # the loop is blocked until the source pauses
        seen = count
        threading.Event().wait(0.3)
    assert count - begun < 2_000
    stream.cancel()
    await stream


async def test_a_coroutine_is_awaited_for_its_stream() -> None:
    """``client.create(stream=True)`` without ``await`` is a source. It is awaited at the start, not earlier."""
    asked = 0

    async def create(result: Any) -> Any:
        nonlocal asked
        asked += 1
        return result

    async def texts() -> AsyncIterator[str]:
        yield "a"

    for result in (texts(), ["a"]):
        stream = as_stream(create(result))
        before = asked
        assert (await stream).text == "a"
        assert asked == before + 1
    with pytest.raises(sw.ProtocolError, match="one whole thing"):
        await as_stream(create({"choices": []}))


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("stopped", [False, True])
async def test_a_context_manager_is_entered_and_left(stopped: bool) -> None:
    """A sync one in its stream's thread, an async one in one task. It is left at the end and after a stop."""
    log: list[str] = []

    class Managed:
        def __enter__(self) -> Iterator[str]:
            log.append("in")
            return iter(["a"]) if not stopped else self._endless()

        def __exit__(self, *_: object) -> None:
            log.append("out")

        def _endless(self) -> Iterator[str]:
            while True:
                yield "a"

    class AsyncManaged:
        async def __aenter__(self) -> AsyncIterator[str]:
            log.append("in")
            return self._texts()

        async def __aexit__(self, *_: object) -> None:
            log.append("out")

        async def _texts(self) -> AsyncIterator[str]:
            yield "a"
            if stopped:
                await asyncio.Event().wait()

    for source in (Managed(), AsyncManaged()):
        stream = as_stream(source)
        await first_delta(stream)
        if stopped:
            stream.cancel()
        completion = await stream
        assert completion.outcome == ("cancelled" if stopped else "complete")
        assert log == ["in", "out"]
        log.clear()


@pytest.mark.parametrize("raised", [KeyboardInterrupt, SystemExit, asyncio.CancelledError, StopAsyncIteration])
async def test_whatever_a_blocking_source_raises_is_its_failure(raised: type[BaseException]) -> None:
    """Even an exception that ends event loops, or looks like a stop or an end."""

    class Raising(Blocking):
        def __next__(self) -> Any:
            if not self.items:
                raise raised
            return super().__next__()

    with pytest.raises(sw.SourceError, match=raised.__name__) as told:
        await as_stream(Raising("a"))
    assert told.value.completion.text == "a"


async def test_a_failure_to_open_is_the_sources() -> None:
    """An exception of a coroutine, a context manager or ``iter`` is a failure of the source."""

    async def create() -> Any:
        raise ConnectionError("nobody there")

    class Managed:
        def __enter__(self) -> Any:
            raise ConnectionError("nobody there")

        def __exit__(self, *_: object) -> None: ...

    class AsyncManaged:
        async def __aenter__(self) -> Any:
            raise ConnectionError("nobody there")

        async def __aexit__(self, *_: object) -> None: ...

    class Unready:
        def __iter__(self) -> Iterator[str]:
            raise ConnectionError("nobody there")

    for source in (create(), Managed(), AsyncManaged(), Unready()):
        with pytest.raises(sw.SourceError, match="ConnectionError: nobody there"):
            await as_stream(source)


async def test_a_root_cause_that_an_sdk_hides_is_in_the_message() -> None:
    """If the SDK's message hides the root cause, our message adds it."""

    def breaks() -> Iterator[str]:
        yield "a"
        try:
            raise OSError("connection reset by peer")
        except OSError as exc:
            raise RuntimeError("Connection error.") from exc

    with pytest.raises(sw.SourceError) as told:
        await as_stream(breaks())
    assert told.value.error.message == "RuntimeError: Connection error. (connection reset by peer)"


async def test_a_source_cannot_be_asked_again() -> None:
    """``again`` and ``record`` raise. The stream's properties say so before."""
    stream = as_stream(["a"])
    assert not stream.repeatable
    for ask in (stream.again, lambda: stream.again(go_on=True), stream.record):
        with pytest.raises(sw.ConfigurationError, match="Another library made"):
            ask()


def test_our_own_stream_is_passed_on() -> None:
    """A ChatStream is used directly."""
    stream = sw.ChatClient("http://127.0.0.1:9/v1").stream("x")
    assert as_stream(stream) is stream
    assert stream.repeatable


def test_a_source_can_be_waited_for_without_a_loop() -> None:
    """In a script ``wait()`` reads blocking and async sources."""

    async def texts() -> AsyncIterator[str]:
        yield "a"

    assert as_stream(["a"]).wait().text == "a"
    assert as_stream(texts()).wait().text == "a"


class Whole:
    """A finished response of pydantic: it is iterable, but over its fields."""

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        yield "id", "x"

    def model_dump(self) -> dict[str, Any]:
        return {"id": "x"}


class Client:
    """An SDK's client: a context manager that is not a stream."""

    def __enter__(self) -> Any: ...
    def __exit__(self, *_: object) -> None: ...
    def close(self) -> None: ...


def generator() -> Iterator[str]:
    yield "a"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "None is not a stream"),
        ("text", "class str is already whole"),
        (b"text", "class bytes is already whole"),
        ({"a": 1}, "class dict is one whole thing"),
        (Whole(), "class Whole is one whole thing"),
        (Client(), "class Client is not a stream"),
        (7, "class int is not a stream"),
        (generator, "generator is a function: call it"),
        (Whole, "Whole is a class: call it"),
    ],
)
def test_anything_but_a_stream_is_rejected(given: Any, said: str) -> None:
    """The error comes at once. It names what was given and what to pass instead. Nothing was touched."""
    with pytest.raises(sw.ConfigurationError) as told:
        as_stream(given)
    assert said in str(told.value)
    assert "an iterable of strings" in str(told.value)


async def test_a_close_that_has_begun_is_not_broken_off() -> None:
    """An item may notice a thread's stop before the task is cancelled. The close goes on."""
    go, closing, closed = asyncio.Event(), asyncio.Event(), asyncio.Event()

    class Slow:
        async def __aiter__(self) -> AsyncIterator[str]:
            yield "a"
            await go.wait()
            yield "late"

        async def aclose(self) -> None:
            closing.set()
            await asyncio.sleep(0.05)
            closed.set()

    stream = as_stream(Slow())
    await first_delta(stream)
    stream._work.stop()
    go.set()
    await closing.wait()
    stream.cancel()
    assert (await stream).text == "a"
    assert closed.is_set()


class Wrapper:
    """LiteLLM's stream. It is iterable both ways, whether its inner stream is sync or async."""

    def __init__(self, under: Any) -> None:
        self.completion_stream = under
        self.thread = 0

    def __iter__(self) -> Iterator[str]:
        self.thread = threading.get_ident()
        yield from self.completion_stream

    async def __aiter__(self) -> AsyncIterator[str]:
        self.thread = threading.get_ident()
        async for item in self.completion_stream:
            yield item


async def test_what_is_iterable_both_ways_is_read_as_what_is_under_it() -> None:
    """A blocking inner stream is read in a thread, an async one on the loop."""

    async def texts() -> AsyncIterator[str]:
        yield "a"

    for under, here in ((iter(["a"]), False), (texts(), True)):
        source = Wrapper(under)
        assert (await as_stream(source)).text == "a"
        assert (source.thread == threading.get_ident()) is here


async def test_a_source_that_cancels_itself_was_not_stopped() -> None:
    """Only you make a stream ``cancelled``. Here the answer is cut, and that is an error."""

    async def source() -> AsyncIterator[str]:
        yield "a"
        inner = asyncio.create_task(asyncio.Event().wait())
        inner.cancel()
        await inner

    with pytest.raises(sw.SourceError, match="cut") as caught:
        await as_stream(source())
    assert caught.value.completion.text == "a"


async def test_an_error_as_the_first_event_of_responses_is_reported() -> None:
    """It looks like an error of anthropic. Its message must not be lost."""
    first = {"type": "error", "code": "rate_limit_exceeded", "message": "Too many of them", "param": None}

    async def source() -> AsyncIterator[dict[str, Any]]:
        yield first

    with pytest.raises(sw.InStreamError, match="Too many of them"):
        await as_stream(source())


async def test_a_sources_failure_shows_no_key_in_its_traceback() -> None:
    """For every way to await it. IPython would print the cause, and SDKs repeat keys."""

    async def source() -> AsyncIterator[str]:
        yield "a"
        raise ValueError("Incorrect API key provided: sk-abcdefgh12345678")

    with pytest.raises(sw.SourceError) as caught:
        await as_stream(source())
    lines = "\n".join(caught.value._render_traceback_())
    assert "SourceError: ValueError" in lines
    assert "sk-abcd" not in lines
    assert isinstance(caught.value.__cause__, ValueError)
