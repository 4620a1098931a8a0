"""An httpx transport on top of aiohttp, for many streams at once. No other file imports aiohttp.

To bring one delta through httpx's own transport (httpcore, h11, anyio) costs more than all our own work with it.
aiohttp reads HTTP in C. All the rest stays as it is: httpx builds the request, its events and errors are the same ones,
so :mod:`streamwidget._client.transport` need not know the sender.

The package ``httpx-aiohttp`` tells nothing of how a connection is made and gives no socket. Without them no limit on
connecting holds, and a Stop beside a blocked loop cannot close the connection.
"""

from __future__ import annotations

import contextlib
import io
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextvars import ContextVar
from typing import Any

import aiohttp
import httpx
from yarl import URL

_Trace = Callable[[str, dict[str, Any]], Awaitable[None]]

_KEPT = 5.0  # seconds to keep an idle connection, as in httpx
_READ = 2**15  # bytes. Twice as many are read at once, as by httpx. A flood must not hold up the other streams
_HEADER = 2**16  # bytes of one header. aiohttp's own limit is 8 KB
_NO_LIMITS = aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None)
_trace: ContextVar[_Trace] = ContextVar("trace")  # of this task's request


class AiohttpTransport(httpx.AsyncBaseTransport):
    """Sends requests to servers without a proxy. Belongs to the running loop.

    Parameters
    ----------
    context : ssl.SSLContext
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self._connector = _Connector(
            ssl=context,
            limit=0,  # or else the 101st stream would wait for the end of another one
            keepalive_timeout=_KEPT,
            resolver=aiohttp.ThreadedResolver(),
        )
        self._cookies = aiohttp.DummyCookieJar()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        _trace.set(request.extensions["trace"])
        # One for each request, because it costs little. A kept one would print a warning if its loop just ends.
        session = aiohttp.ClientSession(
            connector=self._connector,
            connector_owner=False,
            cookie_jar=self._cookies,
            auto_decompress=False,
            timeout=_NO_LIMITS,
            read_bufsize=_READ,
            max_line_size=_HEADER,
            max_field_size=_HEADER,
        )
        try:
            with _errors_of_httpx():
                response = await session.request(
                    request.method,
                    URL(str(request.url), encoded=True),
                    data=io.BytesIO(request.content) if request.content else None,  # it warns of large bytes
                    headers=request.headers.multi_items(),
                    allow_redirects=False,
                )
        finally:
            session.detach()
        connection = response.connection
        return httpx.Response(
            response.status,
            headers=response.raw_headers,
            stream=_Body(response),
            extensions={"network_stream": None if connection is None else connection.transport},
        )

    async def aclose(self) -> None:
        await self._connector.close()


class _Connector(aiohttp.TCPConnector):
    async def connect(self, *args: Any, **kwargs: Any) -> Any:
        """Say how the connection is made, in the words of httpcore."""
        tell = _trace.get()
        await tell("connection.connect_tcp.started", {})
        made = await super().connect(*args, **kwargs)
        await tell("connection.connect_tcp.complete", {"return_value": made.transport})
        await tell("http11.send_request_headers.started", {})
        return made

    def __del__(self, _warnings: Any = None) -> None:
        """Do nothing. aiohttp would print a warning if a loop just ends. Its sockets close by themselves."""


class _Body(httpx.AsyncByteStream):
    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _errors_of_httpx():
            while chunk := await self._response.content.readany():
                yield chunk

    async def aclose(self) -> None:
        self._response.close()


@contextlib.contextmanager
def _errors_of_httpx() -> Iterator[None]:
    try:
        yield
    except (aiohttp.ClientConnectorError, ssl.SSLError) as exc:
        cause = exc.__cause__ or exc  # the system's own error
        raise httpx.ConnectError(str(cause)) from cause
    except aiohttp.InvalidURL as exc:
        raise httpx.InvalidURL(str(exc)) from exc
    except aiohttp.ServerDisconnectedError as exc:
        raise httpx.RemoteProtocolError("Server disconnected without sending a response.") from exc
    except aiohttp.ClientPayloadError as exc:
        said = "peer closed connection without sending complete message body"
        raise httpx.RemoteProtocolError(said) from exc.__cause__ or exc
    except (aiohttp.ClientError, OSError) as exc:
        raise httpx.ReadError(str(exc)) from exc
