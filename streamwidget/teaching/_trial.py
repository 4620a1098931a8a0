"""One client, one answer, one verdict. The rules are the same for every client.

- ``whole``: the client returned the whole answer.
- ``reports it``: the client reported the cut, and kept the text. For example, this client raises
  ``StreamInterrupted`` and its ``completion`` has the text.
- ``crashes``: it raised an exception beyond those its library documents, or lost the text with it. For example,
  ``KeyError: 'choices'``.
- ``lies``: it returned a cut answer, or an empty one, as whole.
- ``hangs``: it showed no text, no answer and no error until the deadline.
"""

from __future__ import annotations

import asyncio
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
from streamwidget._core.loop import settler
from streamwidget._core.stream import ChatStream
from streamwidget._core.visible import one_line
from streamwidget.demo._faults import FAULTS
from streamwidget.teaching import naive

Verdict = Literal["whole", "reports it", "crashes", "lies", "hangs"]
OURS = "streamwidget"
#: The verdicts as people read them: "requests hung".
WORDS: dict[Verdict, str] = {
    "whole": "returned it whole",
    "reports it": "reported it",
    "crashes": "crashed",
    "lies": "returned half an answer as whole",
    "hangs": "hung",
}
#: The naive loops, by their library.
LOOPS: dict[str, Callable[..., str]] = {"requests": naive.with_requests, "openai": naive.with_openai}
_TICK = 0.1  # seconds
# The base of the documented exceptions of each library.
_ERRORS = {"requests": "RequestException", "openai": "OpenAIError"}


@dataclass(frozen=True, slots=True)
class Trial:
    """How one client handled one answer.

    Attributes
    ----------
    client : str
        "requests", "openai" or "streamwidget".
    verdict : str
        "whole", "reports it", "crashes", "lies" or "hangs".
    came : str
        The text on the screen of the client.
    kept : str
        The text in the hands of the program afterwards, returned or in the exception.
    says : str
        The client's own words on how the answer ended, or "".
    seconds : float
        From the request to the end, or to the deadline.

    Examples
    --------
    >>> print(Trial("requests", "lies", came="It is", kept="It is", says="", seconds=0.4))
    requests returned half an answer as whole: 5 characters
    >>> print(Trial("openai", "crashes", came="It is", kept="", says="KeyError: 'choices'", seconds=0.4))
    openai crashed: KeyError: 'choices'; lost 5 characters
    """

    client: str
    verdict: Verdict
    came: str
    kept: str
    says: str
    seconds: float

    @property
    def lost(self) -> int:
        """The number of characters that came and are lost."""
        return len(self.came) - len(self.kept)

    @property
    def words(self) -> str:
        """The verdict as a sentence about the client."""
        if self.verdict == "lies" and not self.kept:
            return "returned an empty answer as whole"
        return WORDS[self.verdict]

    @property
    def facts(self) -> str:
        """The reasons for the verdict, in a few words."""
        match self.verdict:
            case "hangs":
                fact = f"{len(self.came)} characters came"
            case "lies":
                fact = f"{len(self.kept)} characters"
            case "crashes":
                fact = f"lost {self.lost} characters"
            case _:
                fact = f"kept {len(self.kept)} characters"
        # A full stop before the semicolon would be doubled: "The answer is cut.; kept 41 characters".
        return f"{one_line(self.says).rstrip('.!')}; {fact}" if self.says else fact

    def __str__(self) -> str:
        return f"{self.client} {self.words}: {self.facts}"


def sentence_of(fault: str) -> str:
    """Return what the server does for a fault, or for "none".

    >>> sentence_of("none"), sentence_of("slow")
    ('answers as it should', 'sends two deltas a second')
    """
    return FAULTS[fault].sentence if fault in FAULTS else "answers as it should"


def available() -> tuple[str, ...]:
    """Return the clients whose libraries are installed, this one last."""
    return (*(name for name in LOOPS if find_spec(name)), OURS)


def judge(client: str, came: str, end: str | ChatCompletion | Exception, whole: str, seconds: float) -> Trial:
    """Return the verdict on ``end``, which the client returned or raised. ``whole`` is a healthy server's answer."""
    if isinstance(end, Exception):
        kept = end.completion.text if isinstance(end, StreamError) else ""
        says = one_line(f"{type(end).__name__}: {end}", 160)
        verdict: Verdict = "reports it" if isinstance(end, own_errors(client)) and kept == came else "crashes"
        return Trial(client, verdict, came, kept, says, seconds)
    text = str(end)
    if isinstance(end, ChatCompletion) and end.outcome != "complete":
        verdict = "reports it" if text == came else "crashes"
        return Trial(client, verdict, came, text, f"outcome {end.outcome}", seconds)
    return Trial(client, "whole" if text == whole else "lies", came, text, "", seconds)


def own_errors(client: str) -> type[Exception]:
    """Return the base of the exceptions that a client's library documents."""
    if client == OURS:
        return StreamError
    errors: type[Exception] = getattr(importlib.import_module(client), _ERRORS[client])
    return errors


_warm: set[str] = set()


def _unseen(_: str) -> None:
    pass


class _Screen:
    """Collects the text that a client shows, and notices when no more comes."""

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
        """Wait until it is over. Return False if no more text came for ``deadline`` seconds.

        The seconds are counted in ticks of the event loop. On a busy machine the ticks come late, like the text itself,
        so a busy machine does not make a client look as if it hangs.
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
    """Let a naive loop read a short answer once. Its library imports a lot at the first request, which takes time."""
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
    """Run a naive loop in a thread. Wait for its end, or until it shows no text for ``deadline`` seconds.

    A loop that hangs stays in its thread until the server closes the connection. Nothing else can end it. ``show`` is
    called in that thread.
    """
    await warm_up(client, url)
    over: asyncio.Future[str | Exception] = asyncio.get_running_loop().create_future()
    settle = settler(over)
    screen = _Screen(show)

    def work() -> None:
        end: str | Exception
        try:
            end = LOOPS[client](url, prompt, screen.add, demo=demo)
        except Exception as exc:  # noqa: BLE001  (the trial is about any exception)
            end = exc
        settle(end)

    try:
        threading.Thread(target=work, name=f"naive {client}", daemon=True).start()
    except RuntimeError:  # Pyodide: a task of its own waits as a thread would
        running = asyncio.ensure_future(asyncio.to_thread(work))
        over.add_done_callback(lambda _: running)  # the loop holds its tasks weakly
    if not await screen.wait(over, deadline):
        over.cancel()
        return screen.hangs(client, deadline)
    return judge(client, screen.text, over.result(), whole, screen.seconds)


async def try_stream(stream: ChatStream, *, whole: str, deadline: float) -> Trial:
    """Await a stream of this client, under the same rules."""
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
