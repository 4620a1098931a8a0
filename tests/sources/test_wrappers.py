"""What wraps a stream, what says where its text is, and what is refused with the line to paste."""

from __future__ import annotations

import asyncio
import contextlib
import json
import queue
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

import streamwidget as sw
from streamwidget._dialects import registry
from streamwidget._sources import as_stream
from streamwidget.demo import DemoServer
from tests.support.deadlines import SOON
from tests.support.servers import failure_of, first_delta

ASKED = {"model": "demo", "messages": [{"role": "user", "content": "count to 3"}], "stream": True}
COUNTED = ["1", "2", "3"]
EVENTS = [
    {"id": "1", "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": end}]}
    for text, end in (("Grü", None), ("ezi\u2028!", "stop"))
]
WIRE = "".join(f"data: {json.dumps(event, ensure_ascii=False)}\n\n" for event in EVENTS) + "data: [DONE]\n\n"


async def each(items: list[Any]) -> AsyncIterator[Any]:
    for item in items:
        yield item


def lines() -> list[str]:
    return WIRE.split("\n")


@pytest.mark.parametrize(
    "items",
    [
        [WIRE.encode()],
        [bytes([byte]) for byte in WIRE.encode()],
        [WIRE[:20].encode(), WIRE[20:].encode()],
        [line.encode() for line in lines()],
        [f"{line}\n".encode() for line in lines()],
        lines(),
        ["", *lines()],
        [": OPENROUTER PROCESSING", "", *lines()],
        [json.dumps(event).encode() + b"\n" for event in EVENTS],
        [WIRE],
    ],
)
async def test_the_wire_is_decoded_as_our_own(items: list[Any]) -> None:
    """Bytes cut anywhere, lines with and without their ends, strings, JSON lines."""
    for source in (iter(items), each(items)):
        completion = await as_stream(source)
        assert (completion.text, completion.outcome, completion.finish_reason) == ("Grüezi\u2028!", "complete", "stop")


async def test_the_wire_that_breaks_off_is_not_complete() -> None:
    """It has no word for the end. An error in it has its own words."""
    assert (await failure_of(as_stream([WIRE[:70].encode()]))).outcome == "interrupted"
    failure = await failure_of(as_stream([b'data: {"error": {"message": "busy"}}\n\n']))
    assert (failure.outcome, failure.error.message) == ("error", "busy")
    page = await failure_of(as_stream([b"<html>Log in"]))
    assert "web page" in page.error.message


async def test_plain_text_in_bytes_is_text() -> None:
    """A character may be cut between two items."""
    data = "Grüezi 🏔️".encode()
    completion = await as_stream([bytes([byte]) for byte in data])
    assert (completion.text, completion.outcome) == ("Grüezi 🏔️", "complete")


async def test_http_responses_are_sources(server: DemoServer) -> None:
    """Responses of httpx, opened and not opened, in both clients. A stop closes them."""
    url = f"{server.url}/chat/completions"
    with httpx.Client() as client, client.stream("POST", url, json=ASKED) as response:  # noqa: ASYNC212
        assert (await as_stream(response)).text.split() == COUNTED
    with httpx.Client() as client:
        opening = client.stream("POST", url, json=ASKED)
        assert (await as_stream(opening)).text.split() == COUNTED
    async with httpx.AsyncClient() as client:
        assert (await as_stream(client.stream("POST", url, json=ASKED))).text.split() == COUNTED
        async with client.stream("POST", url, json=ASKED) as response:
            assert (await as_stream(response)).text.split() == COUNTED
        async with client.stream("POST", url, json={**ASKED, "model": "demo-stall"}) as response:
            stream = as_stream(response)
            await first_delta(stream)
            stream.cancel()
            assert (await stream).outcome == "cancelled"
            assert response.is_closed
        wrong = await failure_of(as_stream(client.stream("POST", url, json={**ASKED, "model": "demo-401"})))
        assert "Incorrect API key" in wrong.error.message


@pytest.mark.parametrize("end", [None, object(), ..., StopIteration])
async def test_queues_end_with_a_sentinel(end: Any) -> None:
    """A blocking queue is read in a thread, an asyncio queue on the loop."""
    blocking: queue.Queue[Any] = queue.Queue()
    waiting: asyncio.Queue[Any] = asyncio.Queue()
    for item in ("Hello ", "there.", end):
        blocking.put(item)
        waiting.put_nowait(item)
    for source in (blocking, waiting):
        completion = await as_stream(source)
        assert (completion.text, completion.outcome) == ("Hello there.", "complete")


