"""An exception at any line of a request: no frame that can be shown afterwards holds the key."""

from __future__ import annotations

import asyncio
import random
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import h11
import httpcore
import httpx
import pytest

import streamwidget as sw
from streamwidget.demo import DemoServer
from tests.support.servers import CANARY, QUICK
from tests.support.tracebacks import shown, variables


def _folder(module: ModuleType) -> str:
    return str(Path(str(module.__file__)).parent)


OURS = _folder(sw)
#: The libraries of a request have frames with its headers.
TRACED = (OURS, _folder(httpx), _folder(httpcore), _folder(h11))
INJECTED = 500


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
        if event == "line":
            self.count += 1
            if self.count == self._at:
                raise self._kind("injected")
        return self


def run(url: str, tracer: Tracer, model: str = "demo") -> BaseException | None:
    """Make a client with a key, ask, and return what was raised."""

    async def ask() -> object:
        client = sw.ChatClient(url, CANARY, retry=QUICK)
        stream = client.stream("x", model, max_tokens=2)
        sys.settrace(tracer)
        try:
            return await stream
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


@pytest.mark.fault("S17", "no frame shows the key, in any of 500 places")
@pytest.mark.filterwarnings("ignore")
def test_an_exception_at_any_line_shows_no_key(seen: Callable[[str], None]) -> None:
    """Lines of ours and of the HTTP library, at random. Half are interrupts. A fifth of the answers repeat the key."""
    with DemoServer(tokens_per_second=0, first_delta=0) as server, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for counted in (Tracer(), Tracer()):  # the first request also imports
            assert run(server.url, counted) is None
        chosen = random.Random(7)
        failed = 0
        for number in range(INJECTED):
            kind = Injected if number % 2 else KeyboardInterrupt
            model = "demo-401-echo" if number % 5 == 0 else "demo"
            failure = run(server.url, Tracer(chosen.randrange(1, counted.count), kind), model)
            if failure is not None:
                failed += 1
                text = shown(failure) if number % 49 == 0 else variables(failure)
                assert CANARY not in text
    assert failed > INJECTED / 2
    seen(f"{failed} of {INJECTED} exceptions came through, without the key")
