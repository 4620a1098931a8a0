"""A request, a response and what carries them, whoever that is: the network, a recorder, or a recording.

:class:`Transport` and :class:`Response` are protocols. ``transport.py`` implements them with httpx, ``recorder.py``
notes what passes through another transport, and ``replay.py`` plays a recording.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

from streamwidget._core.secrets import ApiKey


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
        None: no body, as for a GET.
    headers : mapping
        Headers of the dialect. ``{key}`` in a value stands for the key, so no frame above the transport holds it.
    """

    method: str
    path: str
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def all_headers(self) -> dict[str, str]:
        """Return what the request says of itself, the key still as ``{key}``. httpx adds a few more."""
        common = {"Accept": "text/event-stream, application/json", "Accept-Encoding": "identity"}
        if self.body is not None:
            common["Content-Type"] = "application/json"
        return {**common, **self.headers}


class Response(Protocol):
    """One response whose body is still to be read."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes, its content coding removed. Raises :class:`BodyError` where it breaks."""
        ...

    async def drain(self) -> None:
        """Read what is left, briefly. A response that was read to its end leaves a connection for the next request."""
        ...


class Transport(Protocol):
    """Sends requests to one base URL with one key."""

    @property
    def base_url(self) -> str: ...

    @property
    def api_key(self) -> ApiKey | None: ...

    def open(self, request: HTTPRequest, *, connection: Connection) -> AbstractAsyncContextManager[Response]:
        """Send one request. The response is closed when the block is left.

        Raises
        ------
        ConnectionFailed
            There is no response. ``error.kind`` is ``connect``, ``tls`` or ``proxy``.
        """
        ...


class Connection:
    """The connection under one request, so that any thread can end it. A loop that is blocked cannot close it.

    A new connection is known from the moment that it is made. A reused one is known from the response's headers on:
    before them httpx does not say which of its idle connections it took.

    Attributes
    ----------
    connecting : bool
        True while a connection is being made.
    """

    def __init__(self) -> None:
        self._stream: Any = None
        self.connecting = False

    async def follow(self, event: str, info: Mapping[str, Any]) -> None:
        """Note a connection that is made (httpx's ``trace`` extension)."""
        self.connecting = event.startswith("connection.")
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self._stream = info["return_value"]

    def use(self, stream: Any) -> None:
        """Note the connection that a response came over. None: it may serve another request from now on."""
        self._stream = stream

    def shut(self) -> None:
        """End the connection at once."""
        stream = self._stream
        sock = stream.get_extra_info("socket") if stream is not None else None
        if sock is None:
            return
        # By its number: asyncio and uvloop give stand-ins for the socket, and those refuse to shut it down.
        with contextlib.suppress(OSError), socket.fromfd(sock.fileno(), socket.AF_INET, socket.SOCK_STREAM) as same:
            same.shutdown(socket.SHUT_RDWR)


def media_type_of(response: Response) -> str:
    """Return the media type of a response in lower case, without its parameters. Empty where none is told."""
    return response.headers.get("content-type", "").partition(";")[0].strip().lower()


def host_of(url: str) -> str:
    """Return the host of a URL, or the text itself where it names none."""
    try:
        return urlsplit(url).hostname or url
    except ValueError:
        return url
