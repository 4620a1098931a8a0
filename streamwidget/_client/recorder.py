"""A transport that records another one. The stream does not notice it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

from streamwidget._client.connection import Connection
from streamwidget._client.http import BodyError, HTTPRequest, Response, Transport
from streamwidget._client.request import Request
from streamwidget._client.urls import join
from streamwidget._core.exceptions import ConnectionFailed
from streamwidget._core.recording import (
    LEFT_OUT,
    ChunkReceived,
    Recording,
    RequestFailed,
    RequestSent,
    ResponseEnded,
    ResponseStarted,
    harmless,
)
from streamwidget._core.timeout import Timeout


def record(request: Request, limits: Timeout) -> tuple[Recording, Request]:
    """Return a new recording, and the request to send so that it is recorded."""
    transport, question = request.transport, request.question
    recording = Recording(
        question.model, limits, transport.secrets, dialect=request.dialect.name, streamed=question.stream
    )
    return recording, replace(request, transport=RecordingTransport(transport, recording))


class RecordingTransport:
    """Sends by ``transport``, and adds all requests and responses to ``recording``."""

    def __init__(self, transport: Transport, recording: Recording) -> None:
        self.base_url = transport.base_url
        self.secrets = transport.secrets
        self.is_ours = transport.is_ours
        self._transport = transport
        self._recording = recording

    @contextlib.asynccontextmanager
    async def open(self, request: HTTPRequest, *, connection: Connection) -> AsyncIterator[Response]:
        recording = self._recording
        own = dict.fromkeys(self.secrets.headers, LEFT_OUT)
        sent = {**harmless(request.headers_for(self.secrets), self.secrets), **own}
        url = join(self.base_url, request.path).partition("?")[0]
        text = (request.body or b"").decode("utf-8", "replace")
        recording.add(RequestSent(recording.now(), request.method, url, sent, text))
        try:
            async with self._transport.open(request, connection=connection) as response:
                recording.add(
                    ResponseStarted(recording.now(), response.status, harmless(response.headers, self.secrets))
                )
                recorded = _RecordedResponse(response, recording)
                try:
                    yield recorded
                finally:
                    recorded.left()
        except ConnectionFailed as exc:
            recording.add(RequestFailed(recording.now(), exc.error, exc.retryable))
            raise


class _RecordedResponse:
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
        """Record that the client stopped reading."""
        self._end(ResponseEnded(self._recording.now(), "left"))

    def _end(self, record: ResponseEnded) -> None:
        if not self._ended:
            self._ended = True
            self._recording.add(record)
