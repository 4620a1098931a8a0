"""Play a recorded stream: the same bytes at the same times, through the real decoder, timers and view."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path

from streamwidget._client.attempts import Attempts
from streamwidget._client.exchange import Request
from streamwidget._client.http import BodyError, Connection, HTTPRequest, Response
from streamwidget._client.retry import RetryPolicy
from streamwidget._client.servers import dialect_named
from streamwidget._core.exceptions import ConfigurationError, ConnectionFailed
from streamwidget._core.recording import (
    ChunkReceived,
    Recording,
    RequestFailed,
    RequestSent,
    ResponseEnded,
    ResponseStarted,
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
    stream = ChatStream(_Replay(request, timeout, _RecordedWaits.of(recording, speed)))
    if recording.outcome == "cancelled":
        transport.stop = stream.cancel
    return stream


class _Replay(Attempts):
    """The requests of a replay. A recording answers only once."""

    repeatable = False
    request_hash = None
    sent = ()

    def again(self, *, go_on: bool) -> Attempts:
        what = "go on where its recording ends" if go_on else "be asked again"
        raise ConfigurationError(f"A replay cannot {what}. To see it once more, call replay() again.")


@dataclass(frozen=True, slots=True)
class _RecordedWaits(RetryPolicy):
    """The waits between the recorded requests. After the last one no request follows."""

    waits: tuple[float, ...] = ()

    @classmethod
    def of(cls, recording: Recording, speed: float) -> _RecordedWaits:
        attempts = recording.attempts
        ends = [attempt[-1].at for attempt in attempts]
        starts = [attempt[0].at for attempt in attempts[1:]]
        waits = tuple((start - end) / speed for end, start in zip(ends, starts, strict=False))
        return cls(attempts=len(attempts), waits=waits)

    def delay(self, failed: int, *_: object) -> float | None:
        return self.waits[failed - 1] if failed <= len(self.waits) else None


class _Player:
    """A transport that answers each request with the next recorded response."""

    def __init__(self, recording: Recording, speed: float) -> None:
        self.secrets = recording.secrets
        first = recording.attempts[0][0]
        self.base_url = first.url if isinstance(first, RequestSent) else ""  # messages name its host
        self._attempts = iter(recording.attempts)
        self._speed = speed
        self._begun: float | None = None
        #: Called at the moment when the person stopped the recorded stream.
        self.stop: Callable[[], None] | None = None

    @contextlib.asynccontextmanager
    async def open(self, request: HTTPRequest, *, connection: Connection) -> AsyncIterator[Response]:
        del request, connection  # nothing is sent
        if self._begun is None:
            self._begun = time.monotonic()
        records = iter(next(self._attempts))
        async for record in self._play(records):
            if isinstance(record, RequestFailed):
                raise ConnectionFailed(record.error, retryable=record.retryable)
            if isinstance(record, ResponseStarted):
                yield _PlayedResponse(record, self._play(records))
                return
        await self._leave()

    async def _play(self, records: Iterator[WireRecord]) -> AsyncIterator[WireRecord]:
        for record in records:
            await self._until(record.at)
            if isinstance(record, ResponseEnded) and record.how == "left":
                await self._leave()
            yield record

    async def _until(self, at: float) -> None:
        assert self._begun is not None
        wait = self._begun + at / self._speed - time.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)

    async def _leave(self) -> None:
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
