"""One attempt at a request: send it, read the response to its end, tell the events, name the outcome.

Every way in which a response can go wrong becomes one :class:`StreamError` here. Retries, timers, cancelling and the
final completion belong to the stream above.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from streamwidget._client.config import host_of
from streamwidget._client.inflate import BodyError
from streamwidget._client.parser import MalformedStream, StreamParser
from streamwidget._client.retry import parse_retry_after, worth_retrying
from streamwidget._client.sse import MAX_EVENT_SIZE, EventTooLarge
from streamwidget._client.transport import Line, Response, Transport
from streamwidget._core.accumulator import Accumulator
from streamwidget._core.completion import ErrorInfo
from streamwidget._core.events import Outcome, StreamEvent, StreamWarning
from streamwidget._core.exceptions import (
    HTTPStatusError,
    InStreamError,
    ProtocolError,
    StreamInterrupted,
    StreamTimeout,
)
from streamwidget._core.secrets import ApiKey, mask, mask_error
from streamwidget._core.timeout import Deadlines
from streamwidget._dialects.dialect import MalformedEvent, Provider, ServerReportedError

_ERROR_BODY = 64 * 1024  # bytes of an error response that are read
_REPLY_BODY = 64 * 1024 * 1024  # bytes of a reply that was not streamed
_WEB_PAGES = frozenset({"text/html", "application/xhtml+xml"})
_DEMO = "streamwidget-demo"  # the Server header of the demo server


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked, of whom. ``model`` None leaves the choice to the server."""

    transport: Transport
    provider: Provider
    messages: list[dict[str, Any]]
    model: str | None
    params: Mapping[str, Any]
    stream: bool = True
    max_event_size: int = MAX_EVENT_SIZE

    def body(self, **overrides: Any) -> bytes:
        params = {**self.params, **overrides}
        fields = self.provider.request_body(self.messages, self.model, stream=self.stream, params=params)
        return json.dumps(fields, ensure_ascii=False).encode("utf-8", "replace")


