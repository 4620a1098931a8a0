"""Bytes to and from the server. The only file that imports httpx.

httpx 0.28.1 is its last release. The openai and anthropic SDKs have moved to its successor, httpx2. You may inject a
client of either. So this file uses only their common API, and catches the errors of the client's own library.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import importlib
import os
import re
import socket
import ssl
import zlib
from collections.abc import AsyncIterator, Iterable, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias
from weakref import WeakKeyDictionary

from streamwidget._client.http import BodyError, Connection, HTTPRequest, Response, host_of
from streamwidget._client.inflate import inflater
from streamwidget._core.completion import ErrorInfo
from streamwidget._core.exceptions import ConnectionFailed
from streamwidget._core.secrets import ApiKey, mask

if TYPE_CHECKING:
    import httpx

_Environment: TypeAlias = tuple[str | None, ...]
_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[_Environment, httpx.AsyncClient]] = WeakKeyDictionary()

_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_TINY = 8  # bytes. If a server writes whole events, no read is smaller
_GATHER = 0.005  # seconds to wait after a tiny read. A few bytes cost as much as a whole event, so let more arrive
_DRAIN = 0.1  # seconds to wait for the end of a finished response. Then its connection can be used again
#: "[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)"
_NOT_TLS = re.compile("WRONG_VERSION_NUMBER|RECORD_LAYER_FAILURE|wrong version number|record layer failure")


class HTTPXResponse:
    """A response of httpx."""

    def __init__(self, response: httpx.Response, library: ModuleType) -> None:
        self._library = library
        self.status: int = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self._raw = response.aiter_raw()  # `chunks` and `drain` share it, because httpx refuses a second one

    async def chunks(self) -> AsyncIterator[bytes]:
        inflate = inflater(self.headers.get("content-encoding", ""))
        try:
            async for chunk in self._raw:
                if inflate is None:
                    yield chunk
                else:
                    for piece in inflate(chunk):
                        yield piece
                if len(chunk) < _TINY:
                    await asyncio.sleep(_GATHER)
        except (self._library.TransportError, self._library.StreamError, zlib.error, OSError) as exc:
            raise BodyError(str(exc) or type(exc).__name__) from _without_frames(exc)
        if inflate is not None and not inflate.eof:
            raise BodyError("the compressed body is cut")

    async def drain(self) -> None:
        with contextlib.suppress(TimeoutError, self._library.TransportError, self._library.StreamError, OSError):
            async with asyncio.timeout(_DRAIN):
                async for _ in self._raw:
                    pass


class HTTPXTransport:
    """Sends requests with httpx."""

    def __init__(self, base_url: str, api_key: ApiKey | None, http_client: Any = None) -> None:
        self.base_url = base_url
        self.api_key = api_key
        self._injected = http_client
        if http_client is not None:
            _library_of(http_client)

    @contextlib.asynccontextmanager
    async def open(self, request: HTTPRequest, *, connection: Connection) -> AsyncIterator[Response]:
        client = self._injected or _client_of(asyncio.get_running_loop())
        library = _library_of(client)
        headers = _with_key(request.all_headers(), self.api_key)
        sent = client.build_request(
            request.method,
            f"{self.base_url}/{request.path}",
            content=request.body,
            headers=headers,
            timeout=library.Timeout(None),  # its clock also counts while a cell blocks the loop
            extensions={"trace": connection.follow},
        )
        try:
            response = await client.send(sent, stream=True, follow_redirects=False)
            connection.use(response.extensions.get("network_stream"))
        except library.RequestError as exc:
            _without_frames(exc)
            raise self._failure(exc, library) from None  # its message may hold the key
        except Exception as exc:
            _without_frames(exc)
            raise
        finally:
            connection.connecting = False
            del sent, headers  # they hold the key, and `%xmode Verbose` prints the locals of every frame
        try:
            yield HTTPXResponse(response, library)
        finally:
            connection.use(None)
            await response.aclose()

    def _failure(self, exc: Exception, library: ModuleType) -> ConnectionFailed:
        host = host_of(self.base_url)
        said = mask(str(exc), self.api_key) or type(exc).__name__
        if isinstance(exc, library.ProxyError):
            return ConnectionFailed(ErrorInfo(f"The proxy refused the connection to {host}: {said}.", kind="proxy"))
        if isinstance(exc, library.ConnectError) and _is_caused_by(exc, ssl.SSLError):
            if _NOT_TLS.search(said):
                said = f"it does not speak TLS. Is its address http:// instead of https://? ({said})"
            return ConnectionFailed(ErrorInfo(f"No secure connection to {host}: {said}.", kind="tls"))
        if isinstance(exc, library.ConnectError) and _is_caused_by(exc, socket.gaierror):
            message = f"Cannot find {host}: no network, or a proxy?"
            return ConnectionFailed(ErrorInfo(message, kind="connect"), retryable=True)
        if isinstance(exc, library.ConnectError):
            return ConnectionFailed(ErrorInfo(f"No connection to {host}: {said}.", kind="connect"), retryable=True)
        if isinstance(exc, library.TransportError):
            return ConnectionFailed(
                ErrorInfo(f"{host} closed the connection before it answered: {said}.", kind="connect"), retryable=True
            )
        return ConnectionFailed(ErrorInfo(f"The request to {host} failed: {said}.", kind="connect"))


def _with_key(headers: dict[str, str], key: ApiKey | None) -> dict[str, str]:
    """Put the key in place of ``{key}``. Without a key, leave out the headers with ``{key}``.

    ``Bearer {key}`` -> ``Bearer sk-...``
    """
    if key is None:
        return {name: value for name, value in headers.items() if "{key}" not in value}
    return {name: value.replace("{key}", key.reveal()) for name, value in headers.items()}


def _without_frames(exc: BaseException) -> BaseException:
    """Return the error without tracebacks. The frames of httpx and h11 hold the request's headers, with the key."""
    link: BaseException | None = exc
    while link is not None:
        link.__traceback__ = None
        link = link.__cause__ or link.__context__
    return exc


