"""The person's client, under watch. Nothing of a request changes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

from streamwidget._client.client import ChatClient
from streamwidget._client.connection import Connection
from streamwidget._client.http import HTTPRequest, Response, Transport
from streamwidget._client.transport import HTTPXTransport
from streamwidget._core.secrets import mask
from streamwidget._core.visible import one_line

_KEPT = 2**18  # bytes of a body


class Watched:
    """A transport with a memory of the last response.

    Attributes
    ----------
    connection : Connection or None
        The connection of the last request. None: nothing was sent.
    status : int or None
        Of the last response.
    headers : mapping of str to str
    body : bytearray
        Its beginning.
    heard_at : float
        ``time.monotonic()`` of the last bytes, or of the headers.
    tls : mapping of str to str
        The version of TLS, and the issuer of the certificate. Empty: not encrypted.
    """

    def __init__(self, transport: Transport) -> None:
        self.base_url = transport.base_url
        self.secrets = transport.secrets
        self.is_ours = transport.is_ours
        self.connection: Connection | None = None
        self.status: int | None = None
        self.headers: Mapping[str, str] = {}
        self.body = bytearray()
        self.heard_at = time.monotonic()
        self.tls: Mapping[str, str] = {}
        self._transport = transport

    @contextlib.asynccontextmanager
    async def open(self, request: HTTPRequest, *, connection: Connection) -> AsyncIterator[Response]:
        self.connection = connection
        async with self._transport.open(request, connection=connection) as response:
            self.status, self.headers, self.heard_at = response.status, response.headers, time.monotonic()
            self.tls = _about(connection.tls)
            yield _WatchedResponse(response, self)

    @property
    def at_proxy(self) -> bool:
        """True if a proxy of the environment was asked to connect to the server, and did not."""
        return self.connection is not None and self.status is None and self.connection.at_proxy

    def header(self, name: str, limit: int = 80) -> str:
        """Return a header's value for the person: one line, and no key. Empty if it is not there."""
        return one_line(mask(self.headers.get(name, ""), self.secrets), limit)

    def has_begun(self, step: str) -> bool:
        """Return True if a step of the connection was begun."""
        return self.connection is not None and any(step in event for event, _ in self.connection.steps)

    def took(self, step: str) -> float | None:
        """Return the seconds of a step of the connection, such as ``start_tls``. None: it was not taken."""
        times = {event: at for event, at in (self.connection.steps if self.connection else ()) if step in event}
        begun = next((at for event, at in times.items() if event.endswith("started")), None)
        done = next((at for event, at in times.items() if event.endswith("complete")), None)
        return None if begun is None or done is None else done - begun


def _about(tls: Any) -> dict[str, str]:
    """Return the version and the issuer of an ``ssl.SSLObject``. It may be None, or of another library."""
    try:
        issuer = {key: value for part in tls.getpeercert().get("issuer", ()) for key, value in part}
        name = issuer.get("organizationName") or issuer.get("commonName") or ""
        return {"version": str(tls.version()), **({"issuer": one_line(name, 60)} if name else {})}
    except (AttributeError, TypeError, ValueError):
        return {}


class _WatchedResponse:
    def __init__(self, response: Response, watched: Watched) -> None:
        self.status = response.status
        self.headers = response.headers
        self._response = response
        self._watched = watched

    async def chunks(self) -> AsyncIterator[bytes]:
        watched = self._watched
        async for chunk in self._response.chunks():
            watched.heard_at = time.monotonic()
            watched.body += chunk[: _KEPT - len(watched.body)]
            yield chunk

    async def drain(self) -> None:
        await self._response.drain()


class WatchedClient(ChatClient):
    """A client with the settings of another one.

    Attributes
    ----------
    last : Watched or None
        The transport of the last request.
    """

    def __init__(self, client: ChatClient) -> None:
        vars(self).update(vars(client))
        self.last: Watched | None = None
        self._by_proxy = True

    def without_proxy(self) -> WatchedClient:
        """Return a client that asks the server itself."""
        other = WatchedClient(self)
        other._by_proxy = False
        return other

    def _transport(self) -> Transport:
        url = self.base_url
        if url is None or self._by_proxy:
            self.last = Watched(super()._transport())
        else:
            self.last = Watched(HTTPXTransport(url, self._secrets, by_proxy=False))
        return self.last