class Exchange:
    """One request and its response.

    Parameters
    ----------
    request : Request
    accumulator : Accumulator
        Takes the text.
    deadlines : Deadlines
        Is told of headers, bytes and deltas.
    publish : callable
        Is given each batch of events.
    """

    def __init__(
        self,
        request: Request,
        accumulator: Accumulator,
        deadlines: Deadlines,
        publish: Callable[[list[StreamEvent]], None],
    ) -> None:
        self._request = request
        self._accumulator = accumulator
        self._deadlines = deadlines
        self._publish = publish
        self._parser = StreamParser(request.provider, accumulator, max_event_size=request.max_event_size)
        self._line = Line()
        self.demo = False
        self.request_id: str | None = None
        #: The task that runs this is cancelled because it took too long to connect, rather than by the person.
        self.gave_up = False

    @property
    def connecting(self) -> bool:
        """True while a connection is being made for it."""
        return self._line.connecting and not self.gave_up

    def shut(self) -> None:
        """End the connection at once, from any thread."""
        self._line.shut()

    async def run(self, connect: float | None) -> Outcome:
        """Send the request and read the response. ``connect`` is the limit to name where :attr:`gave_up` is set.

        Returns
        -------
        Outcome
            ``complete``, ``length`` or ``filtered``.

        Raises
        ------
        StreamError
            In every other case; its completion is still to be filled in.
        """
        try:
            refused = await self._send(self._request.body())
            if isinstance(refused, HTTPStatusError) and self._asks_too_much(refused):
                self._warn("stream_options_refused", "the server refused stream_options: no usage is known")
                refused = await self._send(self._request.body(stream_options=None))
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not self.gave_up or task is None or task.uncancel():
                raise
            message = f"No connection to {self._host} was made within {connect:g} s"
            raise StreamTimeout(ErrorInfo(message, kind="connect"), retryable=True) from None
        if isinstance(refused, HTTPStatusError):
            raise refused
        return refused

    def _asks_too_much(self, error: HTTPStatusError) -> bool:
        return (
            self._request.stream
            and "stream_options" not in self._request.params
            and error.error.status in (400, 422)
            and ("stream_options" in error.error.message or "include_usage" in error.error.message)
        )

    async def _send(self, body: bytes) -> Outcome | HTTPStatusError:
        request = self._request
        method = request.provider.method
        opened = request.transport.open(
            method, request.provider.path, None if method == "GET" else body, line=self._line
        )
        async with opened as response:
            self._deadlines.got_headers(time.monotonic())
            self.demo = response.headers.get("server", "") == _DEMO
            self.request_id = response.headers.get("x-request-id")
            try:
                if response.status != 200:
                    return await self._refusal(response)
                if response.media_type in _WEB_PAGES:
                    raise self._protocol_error("answered with a web page, not a completion (a login page, a proxy?)")
                if response.media_type == "application/json":
                    return await self._reply(response)
                return await self._stream(response)
            except ServerReportedError as exc:
                self._publish(self._parser.events)
                info = self._masked(exc.info)
                raise InStreamError(info, retryable=worth_retrying(info)) from None  # its text is not masked
            except (MalformedStream, MalformedEvent, EventTooLarge) as exc:
                self._publish(self._parser.events)
                raise self._protocol_error(f"sent no usable completion: {exc}") from None

    async def _stream(self, response: Response) -> Outcome:
        parser, accumulator, deadlines = self._parser, self._accumulator, self._deadlines
        broken = ""
        try:
            async for chunk in response.chunks():
                now = time.monotonic()
                deadlines.got_bytes(now)
                before = accumulator.delta_count
                events = parser.feed(chunk)
                if accumulator.delta_count != before:
                    deadlines.got_delta(now)
                self._publish(events)
                if parser.done:
                    await response.drain()
                    break
        except BodyError as exc:
            broken = str(exc)
        outcome, events = parser.close(clean=not broken)
        self._publish(events)
        if outcome == "interrupted":
            why = f" ({mask(broken, self._key)})" if broken else ""
            message = f"The connection to {self._host} ended before the answer did{why}: the answer is cut."
            raise StreamInterrupted(ErrorInfo(message, status=200), retryable=True)
        return outcome

    async def _reply(self, response: Response) -> Outcome:
        """Read one whole reply: what was asked for without streaming, or all that the server can do."""
        try:
            body = await _read(response, _REPLY_BODY)
        except BodyError as exc:
            message = f"The reply of {self._host} is cut ({mask(str(exc), self._key)})."
            raise StreamInterrupted(ErrorInfo(message, status=200), retryable=True) from None
        outcome, events = self._parser.reply(body)
        self._publish(events)
        if self._request.stream:
            self._warn("not_streamed", "the server sent one whole reply instead of a stream")
        return outcome

    async def _refusal(self, response: Response) -> HTTPStatusError:
        status, headers = response.status, response.headers
        if 300 <= status < 400:
            # Followed, a redirect would carry the prompt, and perhaps the key, to somebody else.
            there = host_of(headers.get("location", "")) or "nowhere"
            message = f"{self._host} redirects to {there}; redirects are not followed. Set base_url to where it is."
            return HTTPStatusError(ErrorInfo(mask(message, self._key), status=status, kind="redirect"))
        try:
            body = await _read(response, _ERROR_BODY)
        except BodyError:
            body = b""
        info = self._masked(self._request.provider.parse_error(status, body))
        wait = parse_retry_after(headers.get("retry-after"), headers.get("retry-after-ms"), time.time())
        info = replace(info, retry_after=wait)
        return HTTPStatusError(info, retryable=worth_retrying(info))

    def _warn(self, code: str, detail: str) -> None:
        warning = self._accumulator.apply(StreamWarning(code, detail))
        if warning is not None:
            self._publish([warning])

    @property
    def _host(self) -> str:
        return host_of(self._request.transport.base_url)

    @property
    def _key(self) -> ApiKey | None:
        return self._request.transport.api_key

    def _masked(self, info: ErrorInfo) -> ErrorInfo:
        return mask_error(info, self._key)

    def _protocol_error(self, what: str) -> ProtocolError:
        return ProtocolError(ErrorInfo(f"{self._host} {mask(what, self._key)}.", status=200))


async def _read(response: Response, limit: int) -> bytes:
    """The body, or its first ``limit`` bytes."""
    body = bytearray()
    async for chunk in response.chunks():
        body += chunk
        if len(body) >= limit:
            break
    return bytes(body[:limit])
