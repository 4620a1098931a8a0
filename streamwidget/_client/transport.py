"""Bytes to and from the server. httpx is imported only here, and in ``aio.py``.

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
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast
from urllib.parse import urlsplit

from streamwidget._client import environment
from streamwidget._client.connection import Connection
from streamwidget._client.environment import Proxy, Trust
from streamwidget._client.http import BodyError, HTTPRequest, Response, read_out
from streamwidget._client.inflate import inflated
from streamwidget._client.urls import host_of, join
from streamwidget._core.causes import causes
from streamwidget._core.completion import ErrorInfo
from streamwidget._core.exceptions import ConnectionFailed
from streamwidget._core.secrets import NO_SECRETS, Secrets, mask
from streamwidget._core.tab import in_tab
from streamwidget._core.unexpected import TOO_MANY_FILES, is_too_many_files, said_by

if TYPE_CHECKING:
    import httpx

#: What the client of a request depends on: its proxy, and the certificates to trust. None: it needs none of them.
#: True: it sends by aiohttp.
_Way: TypeAlias = tuple[Proxy | None, Trust | None, bool]
#: The attribute in which a loop keeps its clients. A table of ours would keep every loop for ever, because a client's
#: connections hold their loop.
_CLIENTS = "_streamwidget_clients"

E = TypeVar("E", bound=BaseException)
_TINY = 8  # bytes. If a server writes whole events, no read is smaller
_GATHER = 0.005  # seconds to wait after a tiny read. A few bytes cost as much as a whole event, so let more arrive
#: From so many requests at once on the next ones go by aiohttp. For a few it would not be worth its import, of 0.3 s.
_MANY = 8
_AIOHTTP = (3, 12)  # the oldest version that was tried
#: An address that aiohttp reads as the system does. It refuses `http://127.1`, for example.
_PLAIN = re.compile(r"(?i)https?://(\d+(\.\d+){3}|\[[\da-f:]+\]|([a-z\d_-]+\.)*[a-z_][a-z\d_-]*)(:\d+)?([/?]|$)")
#: "407 Proxy Authentication Required", and what httpcore says of a SOCKS proxy that wants a password
_LOGIN = re.compile("^407|username/password|NO ACCEPTABLE METHODS")
#: What a SOCKS proxy says of a server that does not take its connection
_NOT_REACHED = re.compile("could not connect: (Host unreachable|Network unreachable|Connection refused|TTL expired)")
#: "[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)"
_NOT_TLS = re.compile("WRONG_VERSION_NUMBER|RECORD_LAYER_FAILURE|wrong version number|record layer failure")


class HTTPXResponse:
    """A response of httpx."""

    def __init__(self, response: httpx.Response, library: ModuleType) -> None:
        self._library = library
        self.status: int = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self._raw = response.aiter_raw()  # `chunks` and `drain` share it, because httpx refuses a second one

    def chunks(self) -> AsyncIterator[bytes]:
        return inflated(self._gathered(), self.headers.get("content-encoding", ""))

    async def _gathered(self) -> AsyncIterator[bytes]:
        while (chunk := await self._read()) is not None:
            yield chunk
            if len(chunk) < _TINY:
                await asyncio.sleep(_GATHER)

    async def _read(self) -> bytes | None:
        """Return the next bytes, or None at the end. A transport of the person's may raise anything, and give text."""
        try:
            chunk = await anext(self._raw)
        except StopAsyncIteration:
            return None
        except Exception as exc:  # noqa: BLE001
            raise BodyError(said_by(exc) or type(exc).__name__) from _without_frames(exc)
        if not isinstance(chunk, bytes):
            raise BodyError(f"the http_client gave a {type(chunk).__name__} instead of bytes")
        return chunk

    async def drain(self) -> None:
        await read_out(self._raw, self._library.TransportError, self._library.StreamError, OSError)


