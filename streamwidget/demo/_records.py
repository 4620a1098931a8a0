"""The log of the server: one record for each request, in bounded memory, readable from any thread."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_RECORDS = 10_000
MAX_BODY_BYTES = 64 * 1024 * 1024  # request bodies, all records together

_SECRET = frozenset({"authorization", "proxy-authorization", "api-key", "x-api-key", "cookie"})


def masked(headers: Mapping[str, str]) -> dict[str, str]:
    """Return ``headers`` with secrets reduced to their scheme and last four characters.

    >>> masked({"authorization": "Bearer sk-0123456789abcdef"})
    {'authorization': 'Bearer ***cdef'}
    """
    return {name: _mask(value) if name in _SECRET else value for name, value in headers.items()}


def _mask(value: str) -> str:
    scheme, _, secret = value.rpartition(" ")
    return f"{scheme} ***{secret[-4:] if len(secret) >= 12 else ''}".lstrip()


@dataclass(slots=True, eq=False)
class RequestRecord:
    """One request as the server saw it. Times are seconds of ``time.monotonic()``, written by the server's thread.

    Attributes
    ----------
    number, connection : int
        The numbers of the request and of its connection, from 1. Requests on one connection have the same number.
    method, path : str
    headers : dict of str
        Names in lower case, secrets masked.
    body : object
        The parsed JSON, or None.
    received : float
        When the server had read the request. ``received_wall`` is the same moment of ``time.time()``.
    status : int or None
        The response's status. None until the head is sent.
    bytes_sent, deltas_sent : int
        Bytes written to the socket, and deltas (text, reasoning, ...) among them.
    first_delta : float or None
        When the first delta was written.
    client_left : float or None
        When the client closed or reset the connection before the response was over. Otherwise None.
    ended : float or None
        When the response was over, by either side.
    left, over : threading.Event
        Set with ``client_left`` and ``ended``.
    """

    number: int
    connection: int
    method: str
    path: str
    headers: dict[str, str]
    body: Any = None
    body_bytes: int = 0
    received: float = field(default_factory=time.monotonic)
    received_wall: float = field(default_factory=time.time)
    status: int | None = None
    bytes_sent: int = 0
    deltas_sent: int = 0
    first_delta: float | None = None
    client_left: float | None = None
    ended: float | None = None
    left: threading.Event = field(default_factory=threading.Event, repr=False)
    over: threading.Event = field(default_factory=threading.Event, repr=False)

    def leave(self, at: float) -> None:
        """Note that the client left at monotonic time ``at``."""
        self.client_left = at
        self.left.set()

    def end(self) -> None:
        """Note that the response is over."""
        self.ended = time.monotonic()
        self.over.set()

    def to_json(self) -> dict[str, Any]:
        """Return the record as JSON values. Each time is there as wall time too (``first_delta_wall``)."""
        names = ("number", "connection", "method", "path", "headers", "body", "status", "bytes_sent", "deltas_sent")
        value: dict[str, Any] = {name: getattr(self, name) for name in names}
        for name in ("received", "first_delta", "client_left", "ended"):
            at: float | None = getattr(self, name)
            value[name] = at
            value[f"{name}_wall"] = None if at is None else self.received_wall + at - self.received
        return value


class RequestLog:
    """The records, newest last. The oldest are dropped when there are too many or their bodies are too large."""

    def __init__(self) -> None:
        self._records: deque[RequestRecord] = deque()
        self._body_bytes = 0
        self._changed = threading.Condition()

    def add(self, record: RequestRecord) -> None:
        """Append ``record``."""
        with self._changed:
            self._records.append(record)
            self._body_bytes += record.body_bytes
            while len(self._records) > MAX_RECORDS or (self._body_bytes > MAX_BODY_BYTES and len(self._records) > 1):
                self._body_bytes -= self._records.popleft().body_bytes
            self._changed.notify_all()

    def clear(self) -> None:
        """Forget all records."""
        with self._changed:
            self._records.clear()
            self._body_bytes = 0

    def snapshot(self) -> list[RequestRecord]:
        """Return the records of this moment."""
        with self._changed:
            return list(self._records)

    def wait(self, count: int, timeout: float) -> list[RequestRecord]:
        """Wait for ``count`` records and return them. Raises TimeoutError after ``timeout`` seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._records) >= count, timeout):
                raise TimeoutError(f"{len(self._records)} of {count} requests came within {timeout} s")
            return list(self._records)