def get_ready() -> None:
    """Import httpx and read the certificates now, so that the first request of this event loop need not wait."""
    _client_of(asyncio.get_running_loop())


def _client_of(loop: asyncio.AbstractEventLoop) -> httpx.AsyncClient:
    """Return the loop's client. Making one costs 20-80 ms, and a shared one reuses its connections.

    A new one is made if proxies or certificates have changed in the environment. People set them after a failure.
    """
    import httpx

    for other in [other for other in _clients if other.is_closed()]:
        del _clients[other]  # it would stay for ever, because its connections hold its weak key, the loop
    certificates = _environment(_CERTIFICATES)
    environment = certificates + _environment(_PROXIES)
    made_in, client = _clients.get(loop, ((), None))
    if client is None or client.is_closed or made_in != environment:
        client = httpx.AsyncClient(
            verify=_ssl_context(certificates),
            # With the default limit of 100 connections, the 101st stream would fail with a PoolTimeout.
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=20),
            # No proxy is needed to reach this machine.
            mounts={f"all://{host}": None for host in ("localhost", "127.0.0.1", "[::1]")},
        )
        _clients[loop] = environment, client
    return client


def _environment(names: Iterable[str]) -> _Environment:
    return tuple(os.environ.get(name, os.environ.get(name.lower())) for name in names)


@functools.cache
def _ssl_context(_certificates: _Environment) -> ssl.SSLContext:
    """Read the trusted certificates, once for each setting. This is most of the cost of a client."""
    import httpx

    return httpx.create_ssl_context()


def _library_of(client: Any) -> ModuleType:
    """Return the library of a client's AsyncClient: httpx or httpx2. A derived class counts too."""
    for cls in type(client).__mro__:
        package = cls.__module__.partition(".")[0]
        if cls.__name__ == "AsyncClient" and package.startswith("httpx"):
            return importlib.import_module(package)
    raise TypeError(f"http_client must be an httpx.AsyncClient, not {type(client).__name__}.")


def _is_caused_by(exc: BaseException | None, kind: type[BaseException]) -> bool:
    while exc is not None:
        if isinstance(exc, kind):
            return True
        exc = exc.__cause__ or exc.__context__
    return False