class HTTPXTransport:
    """Sends requests with httpx. ``by_proxy=False`` passes over the proxy that the environment names."""

    def __init__(
        self, base_url: str, secrets: Secrets = NO_SECRETS, http_client: Any = None, *, by_proxy: bool = True
    ) -> None:
        self.base_url = base_url
        self._by_proxy = by_proxy
        self.secrets = secrets
        self._injected = http_client
        self.is_ours = http_client is None
        if http_client is not None:
            _library_of(http_client)

    @contextlib.asynccontextmanager
    async def open(self, request: HTTPRequest, *, connection: Connection) -> AsyncIterator[Response]:
        with _clients_of(asyncio.get_running_loop()).one_more():
            async with self._open(request, connection) as response:
                yield response

    @contextlib.asynccontextmanager
    async def _open(self, request: HTTPRequest, connection: Connection) -> AsyncIterator[Response]:
        try:
            found = (None, self._injected) if self._injected is not None else _way_to(self.base_url, self._by_proxy)
            proxy, client = found
        except ConnectionFailed as exc:
            raise exc.with_traceback(None) from None  # its frames hold the proxy's password
        library = _library_of(client)
        connection.go_by(f"{proxy}," if proxy is not None else "", tunnel=self.base_url.lower().startswith("https:"))
        sent = None
        try:
            sent = client.build_request(
                request.method,
                join(self.base_url, request.path),
                content=request.body,
                headers=request.revealed(self.secrets),
                timeout=library.Timeout(None),  # its clock also counts while a cell blocks the loop
                extensions={"trace": connection.follow},
            )
            response = await client.send(sent, stream=True, follow_redirects=False)
            connection.use(response.extensions.get("network_stream"))
        except Exception as exc:
            _without_frames(exc)
            failure = self._failure(exc, library, proxy if connection.at_proxy else None, proxy)
            if failure is None:
                raise
            raise failure from None  # the message of httpx may hold the key
        finally:
            connection.connecting = connection.queued = False
            del sent  # it holds the secrets, and `%xmode Verbose` prints the locals of every frame
        try:
            if proxy is not None and response.status_code == 407:  # servers have 401 for this
                raise _proxy_wants_a_password(proxy)
            yield HTTPXResponse(response, library)
        finally:
            connection.use(None)
            await response.aclose()

    def _failure(
        self, exc: Exception, library: ModuleType, failed: Proxy | None, proxy: Proxy | None
    ) -> ConnectionFailed | None:
        """Return the error for what httpx raised. None: a fault of ours.

        ``failed`` is the proxy if it did not connect to the server. ``proxy`` is the proxy, whatever failed.
        """
        host = host_of(self.base_url)
        said = mask(_reason(exc), self.secrets)
        if is_too_many_files(exc):
            return ConnectionFailed(ErrorInfo(f"No connection to {host}. {TOO_MANY_FILES}", kind="files"))
        if failed is not None:  # the package for SOCKS has errors of its own
            return _proxy_failed(exc, failed, failed.mask(said), self.base_url)
        if isinstance(exc, library.ProxyError):
            return ConnectionFailed(ErrorInfo(f"The proxy refused the connection to {host}: {said}.", kind="proxy"))
        if isinstance(exc, library.ConnectError) and (fault := _cause(exc, ssl.SSLError)) is not None:
            return ConnectionFailed(ErrorInfo(_explain_tls(fault, host, said, proxy), kind="tls"))
        if isinstance(exc, library.ConnectError) and _cause(exc, socket.gaierror) is not None:
            message = f"Cannot find {host}: no network, or a proxy?"
            return ConnectionFailed(ErrorInfo(message, kind="connect"), retryable=True)
        if isinstance(exc, library.ConnectError):
            return ConnectionFailed(ErrorInfo(f"No connection to {host}: {said}.", kind="connect"), retryable=True)
        if isinstance(exc, library.TransportError):
            return ConnectionFailed(
                ErrorInfo(f"{host} closed the connection before it answered: {said}.", kind="connect"), retryable=True
            )
        if isinstance(exc, library.RequestError):
            return ConnectionFailed(ErrorInfo(f"The request to {host} failed: {said}.", kind="connect"))
        if isinstance(exc, library.InvalidURL | UnicodeError):
            return ConnectionFailed(ErrorInfo(f"{host[:80]!r} is not a host: {said}.", kind="address"))
        if self._injected is not None:  # it was closed, or a hook or a transport of the person's raised
            message = f"The http_client raised {type(exc).__name__}: {said}."
            return ConnectionFailed(ErrorInfo(message, kind="http_client"))
        return None


