"""A request, a response, and the transport that carries them.

:class:`Transport` and :class:`Response` are protocols. ``transport.py`` implements them with httpx, ``recorder.py``
records another transport, and ``replay.py`` plays a recording. In a browser tab ``fetch.py`` and ``memory.py`` do.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Protocol
from urllib.parse import urlsplit

from streamwidget._core.secrets import Secrets


class BodyError(Exception):
    """The connection broke while the body was read, or its content coding did."""


@dataclass(frozen=True, slots=True)
class HTTPRequest:
    """One request.

    Attributes
    ----------
    method : str
    path : str
        Relative to the base URL.
    body : bytes or None
        None for a request without a body, such as a GET.
    headers : mapping
        Headers of the dialect. ``{key}`` in a value stands for the key, so only the transport's frames hold the key.
    content : mapping or None
        The JSON object that the body is, for the receipt.
    """

    method: str
    path: str
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content: Mapping[str, Any] | None = field(default=None, repr=False)

    def all_headers(self) -> dict[str, str]:
        """Return all headers of the request. The key is still ``{key}``. httpx adds a few more.

        Examples
        --------
        >>> HTTPRequest("GET", "models", headers={"Authorization": "Bearer {key}"}).all_headers()["Authorization"]
        'Bearer {key}'
        """
        common = {"Accept": "text/event-stream, application/json", "Accept-Encoding": "identity"}
        if self.body is not None:
            common["Content-Type"] = "application/json"
        return {**common, **self.headers}

    def headers_for(self, secrets: Secrets) -> dict[str, str]:
        """Return the headers to which those of the client are added. Its own ones replace ours.

        Without a key, the headers with ``{key}`` are left out.
        """
        own = {name.lower() for name in secrets.headers}
        return {
            name: value
            for name, value in self.all_headers().items()
            if name.lower() not in own and (secrets.key is not None or "{key}" not in value)
        }

    def revealed(self, secrets: Secrets) -> dict[str, str]:
        """Return all headers as they are sent. The key is in place of ``{key}``: ``Bearer {key}`` -> ``Bearer sk-...``.

        Only this method's frame and those of a transport hold secrets.
        """
        key = secrets.key.reveal() if secrets.key is not None else ""
        sent = {name: value.replace("{key}", key) for name, value in self.headers_for(secrets).items()}
        return {**sent, **{name: value.reveal() for name, value in secrets.headers.items()}}


class Response(Protocol):
    """One response. Its body is still to be read."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives, decompressed. :class:`BodyError` if the connection breaks."""
        ...

    async def drain(self) -> None:
        """Read the rest for a moment. If the end is reached, the next request can use the connection."""
        ...


class Transport(Protocol):
    """Sends requests to one base URL with one key, and with the client's own headers."""

    @property
    def base_url(self) -> str: ...

    @property
    def secrets(self) -> Secrets: ...

    @property
    def is_ours(self) -> bool:
        """True if it sends with a client of ours. One of the person's may belong to their loop."""
        ...

    def open(self, request: HTTPRequest, *, connection: Connection) -> AbstractAsyncContextManager[Response]:
        """Send one request. Leaving the ``async with`` block closes the response.

        Raises
        ------
        ConnectionFailed
            If no response arrives. ``error.kind`` is ``connect``, ``tls``, ``proxy``, ``environment`` (a variable has
            a value that cannot work), ``address``, ``http_client`` (the given client raised), ``cors`` (a browser
            tab may not ask this server) or ``cors_header`` (it may with one more header).
        """
        ...


