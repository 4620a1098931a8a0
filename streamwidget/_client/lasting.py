"""One attempt whose answer outlives its connection, where the provider writes it in the background.

OpenAI's Responses do so with ``background=True``. Each event has a number there. If the connection breaks, the same
answer is asked for from the next number on. The model writes it once, so nothing is paid twice. A Stop ends it at the
server too, because the model would write on there.

If no new connection comes for about four minutes, the answer is cut. Continue then goes on with the same answer.
An answer of any other API ends with its connection. Continue asks for the rest of it.
"""

from __future__ import annotations

import asyncio
import time

from streamwidget._client.connection import Connection
from streamwidget._client.exchange import Exchange
from streamwidget._client.http import HTTPRequest
from streamwidget._client.parser import StreamParser
from streamwidget._client.request import Request
from streamwidget._client.retry import RetryPolicy
from streamwidget._core.accumulator import Accumulator
from streamwidget._core.completion import ErrorInfo
from streamwidget._core.events import Outcome, Retry, StreamWarning
from streamwidget._core.exceptions import ConnectionFailed, HTTPStatusError, StreamError, StreamInterrupted
from streamwidget._core.secrets import mask
from streamwidget._dialects.dialect import Place

#: How often a connection is tried that brings nothing, about four minutes in all. The answer costs nothing meanwhile.
_TRIES = RetryPolicy(attempts=20, wait_initial=0.5, wait_max=15)
_ENDING = 1.0  # seconds to tell the server of a Stop


class _Broken(Exception):
    """The connection ended before the answer did."""


class LastingExchange(Exchange):
    """An exchange that goes on over a new connection, if the provider allows it.

    Attributes
    ----------
    may_go_on : bool
        It was cut because no connection came, and the provider has written on.
    """

    _resumed = 0  # so often
    may_go_on = False
    _goes_on = False

    def copied(self) -> tuple[StreamParser, Accumulator]:
        """Return a parser of the same answer, with what came so far, for :meth:`go_on_with` of another exchange."""
        return self._parser.copied()

    def go_on_with(self, parser: StreamParser) -> None:
        """Ask for the rest of an answer that another exchange has begun. Call this before it runs."""
        self._parser, self._goes_on = parser, True

    def _to_http(self, request: Request) -> HTTPRequest:
        place = self._place if self._goes_on else None
        return super()._to_http(request) if place is None else self._rest(request, place)

    async def _answer(self, request: Request, http: HTTPRequest) -> Outcome:
        try:
            return await self._to_the_end(request, http)
        except asyncio.CancelledError:
            await self._end_at_server(request)
            raise

    async def _to_the_end(self, request: Request, http: HTTPRequest) -> Outcome:
        failed, at = 0, self._place
        while True:
            try:
                return await super()._answer(request, http)
            except (_Broken, ConnectionFailed, HTTPStatusError) as exc:
                place = self._place
                if place is None or (isinstance(exc, HTTPStatusError) and not exc.retryable):
                    raise
                failed = failed + 1 if place == at else 1
                reason = str(exc) if isinstance(exc, _Broken) else exc.error.message
                delay = _TRIES.delay(failed, None if isinstance(exc, _Broken) else exc.error.retry_after)
            if delay is None:
                self.may_go_on = True
                message = f"The connection to {self._host} broke, and no new one came: {reason}"
                raise StreamInterrupted(ErrorInfo(message, status=200))
            at = place
            self._deadlines.wait_for_retry(time.monotonic(), delay)
            self._publish([Retry(failed + 1, delay, reason or "the connection was closed")])
            await asyncio.sleep(delay)
            self._deadlines.new_attempt(time.monotonic())
            http = self._rest(request, place)

    def _rest(self, request: Request, place: Place) -> HTTPRequest:
        return HTTPRequest("GET", place.rest, headers=request.dialect.headers)

    @property
    def _place(self) -> Place | None:
        return self._request.dialect.place(self._parser.reader)

    def _new_parser(self, media_type: str) -> StreamParser:
        if self._place is None:
            return super()._new_parser(media_type)
        if media_type == "application/json":
            raise self._unreadable("sent the whole answer in place of its rest")
        self._resumed += 1
        times = "" if self._resumed == 1 else f" {self._resumed} times"
        detail = f"the connection broke{times}, and the same answer went on: nothing was asked twice"
        self._warn(StreamWarning("went_on", detail))
        return self._parser.over_another_connection(media_type)

    def _before_the_end(self, parser: StreamParser, broken: str) -> None:
        if not parser.done and parser.finish is None and self._place is not None:
            raise _Broken(mask(broken, self._secrets))

    async def _end_at_server(self, request: Request) -> None:
        place = self._place
        if place is None or self._parser.done or self._parser.finish is not None:
            return
        http = HTTPRequest("POST", place.end, b"{}", request.dialect.headers)
        try:
            async with asyncio.timeout(_ENDING), request.transport.open(http, connection=Connection()) as response:
                if 200 <= response.status < 300:
                    return
        except (StreamError, TimeoutError):
            pass
        self._warn(StreamWarning("not_stopped", f"{self._host} may write on, because it did not hear of it"))