def _proxy_failed(exc: Exception, proxy: Proxy, said: str, url: str) -> ConnectionFailed:
    """Return the error for a proxy that did not connect to the server. The server itself got nothing."""
    host = host_of(url)
    fix = f"Correct or unset {proxy.variable}, or add {urlsplit(url).hostname} to NO_PROXY."
    if _NOT_REACHED.search(said):
        fix = f"Is the address right, and does that server run? {fix}"
    if _LOGIN.search(said):
        return _proxy_wants_a_password(proxy)
    if type(exc).__name__ == "ProxyError":
        message = f"{proxy}, refused to connect to {host}: {said}. {fix}"
    elif _cause(exc, socket.gaierror) is not None:
        message = f"Cannot find {proxy}, on the way to {host}. {fix}"
    elif _cause(exc, ssl.SSLError) is not None and _NOT_TLS.search(said):
        message = f"{proxy}, does not speak TLS. Write http://{proxy.place} into {proxy.variable}."
    elif _cause(exc, ssl.SSLError) is not None:
        message = f"No secure connection to {proxy}, on the way to {host}: {said}. {fix}"
    elif type(exc).__name__ == "ConnectError":
        message = f"No connection to {proxy}, on the way to {host}: {said}. {fix}"
    else:
        message = f"{proxy}, did not answer as a proxy does: {said}. {fix}"
    return ConnectionFailed(ErrorInfo(message, kind="proxy"))


def _proxy_wants_a_password(proxy: Proxy) -> ConnectionFailed:
    if proxy.user or proxy.password:
        message = f"{proxy}, refused the user name and password that {proxy.variable} holds. Correct them there."
    else:
        address = f"{proxy.scheme}://USER:PASSWORD@{proxy.place}"
        message = f"{proxy}, wants a user name and a password. Write them into {proxy.variable}: {address}"
    return ConnectionFailed(ErrorInfo(message, kind="proxy"))


def _explain_tls(fault: ssl.SSLError, host: str, said: str, proxy: Proxy | None) -> str:
    if _NOT_TLS.search(said):
        said = f"it does not speak TLS. Is its address http:// instead of https://? ({said})"
    by = f", by way of {proxy}" if proxy is not None else ""
    message = f"No secure connection to {host}{by}: {said}."
    if isinstance(fault, ssl.SSLCertVerificationError) and (trusted := environment.trusted_certificates()):
        message = f"{message} {trusted}"
    return message


def _without_frames(exc: BaseException) -> BaseException:
    """Return the error without tracebacks. The frames of httpx and h11 hold the request's headers, with the key."""
    for link in list(causes(exc)):
        link.__traceback__ = None
    return exc


def get_ready(url: str | None) -> None:
    """Import httpx and read the certificates now, so that the first request to this address need not wait.

    None is the demo server.
    """
    if in_tab():
        return  # the browser sends the requests
    with contextlib.suppress(ConnectionFailed):  # the request itself will raise it
        _way_to(url or "http://127.0.0.1")
    with contextlib.suppress(ImportError):  # httpx imports it at the first request
        importlib.import_module("anyio._backends._asyncio")


def _way_to(url: str, by_proxy: bool = True) -> tuple[Proxy | None, httpx.AsyncClient]:
    """Return the proxy for an address, and the loop's client for it.

    Making a client costs 20-80 ms, and a shared one reuses its connections. A new one is made if the proxy or the
    certificates have changed in the environment. People set them after a failure. httpx itself does not read the
    environment (``trust_env``). ``environment.py`` says why. All keys of the process share the client, so it keeps no
    cookies: a cookie that a server set with one key would be sent with another.
    """
    import httpx

    proxy = environment.proxy_for(url) if by_proxy else None
    loop = asyncio.get_running_loop()
    secure = url.lower().startswith("https:") or (proxy is not None and proxy.scheme == "https")
    clients = _clients_of(loop)
    by_aiohttp = clients.requests > _MANY and proxy is None and _PLAIN.match(url) is not None and _has_aiohttp()
    way = proxy, environment.trust() if secure else None, by_aiohttp
    client = clients.get(way)
    if client is None or client.is_closed:
        from http.cookiejar import CookieJar, DefaultCookiePolicy  # late: it is slow to import, and httpx needs it too

        context = ssl_context(way[1])
        client = clients[way] = httpx.AsyncClient(
            transport=_aiohttp_transport(context) if by_aiohttp else None,
            verify=context,
            # With the default limit of 100 connections, the 101st stream would fail with a PoolTimeout.
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=20),
            proxy=None if proxy is None else _httpx_proxy(proxy, context),
            trust_env=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )
    return proxy, client


