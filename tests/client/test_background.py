"""An answer in the background outlives its connection: it goes on, whole and once. A Stop ends it at the server."""

from __future__ import annotations

import json
import re
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import streamwidget as sw
from streamwidget._client import lasting
from streamwidget._client.retry import RetryPolicy
from tests.support.deadlines import until_async
from tests.support.servers import RawServer, first_delta, response

WORDS = ("The Elbe ", "is 1,094 km ", "long: 🏔️ ", "it ends ", "at Cuxhaven.")
TEXT = "".join(WORDS)


def events(*, background: bool = True) -> list[bytes]:
    """Return the events of one answer, numbered as the API does."""
    about: dict[str, Any] = {"id": "resp_1/x", "model": "m", "background": background, "status": "in_progress"}
    part = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    item = {"type": "message", "role": "assistant", "id": "msg_1"}
    whole = {**item, "content": [{"type": "output_text", "text": TEXT}]}
    usage = {"input_tokens": 9, "output_tokens": 7, "total_tokens": 16}
    made: list[dict[str, Any]] = [
        {"type": "response.created", "response": about},
        {"type": "response.output_item.added", "output_index": 0, "item": {**item, "content": []}},
        *({"type": "response.output_text.delta", **part, "delta": word} for word in WORDS),
        {"type": "response.output_text.done", **part, "text": TEXT},
        {"type": "response.output_item.done", "output_index": 0, "item": whole},
        {"type": "response.completed", "response": {**about, "status": "completed", "output": [whole], "usage": usage}},
    ]
    lines = [json.dumps({**event, "sequence_number": number}, ensure_ascii=False) for number, event in enumerate(made)]
    return [f"event: {event['type']}\ndata: {line}\n\n".encode() for event, line in zip(made, lines, strict=True)]


EVENTS = events()
BODY = b"".join(EVENTS)