async def test_a_queue_stops_and_fails() -> None:
    """A stop does not wait for the next item. An exception in it is the source's."""
    for source in (queue.Queue[Any](), asyncio.Queue[Any]()):
        put: Any = source.put_nowait
        put("a")
        stream = as_stream(source)
        await first_delta(stream)
        stream.cancel()
        completion = await stream
        assert (completion.text, completion.outcome, completion.warnings) == ("a", "cancelled", ())
        put(ValueError("broken"))
        assert "ValueError: broken" in (await failure_of(as_stream(source))).error.message


@dataclass
class Body:
    said: str


@dataclass
class Piece:
    number: int
    body: Body


PIECES = [Piece(1, Body("Hel")), Piece(2, Body("lo"))]


@pytest.mark.parametrize("text", ["body.said", lambda piece: piece.body.said])
async def test_the_person_says_where_the_text_is(text: str | Callable[[Any], Any]) -> None:
    """A path or a function. Texts that grow are shown once."""
    assert (await as_stream(iter(PIECES), text)).text == "Hello"
    assert (await as_stream(each(PIECES), text)).text == "Hello"
    grown = [Piece(1, Body("Hel")), Piece(2, Body("Hello")), Piece(3, Body("Hello!"))]
    assert (await as_stream(iter(grown), text)).text == "Hello!"


async def test_a_path_that_leads_nowhere_names_those_that_lead_to_text() -> None:
    """So does a path to something else than text, and a function that raises keeps its words."""
    assert (
        "No item has a field body.text. Fields with text: body.said"
        in (await failure_of(as_stream(iter(PIECES), "body.text"))).error.message
    )
    assert "gives a int, not a str" in (await failure_of(as_stream(iter(PIECES), "number"))).error.message
    assert "KeyError" in (await failure_of(as_stream([{}], lambda item: item["x"]))).error.message
    with pytest.raises(sw.ConfigurationError, match="a path such as"):
        as_stream(["a"], 7)  # type: ignore[arg-type]


async def test_a_refusal_has_the_line_to_paste() -> None:
    """It is right for the source's kind: the printed expression is run, and shows the answer."""
    for source in (iter, each):
        failure = await failure_of(as_stream(source(PIECES)))
        message = failure.error.message
        assert isinstance(failure, sw.ProtocolError)
        assert "The source gave a Piece" in message
        assert '.body.said ("Hel")' in message
        pasted = message.partition(", or show(")[2].removesuffix(").")
        again = eval(pasted, {"source": source(PIECES)})
        assert (await as_stream(again)).text == "Hello"
    nested = await failure_of(as_stream([{"out": [{"said": "Hel"}]}]))
    assert 'item["out"][0]["said"] for item in source' in nested.error.message
    assert "no field with text" in (await failure_of(as_stream([{"a": 1}]))).error.message


@pytest.mark.parametrize(
    ("texts", "shown"),
    [
        (["Hel", "Hello", "Hello there"], "Hello there"),
        (["", "Hel", "Hel", "Hello", "Hello"], "HelHelHelloHello"),
        (["The answer", "The answer is 4."], "The answer is 4."),
        (["Ha", "Haha", "!"], "HaHaha!"),
        (["a", "ab"], "aab"),
        (["1", "10", "2"], "1102"),
        (["=", "=", "="], "==="),
        (["Hello", " there"], "Hello there"),
    ],
)
async def test_texts_that_grow_are_told_from_pieces(texts: list[str], shown: str) -> None:
    """Each rule of :mod:`streamwidget._dialects.growth`, and what only looks like it."""
    assert (await as_stream(texts)).text == shown


async def test_a_grown_text_that_changes_is_warned_of() -> None:
    """What was shown stays, and the line under the answer says so."""
    completion = await as_stream(["One", "One two", "One two three", "Two one three four"])
    assert completion.text == "One two three"
    assert [warning.code for warning in completion.warnings] == ["rewritten"]


