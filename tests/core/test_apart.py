"""A stream that runs apart, in a thread of ours, beside code that blocks the loop that started it."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest

import streamwidget as sw
from streamwidget import Finish, StreamEvent, TextDelta
from streamwidget._core.stream import ChatStream
from streamwidget.demo import DemoServer
from tests.support.deadlines import SOON, START, until
from tests.support.memory import run_python

END = """
import asyncio, sys, time, streamwidget as sw
async def ask():
    stream = sw.ChatClient(sys.argv[1]).stream("x", "demo-slow")
    stream._run_apart()
    stream.start()
    while not stream.completion.text:
        await asyncio.sleep(0.01)
asyncio.run(ask())
print("ends")
"""
# A wait in a running loop patches asyncio for good, so it has a process of its own.
WAIT = """
import asyncio, sys, time, streamwidget as sw
async def ask():
    stream = sw.ChatClient(sys.argv[1]).stream("x", demo={"tokens": 5, "tokens_per_second": 0})
    stream._run_apart()
    stream.start()
    ends = []
    stream.subscribe(lambda events: ends.append(events[-1]))
    while not stream.over:  # the end, while this loop is blocked
        time.sleep(0.01)
    if sys.argv[2] == "wait":
        print(stream.wait().outcome, type(ends[-1]).__name__)
    else:
        text = "".join(event.text for event in stream if isinstance(event, sw.TextDelta))
        print(text == stream.completion.text != "", type(ends[-1]).__name__)
asyncio.run(ask())
"""


@pytest.fixture
def client(server: DemoServer) -> sw.ChatClient:
    return sw.ChatClient(server.url)


def started(stream: ChatStream) -> ChatStream:
    stream._run_apart()
    stream.start()
    return stream


def text_of(events: list[StreamEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


async def test_it_ends_while_the_loop_is_blocked_and_the_person_hears_of_it_afterwards(client: sw.ChatClient) -> None:
    """A view gets all in the stream's thread. Subscribers and readers get all in this one, once it is free."""
    stream = client.stream("x", demo={"tokens": 50, "tokens_per_second": 500})
    stream._run_apart()
    seen: dict[str, list[StreamEvent]] = {"apart": [], "here": []}
    threads: dict[str, set[int]] = {"apart": set(), "here": set()}

    def note(place: str) -> Callable[[list[StreamEvent]], None]:
        def take(events: list[StreamEvent]) -> None:
            seen[place] += events
            threads[place].add(threading.get_ident())

        return take

    stream._subscribe_apart(note("apart"))
    stream.subscribe(note("here"))
    stream.start()
    until(lambda: isinstance((seen["apart"] or [None])[-1], Finish), "the end, while nothing else runs here")
    assert (stream.completion.outcome, seen["here"]) == ("complete", [])
    late = [event async for event in stream]
    assert text_of(late) == text_of(seen["here"]) == text_of(seen["apart"]) == stream.completion.text != ""
    assert [type(events[-1]) for events in (late, seen["here"])] == [Finish, Finish]
    assert threads["here"] == {threading.get_ident()}
    assert threads["apart"].isdisjoint(threads["here"])


async def test_readers_that_come_in_mid_stream_miss_nothing_and_get_nothing_twice(client: sw.ChatClient) -> None:
    """What waits for this loop is not given again to who has it as the text so far."""
    stream = started(client.stream("x", demo={"tokens": 300, "tokens_per_second": 500}))
    readers = []
    for length in (1, 200, 600):
        until(lambda length=length: len(stream.completion.text) >= length, "text, while this loop is blocked")
        reader = aiter(stream)
        readers.append((reader, [await anext(reader)]))
    for reader, events in readers:
        events += [event async for event in reader]
        assert text_of(events) == stream.completion.text
    assert (await stream).timing.deltas == 300


async def test_who_awaits_goes_on_after_the_subscribers_know_of_the_end(client: sw.ChatClient) -> None:
    """So ``_chat`` is there in the line after ``await stream``, also if the stream had ended before."""
    stream = started(client.stream("x", demo={"tokens": 5, "tokens_per_second": 0}))
    ends: list[Any] = []
    stream.subscribe(lambda events: ends.append(events[-1]))
    until(lambda: stream.over, "the end, while this loop is blocked")
    assert (await stream).outcome == "complete"
    assert isinstance(ends[-1], Finish)


@pytest.mark.parametrize(("way", "result"), [("wait", "complete"), ("for", "True")])
def test_who_waits_goes_on_after_the_subscribers_know_of_the_end(server: DemoServer, way: str, result: str) -> None:
    """As one that awaits does."""
    assert run_python(WAIT, server.url, way).split() == [result, "Finish"]


async def test_a_stop_from_here_closes_the_connection_while_this_loop_is_blocked(
    server: DemoServer, client: sw.ChatClient
) -> None:
    """The outcome is the same as of any stream, and later calls do nothing."""
    stream = started(client.stream("x", "demo-slow"))
    until(lambda: stream.completion.text, "the first text")
    stream.cancel()
    assert server.requests[-1].left.wait(SOON)
    until(lambda: stream.over, "the end")
    stream.cancel()
    completion = await stream
    assert (completion.outcome, completion.text != "") == ("cancelled", True)
    with pytest.raises(sw.HTTPStatusError):
        await started(client.stream("x", "demo-401"))


def look() -> str:
    """Look."""
    return ""


@pytest.mark.parametrize(
    ("ours", "more"),
    [(True, {}), (True, {"as_": {"type": "array"}}), (False, {"as_": list[int]}), (False, {"tools": [look]})],
    ids=["a request of ours", "a schema", "a type", "a tool"],
)
def test_the_code_of_a_person_stays_on_its_loop(client: sw.ChatClient, ours: bool, more: dict[str, Any]) -> None:
    """A type may have validators. They need not be safe in another thread."""
    stream = client.stream("x", **more)
    stream._run_apart()
    assert (stream._apart, stream.again()._apart) == (ours, ours)


async def test_a_client_or_a_function_of_a_person_stays_on_its_loop(server: DemoServer) -> None:
    """An ``http_client`` belongs to the loop of its connections. The function is called in a thread, as ever."""
    async with httpx.AsyncClient() as own:
        model = sw.Conversation()
        for stream in (
            sw.ChatClient(server.url, http_client=own).stream("x"),
            model.ask("x", lambda messages: "yes"),
        ):
            stream._run_apart()
            assert not stream._apart
            assert (await stream).outcome == "complete"


def test_the_process_ends_while_a_stream_runs_apart() -> None:
    """The thread ends with it. No warning of an unclosed loop or socket is printed."""
    with DemoServer() as server:
        command = [sys.executable, "-W", "always::ResourceWarning", "-c", END, server.url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=START, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "ends\n", "")
        assert server.requests[-1].left.wait(SOON)
