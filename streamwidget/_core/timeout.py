"""When to give up: the limits, and a clock that finds the limit that has passed.

Rules
-----
- Limits look at content. Any bytes reset ``stall``, even a comment such as ``: ping``. Only deltas reset ``progress``.
- Time in which the event loop was blocked does not count. Example: your cell computes for 60 s. The next tick is then
  60 s late, and all start times move by 60 s.
- No clock is read here. The caller passes the time.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, fields
from typing import NamedTuple

from streamwidget._core.exceptions import ConfigurationError

#: Seconds between two ticks. An awaiting cell notices a kernel interrupt at the next tick, so it is not a setting.
TICK = 0.1
#: Seconds. If a tick is later than this, the loop was blocked and not just busy.
_LATE = 0.15


@dataclass(frozen=True, slots=True)
class Timeout:
    """The limits of one stream, in seconds. None switches a limit off.

    Parameters
    ----------
    connect : float or None, default 5
        From the request to an open connection. For https, to an encrypted one.
    headers : float or None, default 60
        From the request to the response's status line. Includes connecting.
    first_delta : float or None, default 120
        From the headers to the first delta.
    stall : float or None, default 30
        Between two reads of bytes, after the first delta.
    progress : float or None, default 120
        Between two deltas. Bytes without a delta do not reset it.
    total : float or None, default 600
        The whole stream, with its retries and the delays before them. In an answer with tools each request has as much
        time as this. Neither a tool that runs nor a person who is asked counts.

    Raises
    ------
    ConfigurationError
        If a limit is neither None nor a positive number.

    Examples
    --------
    >>> import streamwidget as sw
    >>> client = sw.ChatClient(timeout=sw.Timeout(stall=60, total=None))
    >>> client.timeout.stall
    60
    """

    connect: float | None = 5
    headers: float | None = 60
    first_delta: float | None = 120
    stall: float | None = 30
    progress: float | None = 120
    total: float | None = 600

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and not (is_seconds(value) and value > 0):
                raise ConfigurationError(f"Timeout.{field.name} must be a positive number of seconds or None.")

    def explain(self, limit: str, host: str) -> str:
        """Describe a limit that passed, in one sentence.

        Parameters
        ----------
        limit : str
            The limit's name.
        host : str
            The server.

        Returns
        -------
        str
            Without a full stop.

        Examples
        --------
        >>> import streamwidget as sw
        >>> sw.Timeout().explain("stall", "localhost")
        'localhost sent nothing more within 30 s'
        """
        return f"{_PASSED[limit].format(host=host)} within {getattr(self, limit):g} s"


_PASSED = {
    "connect": "No connection to {host} was made",
    "headers": "{host} did not answer",
    "first_delta": "{host} accepted the request, but sent no text",
    "stall": "{host} sent nothing more",
    "progress": "The connection to {host} is alive, but no more text came",
    "total": "The answer was not finished",
}


def is_seconds(value: object) -> bool:
    """Return True for a number of seconds that is not negative: infinity is one, and `True` and `10**400` are not."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 <= value <= sys.float_info.max or value == math.inf


class PendingLimit(NamedTuple):
    """The limit that a stream is nearest to, while it waits for the next thing to happen.

    Attributes
    ----------
    name : str
        The name of a limit of :class:`Timeout`, or ``retry``: the delay before the next attempt.
    elapsed : float
        Seconds that it has waited so far.
    limit : float
        Seconds that it waits at most.
    """

    name: str
    elapsed: float
    limit: float


class Deadlines:
    """The clock of one stream. It finds the limit of a :class:`Timeout` that has passed."""

    def __init__(self, limits: Timeout, now: float) -> None:
        self._limits = limits
        self._begun = self._ticked = now
        self.new_attempt(now)

    def new_attempt(self, now: float) -> None:
        """Start the limits of a request that is about to be sent."""
        self._sent = now
        self._headers: float | None = None
        self._bytes = now
        self._delta: float | None = None
        self._retry: tuple[float, float] | None = None

    def wait_for_retry(self, now: float, delay: float) -> None:
        """Only ``total`` counts until :meth:`new_attempt`, because no request runs for ``delay`` seconds."""
        self._retry = now, delay

    def got_headers(self, now: float) -> None:
        self._headers = self._bytes = now

    def silence(self, now: float) -> float:
        """Return the seconds since the last bytes, or since the request if none came."""
        return max(0.0, now - (self._sent if self._headers is None else self._bytes))

    def got_bytes(self, now: float) -> None:
        self._bytes = now

    def got_delta(self, now: float) -> None:
        self._delta = now

    def tick(self, now: float, *, connecting: bool = False) -> str | None:
        """Check the limits. Call this every :data:`TICK` seconds.

        Parameters
        ----------
        now : float
            The time, from ``time.monotonic()``.
        connecting : bool, default False
            A connection is being made now. ``connect`` counts only then.

        Returns
        -------
        str or None
            The name of the limit that has passed.
        """
        late = now - self._ticked - TICK
        self._ticked = now
        if late > _LATE:
            self._skip(late, now)
        for name, since in [*([("connect", self._sent)] if connecting else []), *self._running()]:
            limit = getattr(self._limits, name)
            if limit is not None and now - since >= limit:
                return name
        return None

    def pending(self) -> PendingLimit | None:
        """Return the limit in force that is nearest to its end, ``total`` aside. Any thread may call this.

        The time is that of the last tick, so that time in which the loop was blocked does not count here either.
        """
        if (retry := self._retry) is not None:
            since, delay = retry
            return PendingLimit("retry", max(0.0, self._ticked - since), delay)
        pending = [
            PendingLimit(name, max(0.0, self._ticked - since), limit)
            for name, since in self._running()
            if name != "total" and (limit := getattr(self._limits, name)) is not None
        ]
        return max(pending, key=lambda limit: limit.elapsed / limit.limit, default=None)

    def _running(self) -> list[tuple[str, float]]:
        total = ("total", self._begun)
        if self._retry is not None:
            return [total]
        headers, delta = self._headers, self._delta
        if headers is None:
            return [("headers", self._sent), total]
        if delta is None:
            return [("first_delta", headers), total]
        return [("stall", self._bytes), ("progress", delta), total]

    def _skip(self, seconds: float, now: float) -> None:
        """Move all start times by ``seconds``, but never past ``now``."""
        self._begun += seconds
        self._sent = min(self._sent + seconds, now)
        self._bytes = min(self._bytes + seconds, now)
        if self._headers is not None:
            self._headers = min(self._headers + seconds, now)
        if self._delta is not None:
            self._delta = min(self._delta + seconds, now)
