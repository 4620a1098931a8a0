"""The connection under one request: what it waits for, and how any thread closes it."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Mapping
from typing import Any


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
