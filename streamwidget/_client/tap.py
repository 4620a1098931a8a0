"""A transport that notes what passes through it. Nothing of the stream knows that it is there."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from streamwidget._client.inflate import BodyError
from streamwidget._client.transport import Line, Response, Transport, headers_of
from streamwidget._core.exceptions import ConnectionFailed
from streamwidget._core.recording import (
    ChunkReceived,
    Recording,
    RequestFailed,
    RequestSent,
    ResponseEnded,
    ResponseStarted,
    harmless,
)


class Tap(Transport):
    """Sends by ``transport``, and adds to ``recording`` what is sent and what comes."""

    def __init__(self, transport: Transport, recording: Recording) -> None:
        super().__init__(transport.base_url, transport.api_key)
        self._transport = transport
        self._recording = recording

    @contextlib.asynccontextmanager
    async def open(self, method: str, path: str, body: bytes | None, *, line: Line) -> AsyncIterator[Response]:
        recording = self._recording
        sent = headers_of(body)
        if self.api_key is not None:
            sent["Authorization"] = ""
        url = f"{self.base_url}/{path}".partition("?")[0]
        text = (body or b"").decode("utf-8", "replace")
        recording.add(RequestSent(recording.now(), method, url, harmless(sent), text))
        try:
            async with self._transport.open(method, path, body, line=line) as response:
                recording.add(ResponseStarted(recording.now(), response.status, harmless(response.headers)))
                tapped = _TappedResponse(response, recording)
                try:
                    yield tapped
                finally:
                    tapped.left()
        except ConnectionFailed as exc:
            recording.add(RequestFailed(recording.now(), exc.error, exc.retryable))
            raise


class _TappedResponse(Response):
    def __init__(self, response: Response, recording: Recording) -> None:
        self.status = response.status
        self.headers = response.headers
        self._response = response
        self._recording = recording
        self._ended = False

    async def chunks(self) -> AsyncIterator[bytes]:
        recording = self._recording
        try:
            async for chunk in self._response.chunks():
                recording.add(ChunkReceived(recording.now(), chunk))
                yield chunk
        except BodyError as exc:
            self._end(ResponseEnded(recording.now(), "broken", str(exc)))
            raise
        self._end(ResponseEnded(recording.now(), "whole"))

    async def drain(self) -> None:
        await self._response.drain()
        self._end(ResponseEnded(self._recording.now(), "whole"))

    def left(self) -> None:
        """The client reads no further."""
        self._end(ResponseEnded(self._recording.now(), "left"))

    def _end(self, record: ResponseEnded) -> None:
        if not self._ended:
            self._ended = True
            self._recording.add(record)
