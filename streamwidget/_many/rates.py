"""When the next row of a batch may be asked: how many at once, how many requests and tokens a minute, and waits.

Rules
-----
- Requests leave at even distances. After a rest, those of one second may leave together. In no minute there are more
  than ``requests_per_minute``.
- The tokens of a row are an estimate when it leaves. Its end puts the true number in place of the estimate.
- If the server asks one row to wait, all rows wait. After that, half as many are asked at once. Each answer allows one
  more, up to the limit. So a server that was too busy for 400 requests does not get 400 at once again.
"""

from __future__ import annotations

import math

from streamwidget._core.exceptions import ConfigurationError

_SECOND = 1.0
_MINUTE = 60.0


class _Bucket:
    """A limit of things a minute. It has room for those of one second, and for one at least."""

    def __init__(self, per_minute: float) -> None:
        burst = max(1.0, per_minute * _SECOND / _MINUTE)
        # The first second's come at once. The others spread so that a minute from the first one has no more.
        self._apart = _MINUTE / per_minute * (1 + _SECOND / _MINUTE)
        self._ahead = (burst - 1) * self._apart
        self._free_at = -math.inf

    def wait(self, now: float) -> float:
        """Return the seconds until the next one may leave."""
        return max(0.0, self._free_at - self._ahead - now)

    def take(self, now: float, count: float) -> None:
        """Note that so many leave now."""
        self._free_at = max(self._free_at, now) + count * self._apart

    def correct(self, more: float) -> None:
        """Note that those that left were so many more, or less."""
        self._free_at += more * self._apart


class Rates:
    """The limits of one batch. All times are of ``time.monotonic()``.

    Parameters
    ----------
    concurrency : int
        The most rows at once.
    requests_per_minute, tokens_per_minute : float, optional
        None is no limit.

    Raises
    ------
    ConfigurationError
        If one of them is not a number above 0.

    Examples
    --------
    >>> rates = Rates(2, requests_per_minute=60)
    >>> rates.wait(now=0.0, running=0)
    0.0
    >>> rates.leave(now=0.0, tokens=10)
    >>> 1 < rates.wait(now=0.0, running=1) < 1.1, rates.wait(now=5.0, running=2)
    (True, inf)
    """

    def __init__(
        self, concurrency: int, requests_per_minute: float | None = None, tokens_per_minute: float | None = None
    ) -> None:
        if type(concurrency) is not int or concurrency < 1:
            raise ConfigurationError("concurrency must be a whole number from 1. Nothing was sent.")
        for name, limit in (("requests_per_minute", requests_per_minute), ("tokens_per_minute", tokens_per_minute)):
            if limit is not None and not (isinstance(limit, int | float) and 0 < limit < math.inf):
                raise ConfigurationError(f"{name} must be a number above 0, or None for no limit. Nothing was sent.")
        self._most = concurrency
        self._allowed = concurrency
        self._requests = None if requests_per_minute is None else _Bucket(requests_per_minute)
        self._tokens = None if tokens_per_minute is None else _Bucket(tokens_per_minute)
        self._refused_at = self._held_until = -math.inf

    def wait(self, now: float, running: int) -> float:
        """Return the seconds until a row may leave. ``inf``: not before one of those that run has ended."""
        if running >= self._allowed:
            return math.inf
        buckets = (one.wait(now) for one in (self._requests, self._tokens) if one is not None)
        return max(self.held_for(now), *buckets, 0.0)

    def leave(self, now: float, tokens: int) -> None:
        """Note that a row leaves, with an estimate of its tokens."""
        if self._requests is not None:
            self._requests.take(now, 1)
        if self._tokens is not None:
            self._tokens.take(now, tokens)

    def ended(self, estimated: int, tokens: int) -> None:
        """Note the true number of a row's tokens."""
        if self._tokens is not None:
            self._tokens.correct(tokens - estimated)

    def answered(self) -> None:
        """Note that the server has answered a row."""
        self._allowed = min(self._most, self._allowed + 1)

    def held_for(self, now: float) -> float:
        """Return for how many seconds all rows wait, because the server asked for it."""
        return max(0.0, self._held_until - now)

    def refused(self, now: float, left: float) -> bool:
        """Note that the server has refused a row that left at ``left``. Fewer rows run at once from now on.

        Return False if it left before the last refusal was heard. Those that left together are refused together.
        """
        if left <= self._refused_at:
            return False
        self._refused_at = now
        self._allowed = max(1, self._allowed // 2)
        return True

    def hold(self, now: float, seconds: float) -> None:
        """Let all rows wait."""
        self._held_until = max(self._held_until, now + seconds)
