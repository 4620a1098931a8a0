"""A request, a response, and the transport that carries them.

:class:`Transport` and :class:`Response` are protocols. ``transport.py`` implements them with httpx, ``recorder.py``
records another transport, and ``replay.py`` plays a recording. In a browser tab ``fetch.py`` and ``memory.py`` do.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from streamwidget._client.connection import Connection
from streamwidget._core.secrets import Secrets

_DRAIN = 0.1  # seconds to wait for the end of a finished response. Then its connection can be used again


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


def media_type_of(response: Response) -> str:
    """Return the media type of a response. Empty if it has none.

    ``Text/HTML; charset=utf-8`` is ``text/html``.
    """
    return response.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_out(raw: AsyncIterator[bytes], *broken: type[Exception]) -> None:
    """Read the rest of a finished response for a moment. It no longer matters if the connection is ``broken``."""
    with contextlib.suppress(TimeoutError, *broken):
        async with asyncio.timeout(_DRAIN):
            async for _ in raw:
                pass