async def test_wrappers_are_opened_and_closed() -> None:
    """The results of agents' runs and SDKs' raw responses, and what a stop does to them."""
    log: list[str] = []

    class Run:
        def stream_events(self) -> AsyncIterator[Any]:
            return each(["Hello"])

        def cancel(self) -> None:
            log.append("cancelled")

    class Raw:
        http_response = object()

        @property
        def content(self) -> bytes:
            raise RuntimeError("not read")

        def parse(self) -> Iterator[str]:
            return iter(["Hello"])

    class Result:
        def get_output(self) -> None: ...

        def stream_text(self, *, delta: bool) -> AsyncIterator[str]:
            assert delta
            return each(["Hello"])

    @contextlib.asynccontextmanager
    async def run_stream() -> AsyncIterator[Result]:
        yield Result()

    class Engine:
        response_gen = iter(["Hello"])

    reply = {"ResponseMetadata": {}, "stream": ["Hello"]}
    for source in (Run(), Raw(), Result(), run_stream(), Engine(), reply, [[1]] and ["Hello"]):
        completion = await as_stream(source)
        assert (completion.text, completion.outcome) == ("Hello", "complete"), source
    assert log == []


async def test_a_manager_of_nothing_is_refused_in_words() -> None:
    """It is not a fault of ours."""

    class Managed:
        async def __aenter__(self) -> Any:
            return 7

        async def __aexit__(self, *_: object) -> None: ...

    failure = await failure_of(as_stream(Managed()))
    assert "class int is not a stream" in failure.error.message
    assert "report" not in failure.error.message


async def test_a_stream_whose_items_hold_nothing_is_not_complete() -> None:
    """The provider's own word for the end does not change that."""
    for items in ([{"choices": []}, {"choices": [{"delta": {}, "finish_reason": "stop"}]}], ["", " "][:1]):
        assert (await failure_of(as_stream(items))).outcome in ("protocol_error", "interrupted")


async def test_a_toy_dialect_is_one_class() -> None:
    """It is asked before the built-in ones, and keeps its state for one stream only."""

    @sw.register_dialect
    class Toy:
        plain_end = False

        def __init__(self) -> None:
            self.count = 0

        @staticmethod
        def fits(item: Any) -> bool:
            return isinstance(item, dict) and "toy" in item

        def parse(self, item: Any) -> list[sw.StreamEvent]:
            self.count += 1
            if item["toy"] is None:
                return [sw.Finish("over", "complete")]
            return [sw.TextDelta(f"{self.count}{item['toy']} "), sw.Usage(1, self.count)]

    try:
        for _ in range(2):
            completion = await as_stream([{"toy": "a"}, {"toy": "b"}, {"toy": None}])
            assert (completion.text, completion.finish_reason) == ("1a 2b ", "over")
            assert completion.usage == sw.Usage(1, 2)
        assert (await failure_of(as_stream([{"toy": "a"}]))).outcome == "interrupted"
        with pytest.raises(sw.ConfigurationError, match="takes a class"):
            sw.register_dialect(Toy())  # type: ignore[type-var]
        with pytest.raises(sw.ConfigurationError, match="has no plain_end"):
            sw.register_dialect(dict)
    finally:
        registry._registered.clear()


async def test_a_callable_as_a_model() -> None:
    """Sync, async, generators, a text, our own stream, what needs the loop: each call and each retry."""
    calls = 0

    def text(messages: list[dict[str, Any]]) -> str:
        nonlocal calls
        calls += 1
        return f"{len(messages)} {messages[-1]['content']}"

    async def coroutine(messages: list[dict[str, Any]]) -> str:
        return text(messages)

    def generator(messages: list[dict[str, Any]]) -> Iterator[str]:
        yield text(messages)

    async def async_generator(messages: list[dict[str, Any]]) -> AsyncIterator[str]:
        yield text(messages)

    def on_the_loop(messages: list[dict[str, Any]]) -> Any:
        return asyncio.get_running_loop().create_task(coroutine(messages))

    class Bot:
        def __call__(self, messages: list[dict[str, Any]]) -> Any:
            return coroutine(messages)

    for answer in (text, coroutine, generator, async_generator, on_the_loop, Bot(), lambda m: each([text(m)])):
        conversation, calls = sw.Conversation(system="Be brief."), 0
        stream = conversation.ask("Hi", answer)
        assert calls == 0
        completion = await stream
        assert (completion.text, completion.outcome, calls) == ("2 Hi", "complete", 1)
        assert [one.code for one in completion.warnings] == ["called_twice"] * (answer is on_the_loop)
        assert (await stream.again()).text == "2 Hi"
        rest = await stream.again(go_on=True)
        assert rest.text.startswith("2 Hi4 Go on")
        assert [turn.sent for turn in conversation.turns] == [True]