@functools.cache
def _has_aiohttp() -> bool:
    from importlib.metadata import PackageNotFoundError, version  # late: it is slow to import

    try:
        return tuple(map(int, version("aiohttp").split(".")[:2])) >= _AIOHTTP
    except (PackageNotFoundError, ValueError):
        return False


def _aiohttp_transport(context: ssl.SSLContext) -> httpx.AsyncBaseTransport:
    from streamwidget._client.aio import AiohttpTransport  # late: few programs have many streams

    return AiohttpTransport(context)


class _LoopsClients(dict["_Way", "httpx.AsyncClient"]):
    """The clients of one loop. ``asyncio.run`` closes them before it closes its loop.

    It closes each async generator that has begun on the loop, and one of ours waits for that.

    Attributes
    ----------
    requests : int
        How many are open now.
    """

    def __init__(self) -> None:
        super().__init__()
        self.requests = 0
        self._until_closed = self._close_at_the_end()
        with contextlib.suppress(StopIteration):
            self._until_closed.asend(None).send(None)  # to its `yield`. Nothing is awaited before it

    @contextlib.contextmanager
    def one_more(self) -> Iterator[None]:
        self.requests += 1
        try:
            yield
        finally:
            self.requests -= 1

    async def _close_at_the_end(self) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            for client in self.values():
                await client.aclose()


def _clients_of(loop: asyncio.AbstractEventLoop) -> _LoopsClients:
    known = vars(loop).get(_CLIENTS)
    if known is None:
        known = vars(loop)[_CLIENTS] = _LoopsClients()
    return cast("_LoopsClients", known)


def _httpx_proxy(proxy: Proxy, context: ssl.SSLContext) -> httpx.Proxy:
    import httpx

    try:
        return httpx.Proxy(
            f"{proxy.scheme}://{proxy.place}",
            auth=(proxy.user, proxy.password) if proxy.user or proxy.password else None,
            ssl_context=context if proxy.scheme == "https" else None,  # httpcore refuses one for another scheme
        )
    except (httpx.InvalidURL, ValueError) as exc:
        _without_frames(exc)  # they hold the password
        message = f"{proxy.variable} names a proxy whose host cannot be read: {proxy.place}. Correct or unset it."
        raise ConnectionFailed(ErrorInfo(message, kind="environment")) from None


@functools.cache
def ssl_context(trust: Trust | None) -> ssl.SSLContext:
    """Read the trusted certificates, once for each setting. This is most of the cost of a client.

    None: no address needs TLS. The context then trusts nobody.
    """
    import httpx

    if trust is None:
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    environment.check_certificates()
    try:
        return httpx.create_ssl_context()
    except OSError as exc:  # ssl.SSLError is one
        raise environment.certificates_failed(exc) from None


def _library_of(client: Any) -> ModuleType:
    """Return the library of a client's AsyncClient: httpx or httpx2. A derived class counts too."""
    for cls in type(client).__mro__:
        package = cls.__module__.partition(".")[0]
        if cls.__name__ == "AsyncClient" and package.startswith("httpx"):
            return importlib.import_module(package)
    raise TypeError(f"http_client must be an httpx.AsyncClient, not {type(client).__name__}.")


def _cause(exc: BaseException, kind: type[E]) -> E | None:
    """Return the first error of this kind in the chain."""
    return next((link for link in causes(exc) if isinstance(link, kind)), None)


def _reason(exc: Exception) -> str:
    """Return what went wrong, in the words of the system if it has some: "Connection refused"."""
    for link in causes(exc):
        if isinstance(link, OSError) and link.errno and not isinstance(link, ssl.SSLError | socket.gaierror):
            return os.strerror(link.errno)  # asyncio's own text would say again where to
    return said_by(exc).rstrip(".") or type(exc).__name__