def head(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")


def breaks(connection: socket.socket) -> None:
    """Close with a reset, as a broken connection does."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def after(request: bytes) -> int | None:
    """Return the number that a GET asks to go on after. None for the first request."""
    found = re.match(rb"GET /v1/responses/resp_1%2Fx\?stream=true&starting_after=(\d+) ", request)
    return int(found[1]) if found else None


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lasting, "_TRIES", RetryPolicy(attempts=3, wait_initial=0.001))


Rest = Callable[[socket.socket, int], None]


@contextmanager
def serve(first: bytes, rest: Rest, *, reset: bool = False) -> Iterator[RawServer]:
    """Answer the first request with some bytes, and each GET by ``rest``."""

    def answer(connection: socket.socket) -> None:
        number = after(server.requests[-1])
        if number is not None:
            rest(connection, number)
        elif server.requests[-1].startswith(b"POST /v1/responses/"):
            connection.sendall(response(b"{}", kind="application/json"))
        else:
            head(connection)
            connection.sendall(first)
            if reset:
                breaks(connection)

    with RawServer(answer) as server:
        yield server


def stream_of(server: RawServer, **params: Any) -> sw.ChatStream:
    client = sw.ChatClient(
        server.url, "k-0123456789", "m", provider="openai-responses", retry=sw.RetryPolicy(attempts=1)
    )
    return client.stream("How long is the Elbe?", **{"background": True, **params})


def sends_the_rest(connection: socket.socket, number: int) -> None:
    head(connection)
    connection.sendall(b"".join(EVENTS[number + 1 :]))


def posts(server: RawServer) -> int:
    return sum(request.startswith(b"POST") for request in server.requests)


@pytest.mark.parametrize("reset", [False, True])
async def test_it_goes_on_wherever_the_connection_broke(reset: bool) -> None:
    """Also in the middle of an event and of a character. The answer is whole, asked once, and the line says so."""
    step = 61 if reset else 43
    for cut in range(len(EVENTS[0]), len(BODY), step):
        with serve(BODY[:cut], sends_the_rest, reset=reset) as server:
            completion = await stream_of(server)
            assert (completion.text, completion.outcome) == (TEXT, "complete"), cut
            assert completion.usage is not None
            assert completion.usage.total_tokens == 16
            codes = [warning.code for warning in completion.warnings]
            if cut < len(BODY) - 2:  # the end of the last event may be missing
                assert codes == ["went_on"], cut
                assert "the connection broke, and the same answer went on" in str(completion._repr_mimebundle_())
            assert posts(server) == 1


async def test_it_goes_on_many_times() -> None:
    """Each time one event more. A connection with a piece of the answer counts as no failure."""

    def rest(connection: socket.socket, number: int) -> None:
        head(connection)
        connection.sendall(EVENTS[number + 1] + b"event: re")

    with serve(b"".join(EVENTS[:2]), rest) as server:
        completion = await stream_of(server)
        assert (completion.text, completion.outcome) == (TEXT, "complete")
        assert len(server.requests) == 1 + len(EVENTS) - 2
        assert json.loads(server.requests[0].partition(b"\r\n\r\n")[2])["store"] is True


async def test_an_event_that_comes_again_is_not_read_again() -> None:
    """A server may begin anew."""

    def rest(connection: socket.socket, _: int) -> None:
        head(connection)
        connection.sendall(BODY)

    with serve(b"".join(EVENTS[:5]), rest) as server:
        assert (await stream_of(server)).text == TEXT


GONE = {
    "closed": lambda connection: None,
    "404": lambda connection: connection.sendall(response(b"{}", status="404 Not Found", kind="application/json")),
    "503": lambda connection: connection.sendall(response(b"{}", status="503 Busy", kind="application/json")),
    "whole reply": lambda connection: connection.sendall(response(b'{"output": []}', kind="application/json")),
}


@pytest.mark.parametrize("gone", GONE)
async def test_an_answer_that_cannot_go_on_is_cut(gone: str) -> None:
    """The text stays. It is not asked a second time, because a second answer would be paid."""
    with serve(b"".join(EVENTS[:4]), lambda connection, _: GONE[gone](connection)) as server:
        with pytest.raises(sw.StreamError) as failed:
            await stream_of(server)
        assert failed.value.completion.text == WORDS[0] + WORDS[1]
        assert not failed.value.retryable
        assert posts(server) == 1


async def test_continue_goes_on_with_the_same_answer() -> None:
    """After minutes without a connection too: from the next event on, and not asked again. A Stop is final."""
    reachable = False

    def rest(connection: socket.socket, number: int) -> None:
        if reachable:
            sends_the_rest(connection, number)

    with serve(b"".join(EVENTS[:4]), rest) as server:
        stream = stream_of(server)
        with pytest.raises(sw.StreamInterrupted):
            await stream
        cut = stream.completion
        again = stream.again(go_on=True)
        with pytest.raises(sw.StreamInterrupted):
            await again
        assert again.completion.text == cut.text == WORDS[0] + WORDS[1]
        reachable = True
        whole = await again.again(go_on=True)
        assert (whole.text, whole.outcome, posts(server)) == (TEXT, "complete", 1)
        assert whole.usage is not None
        assert whole.original is not None
        assert [warning.code for warning in whole.warnings] == ["went_on"]
        assert stream.completion == cut


async def test_an_answer_that_is_gone_is_asked_for_in_words() -> None:
    """The server has forgotten it. Continue says so, and the next Continue asks for the rest."""
    known = True

    def rest(connection: socket.socket, _: int) -> None:
        if not known:
            GONE["404"](connection)

    with serve(b"".join(EVENTS[:4]), rest) as server:
        stream = stream_of(server)
        with pytest.raises(sw.StreamInterrupted):
            await stream
        known = False
        stream = stream.again(go_on=True)
        with pytest.raises(sw.HTTPStatusError):
            await stream
        assert (stream.completion.text, posts(server)) == (WORDS[0] + WORDS[1], 1)
        with pytest.raises(sw.StreamError):
            await stream.again(go_on=True)
        last = [request for request in server.requests if request.startswith(b"POST")][-1]
        assert b"Go on exactly where you stopped" in last


async def test_without_background_a_broken_answer_is_cut() -> None:
    """The server does not write on, so there is nothing to go on with."""
    with serve(b"".join(events(background=False)[:4]), sends_the_rest) as server:
        with pytest.raises(sw.StreamInterrupted):
            await stream_of(server, background=None)
        assert len(server.requests) == 1


@pytest.mark.parametrize("heard", [True, False])
async def test_a_stop_ends_it_at_the_server(heard: bool) -> None:
    """The model would write on there, and that would be paid. If the server cannot hear it, the line says so."""

    def answer(connection: socket.socket) -> None:
        if server.requests[-1].startswith(b"POST /v1/responses/resp_1%2Fx/cancel "):
            connection.sendall(response(b"{}", status="200 OK" if heard else "500 No", kind="application/json"))
            return
        head(connection)
        connection.sendall(b"".join(EVENTS[:4]))
        connection.recv(1)

    with RawServer(answer) as server:
        stream = stream_of(server)
        await first_delta(stream)
        stream.cancel()
        completion = await stream
        assert (completion.outcome, completion.text) == ("cancelled", WORDS[0] + WORDS[1])
        await until_async(lambda: len(server.requests) == 2)
        assert b"/cancel " in server.requests[-1]
        assert [warning.code for warning in completion.warnings] == ([] if heard else ["not_stopped"])


async def test_a_whole_reply_that_is_still_written_is_not_an_answer() -> None:
    """Asked at once, the server only says that it has begun."""
    queued = response(
        b'{"id": "resp_1", "background": true, "status": "queued", "output": []}', kind="application/json"
    )
    with RawServer(queued) as server:
        client = sw.ChatClient(server.url, "k-0123456789", "m", provider="openai-responses")
        with pytest.raises(sw.StreamError):
            await client.complete("How long is the Elbe?", background=True)
