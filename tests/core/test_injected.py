"""An exception at any line of a request: no frame that can be shown afterwards holds the key."""

from __future__ import annotations

import asyncio
import random
import sys
import warnings
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import h11
import httpcore
import httpx
import pytest

import streamwidget as sw
from streamwidget._core.secrets import shows_no_variables
from streamwidget.demo import DemoServer
from tests.support.deadlines import SOON
from tests.support.native import Server
from tests.support.pictures import PNG
from tests.support.servers import CANARY, QUICK
from tests.support.tool_models import PROVIDERS, Call, Says, says
from tests.support.tracebacks import below_the_test, shown, variables


def _folder(module: ModuleType) -> str:
    return str(Path(str(module.__file__)).parent)


OURS = _folder(sw)
#: The libraries of a request have frames with its headers.
TRACED = (OURS, _folder(httpx), _folder(httpcore), _folder(h11))
INJECTED = 500
LESS = {"max_tokens": 2}


class Injected(Exception):
    """Raised at a line of our choice."""


class Tracer:
    """Counts the lines of a request, and raises at one of them."""

    def __init__(self, at: int = -1, kind: type[BaseException] = Injected) -> None:
        self.count = 0
        self._at = at
        self._kind = kind

    def __call__(self, frame: FrameType, event: str, _: Any) -> Any:
        if not frame.f_code.co_filename.startswith(TRACED) or frame.f_code.co_filename.startswith(f"{OURS}/demo"):
            return None
        if frame.f_code.co_qualname.startswith(shows_no_variables.__name__):
            return None  # until it has called, its caller has the same variables
        if event == "line":
            self.count += 1
            if self.count == self._at:
                raise self._kind("injected")
        return self


@sw.tool(safe=True)
async def weather(city: str) -> str:
    """Return the weather."""
    return f"rain in {city}"


def client_of(url: str) -> sw.ChatClient:
    return sw.ChatClient(url, CANARY, retry=QUICK, headers={"X-Other": CANARY})


async def in_a_conversation(client: sw.ChatClient) -> object:
    conversation = sw.Conversation("Be brief.")
    await conversation.ask("x", client, **LESS)
    return await conversation.ask("y", client, **LESS)


async def recorded(client: sw.ChatClient) -> object:
    stream = client.stream("x", **LESS)
    stream.record()
    return await stream


def with_tools(provider: str) -> Callable[[str], Awaitable[object]]:
    """Return a way to ask twice in the API of a provider, with the result of a tool."""
    answers = Says("I look.", (Call("weather", '{"city": "Oslo"}'),), "Hm."), Says("It rains.")

    def ask(_: str) -> Awaitable[object]:
        return Server(says(provider, *answers)).client(provider, CANARY).stream("x", tools=[weather])

    return ask


#: Each takes an address, makes a client with a key, and asks.
WAYS: dict[str, Callable[[str], Awaitable[object]]] = {
    "stream": lambda url: client_of(url).stream("x", **LESS),
    "refused key": lambda url: client_of(url).stream("x", "demo-401-echo"),
    "complete": lambda url: client_of(url).complete("x", **LESS),
    "models": lambda url: client_of(url).models(),
    "value": lambda url: client_of(url).stream(
        "x", as_={"type": "integer"}, retries=1, demo={"text": '{"value": "no"}'}
    ),
    "files": lambda url: client_of(url).stream(sw.Message("user", "x", (sw.Image(PNG),)), **LESS),
    "conversation": lambda url: in_a_conversation(client_of(url)),
    "chat": lambda url: sw.ChatWidget(client_of(url), params=LESS).send("x"),
    "recorded": lambda url: recorded(client_of(url)),
    **{f"tools, {provider}": with_tools(provider) for provider in PROVIDERS},
}


def run(url: str, tracer: Tracer, way: str) -> BaseException | None:
    """Ask in one of the ways, and return what was raised."""

    async def ask() -> object:
        async with asyncio.timeout(SOON):
            sys.settrace(tracer)
            try:
                return await WAYS[way](url)
            finally:
                sys.settrace(None)

    loop = asyncio.SelectorEventLoop()
    loop.set_exception_handler(lambda *_: None)
    raised: BaseException | None = None
    try:
        loop.run_until_complete(ask())
    except BaseException as exc:  # noqa: BLE001  (interrupts too)
        raised = exc
    finally:
        sys.settrace(None)
        loop.close()
    return raised


@pytest.mark.fault("S17", "no frame shows the key, in any of 500 places, however it was asked")
@pytest.mark.filterwarnings("ignore")
def test_an_exception_at_any_line_shows_no_key(seen: Callable[[str], None]) -> None:
    """Lines of ours and of the HTTP library, at random. Half are interrupts."""
    with DemoServer(tokens_per_second=0, first_delta=0) as server, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lines = {}
        for way in WAYS:
            run(server.url, Tracer(), way)  # the first one also imports
            run(server.url, counted := Tracer(), way)
            lines[way] = counted.count
        chosen = random.Random(7)
        failed = 0
        for number in range(INJECTED):
            way = list(WAYS)[number % len(WAYS)]
            kind = Injected if number % 2 else KeyboardInterrupt
            failure = run(server.url, Tracer(chosen.randrange(1, lines[way]), kind), way)
            if failure is not None:
                failed += 1
                text = shown(below_the_test(failure)) if number % 49 == 0 else variables(failure)
                assert CANARY not in text, way
    assert failed > INJECTED / 2
    seen(f"{failed} of {INJECTED} exceptions came through, without the key")
