"""Play a recorded stream: the same bytes at the same times, through the real decoder, timers and view."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from pathlib import Path

from streamwidget._client.attempts import Attempts
from streamwidget._client.connection import Connection
from streamwidget._client.exchange import Publish
from streamwidget._client.http import BodyError, HTTPRequest, Response
from streamwidget._client.request import Request
from streamwidget._client.retry import RetryPolicy
from streamwidget._client.servers import dialect_named
from streamwidget._core.events import Outcome, StreamWarning, ToolResult
from streamwidget._core.exceptions import ConfigurationError, ConnectionFailed
from streamwidget._core.recording import (
    ChunkReceived,
    Recording,
    RequestFailed,
    RequestSent,
    ResponseEnded,
    ResponseStarted,
    ToolReturned,
    WireRecord,
)
from streamwidget._core.stream import ChatStream
from streamwidget._core.timeout import Timeout
from streamwidget._dialects.dialect import Question


def replay(recording: Recording | str | Path, speed: float = 1.0) -> ChatStream:
    """Play a recorded stream again, with the same times. Nothing is sent.

    Parameters
    ----------
    recording : Recording, str or Path
        A recording made by :meth:`ChatStream.record <streamwidget.ChatStream.record>`, or its file.
    speed : float, default 1
        How fast. 2 is twice as fast, and the recorded limits also pass twice as fast.

    Returns
    -------
    ChatStream
        You can await, iterate or show it like any other. It ends as the recorded stream ended.

    Raises
    ------
    ConfigurationError
        If the file is not a recording, the recording is empty or has not ended, or ``speed`` is not a positive number.
    OSError
        If the file cannot be read.

    Examples
    --------
    >>> import streamwidget as sw
    >>> stream = sw.ChatClient().stream("Name three rivers.", max_tokens=3)
    >>> recording = stream.record("rivers.json")
    >>> stream.wait().text
    '## Name three'
    >>> sw.replay("rivers.json", speed=2).wait().text
    '## Name three'
    """
    if not isinstance(recording, Recording):
        recording = Recording.load(recording)
    if not 0 < speed < float("inf"):
        raise ConfigurationError(f"speed must be a positive number, not {speed!r}.")
    if recording.outcome is None or not recording.attempts:
        raise ConfigurationError("There is nothing to play: the recording is empty, or its stream has not ended.")
    transport = _Player(recording, speed)
    limits = {field.name: getattr(recording.limits, field.name) for field in fields(Timeout)}
    timeout = Timeout(**{name: limit and limit / speed for name, limit in limits.items()})
    try:
        dialect = dialect_named(recording.dialect)
    except KeyError:
        raise ConfigurationError(f"The recording is in an unknown dialect: {recording.dialect!r}.") from None
    request = Request(transport, dialect, Question((), recording.model, {}, stream=recording.streamed))
    stream = ChatStream(_Replay(request, timeout, transport))
    if recording.outcome == "cancelled":
        transport.stop = stream.cancel
    return stream


class _Replay(Attempts):
    """The requests of a replay. A recording answers only once, and no tool runs again."""

    repeatable = False

    def __init__(self, request: Request, limits: Timeout, player: _Player) -> None:
        super().__init__(request, limits, player.waits())
        self._player = player

    async def run(self, publish: Publish) -> Outcome:
        """Play the requests until the recorded answer ends. Return how it ended."""
        outcome = await super().run(publish)
        while outcome == "complete":
            results = self._player.results()
            for record in results:
                await self._player.until(record.at)
                publish(self.accumulator.take([self._fitting(record.result)]))
            if not self._player.has_more:
                return await self._end(publish) if results else outcome
            self._earlier, self._replaces = self.accumulator, not results
            self._retry = self._player.waits()
            outcome = await super().run(publish)
        return outcome

    def _fitting(self, result: ToolResult) -> ToolResult:
        """Return a result for a call of this replay. A call without an id had another one of ours then."""
        known = any(call.id == result.id for call in self.accumulator.tool_calls)
        return result if known else replace(result, id=None)

    async def _end(self, publish: Publish) -> Outcome:
        """End after the last tools, as the person or ``max_steps`` ended the recorded answer there."""
        recorded = self._player.outcome
        if recorded == "cancelled":
            await self._player.leave()
        if recorded == "length":
            detail = "stopped by streamwidget: the model still called a tool in the last step (max_steps)"
            if (warning := self.accumulator.apply(StreamWarning("max_steps", detail))) is not None:
                publish([warning])
        return "length" if recorded == "length" else "complete"

    def again(self, *, go_on: bool) -> Attempts:
        what = "go on where its recording ends" if go_on else "be asked again"
        raise ConfigurationError(f"A replay cannot {what}. To see it once more, call replay() again.")


@dataclass(frozen=True, slots=True)
class _RecordedWaits(RetryPolicy):
    """The waits between the recorded requests. After the last one no request follows."""

    waits: tuple[float, ...] = ()

    def delay(self, failed: int, *_: object) -> float | None:
        return self.waits[failed - 1] if failed <= len(self.waits) else None


class _Player:
    """A transport that answers each request with the next recorded response."""

    is_ours = True

    def __init__(self, recording: Recording, speed: float) -> None:
        self.secrets = recording.secrets
        first = recording.attempts[0][0]
        self.base_url = first.url if isinstance(first, RequestSent) else ""  # messages name its host
        self.outcome = recording.outcome
        self._attempts = recording.attempts
        self._played = 0
        self._speed = speed
        self._begun: float | None = None
        #: Called at the moment when the person stopped the recorded stream.
        self.stop: Callable[[], None] | None = None

    @property
    def has_more(self) -> bool:
        """True if a request was recorded that has not been played."""
        return self._played < len(self._attempts)

    def results(self) -> list[ToolReturned]:
        """Return what the tools returned that the last answer called."""
        return [record for record in self._attempts[self._played - 1] if isinstance(record, ToolReturned)]

    def waits(self) -> _RecordedWaits:
        """Return the waits between the requests that have not been played."""
        attempts = self._attempts[self._played :]
        waits = tuple((after[0].at - before[-1].at) / self._speed for before, after in pairwise(attempts))
        return _RecordedWaits(attempts=len(attempts), waits=waits)

    @contextlib.asynccontextmanager
    async def open(self, request: HTTPRequest, *, connection: Connection) -> AsyncIterator[Response]:
        del request, connection  # nothing is sent
        if self._begun is None:
            self._begun = time.monotonic()
        records = iter(self._attempts[self._played])
        self._played += 1
        async for record in self._play(records):
            if isinstance(record, RequestFailed):
                raise ConnectionFailed(record.error, retryable=record.retryable)
            if isinstance(record, ResponseStarted):
                yield _PlayedResponse(record, self._play(records))
                return
        await self.leave()

    async def _play(self, records: Iterator[WireRecord]) -> AsyncIterator[WireRecord]:
        for record in records:
            await self.until(record.at)
            if isinstance(record, ResponseEnded) and record.how == "left":
                await self.leave()
            yield record

    async def until(self, at: float) -> None:
        assert self._begun is not None
        wait = self._begun + at / self._speed - time.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)

    async def leave(self) -> None:
        """Wait to be stopped. At this point of the recording the person or a limit ended the stream."""
        if self.stop is not None:
            self.stop()
        await asyncio.Event().wait()


class _PlayedResponse:
    def __init__(self, started: ResponseStarted, records: AsyncIterator[WireRecord]) -> None:
        self.status = started.status
        self.headers = started.headers
        self._records = records

    async def chunks(self) -> AsyncIterator[bytes]:
        async for record in self._records:
            if isinstance(record, ChunkReceived):
                yield record.data
            elif isinstance(record, ResponseEnded) and record.how == "broken":
                raise BodyError(record.detail)

    async def drain(self) -> None:
        """Do nothing. A replay has no connection."""
