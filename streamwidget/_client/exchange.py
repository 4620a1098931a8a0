"""One attempt at a request: send it, read the response to its end, publish the events, name the outcome.

Every failure of a response becomes one :class:`StreamError` here. Retries, limits, cancelling and the final completion
belong to the layers above.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

from streamwidget._client.connection import Connection
from streamwidget._client.http import BodyError, HTTPRequest, Response, media_type_of
from streamwidget._client.parser import MalformedStream, StreamParser
from streamwidget._client.refusal import to_the_point
from streamwidget._client.request import Request
from streamwidget._client.retry import parse_retry_after, worth_retrying
from streamwidget._client.sse import EventTooLarge
from streamwidget._client.urls import host_of
from streamwidget._core.accumulator import Accumulator
from streamwidget._core.completion import DEMO_SERVER, ErrorInfo
from streamwidget._core.events import Outcome, StreamEvent, StreamWarning, Waiting
from streamwidget._core.exceptions import (
    ConnectionFailed,
    HTTPStatusError,
    InStreamError,
    ProtocolError,
    StreamInterrupted,
)
from streamwidget._core.receipt import SentRequest
from streamwidget._core.secrets import Secrets, forget, mask, mask_error
from streamwidget._core.timeout import TICK, Deadlines
from streamwidget._dialects.dialect import MalformedItem, Question, ServerReportedError

_EMPTY = frozenset({204, 205})  # a success without a body is not an answer
_ERROR_BODY = 64 * 1024  # bytes of an error response that are read
_HEADER = 200  # characters of a header that are kept
_SILENT = 5.0  # seconds. After a longer silence, the end of a connection is perhaps a proxy's timeout
#: Seconds to wait after the finish reason for the usage, the done or the end. Some servers send none of them.
_GRACE = 3.0

Publish = Callable[[list[StreamEvent]], None]


class Exchange:
    """One request and its response.

    Parameters
    ----------
    request : Request
    accumulator : Accumulator
        Takes the text.
    deadlines : Deadlines
        Is notified of headers, bytes and deltas.
    publish : callable
        Gets each batch of events.

    Attributes
    ----------
    demo : bool
        The response is from the demo server.
    request_id : str or None
        The request's id in the response's headers.
    sent : tuple of SentRequest
        What left. Several if the server refused a field of ours.
    """

    def __init__(self, request: Request, accumulator: Accumulator, deadlines: Deadlines, publish: Publish) -> None:
        self.demo = False
        self.request_id: str | None = None
        self.sent: tuple[SentRequest, ...] = ()
        self._request = request
        self._accumulator = accumulator
        self._deadlines = deadlines
        self._publish = publish
        self._parser = StreamParser(request.dialect, accumulator)
        self._quiet = 0.0  # seconds since the last event, once the answer may be over
        self._connection = Connection(lambda what: publish([Waiting(what)]))

    @property
    def question(self) -> Question:
        """The question as the server took it, without what it refused."""
        return self._request.question

    @property
    def mark(self) -> str:
        """Words on who answers that everybody must see, or empty."""
        return self._connection.mark

    @property
    def left_at(self) -> float | None:
        """``time.monotonic()`` of the moment when the request left. None before it."""
        return self._connection.left_at

    @property
    def connecting(self) -> bool:
        """True while a connection is being made."""
        return self._connection.connecting

    @property
    def queued(self) -> bool:
        """True while the request waits for a free connection, because the client has a limit of them."""
        return self._connection.queued

    def tell_of_queue(self) -> None:
        """Let the person know of it. The stream goes on as soon as another one has ended."""
        self._connection.tell_of_queue()

    @property
    def waits_for(self) -> str:
        """The proxy in words, while it is the one that must act. Empty: it is the server."""
        return self._connection.waits_for

    def shut(self) -> None:
        """Close the connection now. Any thread may call this."""
        self._connection.shut()

    async def run(self) -> Outcome:
        """Send the request and read the response.

        Returns
        -------
        Outcome
            ``complete``, ``length`` or ``filtered``.

        Raises
        ------
        StreamError
            In all other cases. Its completion is still empty.
        """
        try:
            return await self._ask()
        except BaseException as exc:  # an interrupt too
            forget(exc)  # the frames below hold the request's headers, and what the server said
            self._publish(self._parser.release())
            raise

    async def _ask(self) -> Outcome:
        while True:
            try:
                return await self._send(self._request)
            except (HTTPStatusError, InStreamError) as refused:
                simpler = self._request.dialect.simplify(self._request.question, refused.error)
                if simpler is None or self._accumulator.has_begun:
                    raise
            question, warning = simpler
            self._warn(warning)
            self._request = replace(self._request, question=question)

    async def _send(self, request: Request) -> Outcome:
        http = self._to_http(request)
        before, self._connection.carried = self.sent, False
        if http.content is not None:
            self.sent = (*before, request.receipt(http))
        try:
            return await self._answer(request, http)
        except (ConnectionFailed, asyncio.CancelledError):
            if not self._connection.carried:
                self.sent = before
            raise

    async def _answer(self, request: Request, http: HTTPRequest) -> Outcome:
        async with request.transport.open(http, connection=self._connection) as response:
            self._deadlines.got_headers(time.monotonic())
            self.demo = response.headers.get("server", "") == DEMO_SERVER
            self.request_id = mask(response.headers.get("x-request-id", "")[:_HEADER], self._secrets) or None
            if not 200 <= response.status < 300 or response.status in _EMPTY:
                raise await self._refusal(response)
            try:
                return await self._read(response)
            except ServerReportedError as exc:
                self._publish(self._parser.events)
                info = to_the_point(mask_error(exc.info, self._secrets))
                raise InStreamError(info, retryable=worth_retrying(info)) from None  # its text may hold the key
            except (MalformedStream, MalformedItem, EventTooLarge) as exc:
                self._publish(self._parser.events)
                # No local name holds the server's words unmasked. Tracebacks show the locals of a frame.
                ours = "" if isinstance(exc, MalformedStream) else "sent no usable answer: "
                words = mask(self._parser.last_words, self._secrets)
                raise self._unreadable(f"{ours}{exc}{': ' * bool(words)}{words}") from None
            except BodyError as exc:  # of a list of models
                message = f"The reply of {self._host} is cut ({mask(str(exc), self._secrets)})"
                raise StreamInterrupted(ErrorInfo(message, status=200), retryable=True) from None

    def _to_http(self, request: Request) -> HTTPRequest:
        return request.to_http()

    async def _read(self, response: Response) -> Outcome:
        accumulator, deadlines = self._accumulator, self._deadlines
        parser = self._parser = self._new_parser(media_type_of(response))
        broken = ""
        chunks = response.chunks()
        try:
            while (chunk := await self._next(chunks, parser)) is not None:
                now = time.monotonic()
                deadlines.got_bytes(now)
                before = accumulator.delta_count
                events = parser.feed(chunk)
                if accumulator.delta_count != before:
                    deadlines.got_delta(now)
                self._publish(events)
                if events:
                    self._quiet = 0.0
                if parser.done:
                    await response.drain()
                    break
                if accumulator.size > self._request.max_text:
                    self._publish(accumulator.cut(self._request.max_text))
                    return "length"
                if not events and parser.is_unreadable:
                    break
        except BodyError as exc:
            broken = str(exc)
        self._before_the_end(parser, broken)
        outcome, events = parser.close(clean=not broken, left_open=self._quiet >= _GRACE)
        self._publish(events)
        if parser.is_whole_reply and self._request.question.stream:
            self._warn(StreamWarning("not_streamed", "the server sent one whole reply instead of a stream"))
        return self._honest(outcome, parser, broken)

    def _new_parser(self, media_type: str) -> StreamParser:
        size, dialect = self._request.max_event_size, self._request.dialect
        return StreamParser(
            dialect, self._accumulator, max_event_size=size, media_type=media_type, secrets=self._secrets
        )

    def _before_the_end(self, parser: StreamParser, broken: str) -> None:
        """Do nothing. Another exchange may go on over a new connection."""

    async def _next(self, chunks: AsyncIterator[bytes], parser: StreamParser) -> bytes | None:
        """Return the next bytes. None at the end, and where nothing more than the end can come and it does not come.

        The answer is whole once it has a finish reason. Then a silent server is left after a moment, and no limit of
        silence counts. Comments such as ``: ping`` do not prolong the moment, and a blocked loop does not shorten it.
        """
        if not parser.may_be_over:
            return await anext(chunks, None)
        step = asyncio.ensure_future(_first(chunks))
        try:
            while not step.done() and self._quiet < _GRACE:
                begun = time.monotonic()
                await asyncio.wait([step], timeout=TICK)
                now = time.monotonic()
                self._quiet += min(now - begun, 2 * TICK)
                self._deadlines.got_bytes(now)
                self._deadlines.got_delta(now)
            return step.result() if step.done() else None
        finally:
            if not step.done():
                step.cancel()
                await asyncio.wait([step])

    def _honest(self, outcome: Outcome, parser: StreamParser, broken: str) -> Outcome:
        """Return an outcome of an answer, or raise where the connection or the provider broke it off."""
        word = parser.finish.reason if parser.finish is not None else None
        if outcome == "interrupted" and word is None:
            words = mask("; ".join(filter(None, [broken, parser.last_words])), self._secrets)
            why = f" ({words})" if words else ""
            message = f"The connection to {self._host} ended before the answer did{why}{self._after_silence()}"
            raise StreamInterrupted(ErrorInfo(message, status=200), retryable=True)
        if outcome == "interrupted":
            message = f"{self._host} broke the answer off: {mask(str(word), self._secrets)}"
            raise StreamInterrupted(ErrorInfo(message, status=200), retryable=True)
        if outcome == "error":
            message = f"{self._host} ended the answer with an error: {mask(str(word), self._secrets)}"
            raise InStreamError(ErrorInfo(message, status=200))
        return outcome

    def _after_silence(self) -> str:
        """Say how long nothing had come before the end. A proxy's own read timeout looks like the server's end."""
        silence = self._deadlines.silence(time.monotonic())
        return f". Nothing had come for {silence:.0f} s" if silence >= _SILENT else ""

    def _warn(self, warning: StreamWarning) -> None:
        if (published := self._accumulator.apply(warning)) is not None:
            self._publish([published])

    @property
    def _host(self) -> str:
        return host_of(self._request.transport.base_url)

    @property
    def _secrets(self) -> Secrets:
        return self._request.transport.secrets

    def _unreadable(self, what: str) -> ProtocolError:
        return ProtocolError(ErrorInfo(f"{self._host} {mask(what, self._secrets)}", status=200))

    async def _refusal(self, response: Response) -> HTTPStatusError:
        """Read a response with an error status or a redirect. A redirect is never followed."""
        status, headers = response.status, response.headers
        if 300 <= status < 400:
            # Following it would send the prompt, and perhaps the key, to somebody else.
            there = host_of(headers.get("location", ""))[:_HEADER] or "nowhere"
            message = f"{self._host} redirects to {there}. Redirects are not followed. Set base_url to the new address."
            return HTTPStatusError(ErrorInfo(mask(message, self._secrets), status=status, kind="redirect"))
        try:
            body = await read_body(response, _ERROR_BODY)
        except BodyError:
            body = b""
        info = to_the_point(mask_error(self._request.dialect.parse_error(status, body), self._secrets))
        wait = parse_retry_after(headers.get("retry-after"), headers.get("retry-after-ms"), time.time())
        info = replace(info, retry_after=info.retry_after if wait is None else wait)
        return HTTPStatusError(info, retryable=worth_retrying(info))


async def _first(chunks: AsyncIterator[bytes]) -> bytes | None:
    """Return the next bytes, in a task of its own. An interrupt goes from there to the loop, and not through `run`."""
    try:
        return await anext(chunks, None)
    except BaseException as exc:
        forget(exc)
        raise


async def read_body(response: Response, limit: int) -> bytes:
    """Return the body, or its first ``limit`` bytes."""
    body = bytearray()
    async for chunk in response.chunks():
        body += chunk
        if len(body) >= limit:
            break
    return bytes(body[:limit])