async def test_a_stop_closes_what_a_callable_returned() -> None:
    """Its ``finally`` has run before the stream is over. The turn has the text so far."""
    closed: list[str] = []

    def blocking(_messages: Any) -> Iterator[str]:
        try:
            while True:
                yield "a"
        finally:
            closed.append("sync")

    async def waiting(_messages: Any) -> AsyncIterator[str]:
        try:
            yield "a"
            await asyncio.Event().wait()
        finally:
            closed.append("async")

    for answer in (blocking, waiting):
        conversation = sw.Conversation()
        stream = conversation.ask("Hi", answer)
        await first_delta(stream)
        stream.cancel()
        assert (await stream).outcome == "cancelled"
        assert conversation.turns[0].sent
    assert closed == ["sync", "async"]


async def test_our_own_stream_within_a_callable(server: DemoServer) -> None:
    """Its end, its mark, its model and its failure are the answer's. A stop reaches its connection."""
    client = sw.ChatClient(server.url)
    conversation = sw.Conversation()
    completion = await conversation.ask("count to 3", client.stream)
    assert (completion.text.split(), completion.demo, completion.model) == (COUNTED, True, "demo")
    assert completion.usage is not None
    failure = await failure_of(conversation.ask("x", lambda messages: client.stream(messages, "demo-401")))
    assert isinstance(failure, sw.HTTPStatusError)
    inner: list[sw.ChatStream] = []

    def stalls(messages: Any) -> sw.ChatStream:
        inner.append(client.stream(messages, "demo-stall"))
        return inner[-1]

    stream = conversation.ask("x", stalls)
    await first_delta(stream)
    stream.cancel()
    assert (await stream).outcome == "cancelled"
    async with asyncio.timeout(SOON):
        assert (await inner[0]).outcome == "cancelled"


async def test_callables_that_do_wrong() -> None:
    """None, a number, an argument that is not taken, an exception: a sentence each, and no turn without an answer."""
    conversation = sw.Conversation()

    def plain(messages: list[Any]) -> Any:
        return results[len(messages)]

    results: dict[int, Any] = {1: None}
    assert "plain() returned None" in (await failure_of(conversation.ask("x", plain))).error.message
    results = {1: 7}
    assert "class int is not a stream" in (await failure_of(conversation.ask("x", plain))).error.message
    results = {}
    failure = await failure_of(conversation.ask("x", plain))
    assert (failure.error.message, failure.outcome) == ("KeyError: 1", "error")
    with pytest.raises(TypeError, match=r"plain\(\) takes no argument temperature"):
        conversation.ask("x", plain, temperature=1)
    with pytest.raises(sw.ConfigurationError, match="takes no model"):
        conversation.ask("x", plain, model="m")
    for wrong in (None, 7, "model", sw.Conversation):
        with pytest.raises(sw.ConfigurationError, match="Pass a ChatClient, a callable"):
            conversation.ask("x", wrong)
    assert len(conversation) == 3


async def test_an_sdks_client_is_a_model(server: DemoServer) -> None:
    """openai's two clients, known by their shape. Without a model they say what is missing."""
    import openai

    key = "sk-only-for-tests-0123456789"
    for kind in (openai.OpenAI, openai.AsyncOpenAI):
        client: Any = kind(base_url=server.url, api_key=key)
        conversation = sw.Conversation(system="Be brief.")
        completion = await conversation.ask("count to 3", client, model="demo", temperature=0)
        assert (completion.text.split(), completion.outcome, completion.demo) == (COUNTED, "complete", True)
        with pytest.raises(sw.ConfigurationError, match="No model chosen for the"):
            conversation.ask("x", client)
    assert server.requests[-1].body["messages"][0] == {"role": "system", "content": "Be brief."}
