"""One client, one answer, one verdict: the same rules for every client.

- ``whole``: the whole answer was returned.
- ``says so``: it is not whole; the client said so, and nothing that came is lost.
- ``crashes``: an exception that the client's library does not name as its own, or one that took with it what had come.
- ``lies``: a part of the answer, or nothing, was returned as though it were the answer.
- ``hangs``: nothing for so long that the deadline came: no text, no answer, no error.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal

from streamwidget._core.completion import ChatCompletion
from streamwidget._core.events import StreamEvent, TextDelta
from streamwidget._core.exceptions import StreamError
from streamwidget._core.stream import ChatStream
from streamwidget._core.visible import one_line
from streamwidget.teaching import naive

Verdict = Literal["whole", "says so", "crashes", "lies", "hangs"]
OURS = "streamwidget"
#: The naive loops by the library that each needs.
LOOPS: dict[str, Callable[..., str]] = {"requests": naive.with_requests, "openai": naive.with_openai}
_TICK = 0.1  # seconds
_ERRORS = {"requests": "RequestException", "openai": "OpenAIError"}  # the base of what a library raises


@dataclass(frozen=True, slots=True)
class Trial:
    """What a client made of an answer.

    Attributes
    ----------
    client : str
        "requests", "openai" or "streamwidget".
    verdict : str
        "whole", "says so", "crashes", "lies" or "hangs".
    came : str
        The text that it showed.
    kept : str
        The text that the program has in hand afterwards: returned, or held by the exception.
    says : str
        The client's own words on how it ended; "" where it has none.
    seconds : float
        From the request to the end, or until it was given up.
    """

    client: str
    verdict: Verdict
    came: str
    kept: str
    says: str
    seconds: float

    @property
    def lost(self) -> int:
        """Characters that came and are in nobody's hand."""
        return len(self.came) - len(self.kept)

    @property
    def facts(self) -> str:
        """The verdict's reasons, in a few words."""
        match self.verdict:
            case "hangs":
                fact = f"given up after {len(self.came)} characters"
            case "lies":
                fact = f"returned {len(self.kept)} characters as the answer"
            case "crashes":
                fact = f"{self.lost} characters lost"
            case _:
                fact = f"{len(self.kept)} characters kept"
        return f"{self.says}; {fact}" if self.says else fact

    def __str__(self) -> str:
        return f"{self.client} {self.verdict}: {self.facts}"


def available() -> tuple[str, ...]:
    """The clients that can be tried here, this one last."""
    return (*(name for name in LOOPS if find_spec(name)), OURS)


def judge(client: str, came: str, end: str | ChatCompletion | Exception, whole: str, seconds: float) -> Trial:
    """Give the verdict on what a client returned or raised; ``whole`` is the answer as a healthy server gives it."""
    if isinstance(end, Exception):
        kept = end.completion.text if isinstance(end, StreamError) else ""
        says = one_line(f"{type(end).__name__}: {end}", 160)
        verdict: Verdict = "says so" if isinstance(end, own_errors(client)) and kept == came else "crashes"
        return Trial(client, verdict, came, kept, says, seconds)
    text = str(end)
    if isinstance(end, ChatCompletion) and end.outcome != "complete":
        return Trial(client, "says so" if text == came else "crashes", came, text, f"outcome {end.outcome}", seconds)
    return Trial(client, "whole" if text == whole else "lies", came, text, "", seconds)


def own_errors(client: str) -> type[Exception]:
    """What a client's library promises to raise."""
    if client == OURS:
        return StreamError
    errors: type[Exception] = getattr(importlib.import_module(client), _ERRORS[client])
    return errors


_warm: set[str] = set()


def _unseen(_: str) -> None:
    pass


class _Screen:
    """Takes what a client shows, and notices when nothing more comes."""

    def __init__(self, show: naive.Show) -> None:
        self._show = show
        self._parts: list[str] = []
        self._begun = time.monotonic()

    def add(self, text: str) -> None:
        self._parts.append(text)
        self._show(text)

    @property
    def text(self) -> str:
        return "".join(self._parts)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._begun

    async def wait(self, over: asyncio.Future[Any], deadline: float) -> bool:
        """Wait until it is over; False where nothing more was shown for ``deadline`` seconds.

        Counted in ticks of the event loop: where the machine is short of time they come late, as does what is waited
        for, and nobody is said to hang for that.
        """
        seen, silent = len(self._parts), 0.0
        while not over.done():
            if silent >= deadline:
                return False
            await asyncio.wait([over], timeout=_TICK)
            silent = silent + _TICK if len(self._parts) == seen else 0.0
            seen = len(self._parts)
        return True

    def hangs(self, client: str, deadline: float) -> Trial:
        return Trial(client, "hangs", self.text, "", f"nothing more for {deadline:g} s", self.seconds)


async def warm_up(client: str, url: str) -> None:
    """Let a naive loop read a short answer, once: what a library imports at its first request belongs to no verdict."""
    if client not in _warm:
        await asyncio.to_thread(LOOPS[client], url, "count to 1", _unseen, demo={"first_delta": 0})
        _warm.add(client)


async def try_naive(
    client: str,
    url: str,
    prompt: str,
    demo: dict[str, Any],
    *,
    whole: str,
    deadline: float,
    show: naive.Show = _unseen,
) -> Trial:
    """Run a naive loop in a thread, and wait for its end, or until it showed nothing for ``deadline`` seconds.

    A loop that hangs goes on in its thread until the server closes the connection: nothing else ends it, which is the
    point. ``show`` is called in that thread.
    """
    await warm_up(client, url)
    loop = asyncio.get_running_loop()
    over: asyncio.Future[str | Exception] = loop.create_future()
    screen = _Screen(show)

    def settle(end: str | Exception) -> None:
        if not over.done():
            over.set_result(end)

    def work() -> None:
        end: str | Exception
        try:
            end = LOOPS[client](url, prompt, screen.add, demo=demo)
        except Exception as exc:  # noqa: BLE001  (what it may be is what is being tried)
            end = exc
        with contextlib.suppress(RuntimeError):  # the event loop has gone before the thread
            loop.call_soon_threadsafe(settle, end)

    threading.Thread(target=work, name=f"naive {client}", daemon=True).start()
    if not await screen.wait(over, deadline):
        over.cancel()
        return screen.hangs(client, deadline)
    return judge(client, screen.text, over.result(), whole, screen.seconds)


async def try_stream(stream: ChatStream, *, whole: str, deadline: float) -> Trial:
    """Await a stream of this client under the same rules."""
    screen = _Screen(_unseen)

    def note(events: list[StreamEvent]) -> None:
        for event in events:
            if isinstance(event, TextDelta):
                screen.add(event.text)

    stream.subscribe(note)
    over = asyncio.ensure_future(_end_of(stream))
    try:
        if not await screen.wait(over, deadline):
            return screen.hangs(OURS, deadline)
        return judge(OURS, screen.text, over.result(), whole, screen.seconds)
    finally:
        stream.cancel()


async def _end_of(stream: ChatStream) -> ChatCompletion | StreamError:
    try:
        return await stream
    except StreamError as exc:
        return exc