class Connection:
    """The connection under one request. Any thread can close it, even while the event loop is blocked.

    A new connection is known as soon as it is made. A reused one is known when the response's headers arrive. Before
    them httpx does not name it.

    Attributes
    ----------
    connecting : bool
        True while a connection is being made.
    at_proxy : bool
        True while a proxy is connected to, and while it is asked to connect to the server.
    mark : str
        Words on who answers that everybody must see. Empty: the model's name is enough.
    left_at : float or None
        ``time.monotonic()`` of the moment when the request left. None before it.
    carried : bool
        True once a byte of the request went to the server.
    queued : bool
        True from the request until it has a connection. That takes long only if the client limits their number.
    steps : list of tuple
        What httpx did, each with its ``time.monotonic()``: ``("connection.start_tls.complete", 12.3)``.

    Parameters
    ----------
    wait_for : callable
        Takes what the request waits for before it is sent, in words. Empty: nothing any more.
    """

    def __init__(self, wait_for: Callable[[str], None] = lambda _: None) -> None:
        self.mark = ""
        self.left_at: float | None = None
        self.wait_for = wait_for
        self._stream: Any = None
        self._proxy = ""
        self._tunnel = False
        self.connecting = False
        self.at_proxy = False
        self.carried = False
        self.queued = False
        self.steps: list[tuple[str, float]] = []
        self._told = False  # that it is queued

    def go_by(self, proxy: str, *, tunnel: bool) -> None:
        """Note that the request leaves now, and remember its proxy, in words.

        With a ``tunnel`` the proxy is asked to connect to the server, and then only carries bytes. Without one it reads
        the request and sends it on, as for ``http://``.
        """
        self._proxy, self._tunnel, self.at_proxy, self.queued = proxy, tunnel, False, True
        self.left_at = self.left_at or time.monotonic()  # a simpler request may follow

    def tell_of_queue(self) -> None:
        """Let the person know that the request is queued, until it has a connection."""
        self._told = True
        self.wait_for("the http_client has no free connection (max_connections)")

    @property
    def waits_for(self) -> str:
        """The proxy in words, while it is the one that must act. Empty: it is the server."""
        return self._proxy if self.at_proxy else ""

    async def follow(self, event: str, info: Mapping[str, Any]) -> None:
        """Remember a connection when it is made (httpx's ``trace`` extension).

        Behind a proxy these are ``connection.connect_tcp``, ``http11.*`` (CONNECT) and ``proxy.start_tls``, or
        ``socks.connect_tcp``, ``socks.setup_socks5_connection`` and ``socks.start_tls``.
        """
        self.steps.append((event, time.monotonic()))
        if self._told:
            self._told = False
            self.wait_for("")
        self.queued = False
        step, _, rest = event.partition(".")
        self.connecting = step in ("connection", "proxy", "socks")
        if rest == "connect_tcp.started":
            self.at_proxy = bool(self._proxy)
        elif event in ("proxy.start_tls.started", "socks.start_tls.started") or (step == "http11" and not self._tunnel):
            self.at_proxy = False
        self.carried |= step.startswith("http") and not self.at_proxy
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self._stream = info["return_value"]

    @property
    def tls(self) -> Any:
        """The connection's ``ssl.SSLObject``. None: it is not encrypted, or not known."""
        return self._stream.get_extra_info("ssl_object") if self._stream is not None else None

    def use(self, stream: Any) -> None:
        """Remember the connection of a response. None: from now on it may serve another request."""
        self._stream = stream

    def shut(self) -> None:
        """Close the connection now."""
        stream = self._stream
        sock = stream.get_extra_info("socket") if stream is not None else None
        if sock is None:
            return
        # asyncio and uvloop give a stand-in for the socket, and it may refuse shutdown(). Its number gives a real one.
        with contextlib.suppress(OSError), socket.fromfd(sock.fileno(), socket.AF_INET, socket.SOCK_STREAM) as same:
            same.shutdown(socket.SHUT_RDWR)


def media_type_of(response: Response) -> str:
    """Return the media type of a response. Empty if it has none.

    ``Text/HTML; charset=utf-8`` is ``text/html``.
    """
    return response.headers.get("content-type", "").partition(";")[0].strip().lower()


def host_of(url: str) -> str:
    """Return the host of a URL for a message, with its port if the URL has one. Without a host, return the text.

    Examples
    --------
    >>> host_of("http://localhost:11434/v1"), host_of("https://api.openai.com/v1"), host_of("/login")
    ('localhost:11434', 'api.openai.com', '/login')
    """
    try:
        return urlsplit(url).netloc.rpartition("@")[2].lower() or url
    except ValueError:
        return url


def join(base_url: str, path: str) -> str:
    """Return the URL of a path below the base URL. The query stays at the end.

    Examples
    --------
    >>> join("https://host/openai?api-version=1", "chat/completions")
    'https://host/openai/chat/completions?api-version=1'
    """
    base, _, base_query = base_url.partition("?")
    path, _, query = path.partition("?")
    queries = "&".join(filter(None, (base_query, query)))
    return f"{base}/{path}" + (f"?{queries}" if queries else "")


def is_loopback(url: str) -> bool:
    """Return True if a URL leads to this machine, in any spelling: `127.1`, `0x7f.1`, `a.localhost`, `localhost.`.

    Examples
    --------
    >>> is_loopback("http://localhost:11434/v1"), is_loopback("http://[::1]/v1"), is_loopback("http://localhost.org")
    (True, True, False)
    >>> is_loopback("http://[::ffff:127.0.0.1]"), is_loopback("http://0.0.0.0:8000")
    (True, True)
    """
    try:
        host = (urlsplit(url).hostname or "").removesuffix(".")
    except ValueError:
        return False
    address = address_of(host)
    if address is None:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified  # to connect to 0.0.0.0 is to connect to this machine


def address_of(host: str) -> IPv4Address | IPv6Address | None:
    """Return the IP address that a host is, as the resolver reads it. None: it is a name.

    Examples
    --------
    >>> address_of("127.1"), address_of("::ffff:10.0.0.1"), address_of("example.com")
    (IPv4Address('127.0.0.1'), IPv4Address('10.0.0.1'), None)
    """
    try:
        address = ip_address(host)
    except ValueError:
        try:
            return IPv4Address(socket.inet_aton(host))
        except (OSError, ValueError):
            return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
