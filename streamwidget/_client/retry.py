"""When a failed request is made again, and after how long. Pure: the stream does the waiting.

Only before the first delta. Afterwards a second request would cost tokens twice and could answer differently.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from streamwidget._core.completion import ErrorInfo
from streamwidget._core.exceptions import ConfigurationError

RETRYABLE_STATUS = frozenset({408, 409, 429, 500, 502, 503, 504, 529})
#: A spent quota stays spent until somebody pays. A retry only delays the bad news.
_FINAL_CODES = frozenset({"insufficient_quota"})
_PASSING_TYPES = frozenset({"overloaded_error", "server_error", "rate_limit", "rate_limit_error", "api_error"})


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often to try again before the first delta, and how long to wait.

    Attributes
    ----------
    attempts : int, default 3
        Requests in all. 1 means no retry.
    wait_initial, wait_max : float, default 0.5 and 8
        Seconds. The wait before attempt n is a random number from 0 to ``min(wait_max, wait_initial * 2**(n-2))``
        (full jitter).
    max_retry_after : float, default 60
        Seconds. A shorter Retry-After of the server is honoured. After a longer one the request fails at once, and the
        message names the wait.

    Raises
    ------
    ConfigurationError
        If ``attempts`` is less than 1 or a wait is negative.

    Examples
    --------
    >>> import streamwidget as sw
    >>> client = sw.ChatClient(retry=sw.RetryPolicy(attempts=5))
    >>> client.retry.attempts
    5
    """

    attempts: int = 3
    wait_initial: float = 0.5
    wait_max: float = 8.0
    max_retry_after: float = 60.0

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ConfigurationError("RetryPolicy.attempts must be at least 1.")
        if min(self.wait_initial, self.wait_max, self.max_retry_after) < 0:
            raise ConfigurationError("The waits of a RetryPolicy must not be negative.")

    def delay(self, failed: int, retry_after: float | None, draw: Callable[[], float] = random.random) -> float | None:
        """Return how long to wait after a failed attempt.

        Parameters
        ----------
        failed : int
            The number of the attempt, from 1.
        retry_after : float or None
            Seconds that the server asked for.
        draw : callable, optional
            Returns a random number from 0 to 1.

        Returns
        -------
        float or None
            Seconds. None if there is to be no further attempt.

        Examples
        --------
        >>> RetryPolicy(attempts=2).delay(1, retry_after=7)
        7
        >>> RetryPolicy(attempts=2).delay(2, retry_after=7) is None
        True
        """
        if failed >= self.attempts:
            return None
        if retry_after is not None:
            return retry_after if retry_after <= self.max_retry_after else None
        return min(self.wait_max, self.wait_initial * 2.0 ** (failed - 1)) * draw()


def worth_retrying(error: ErrorInfo) -> bool:
    """Return True if the same request may succeed later, by its status or by the server's word inside a stream."""
    if error.code in _FINAL_CODES or error.type in _FINAL_CODES:
        return False
    if error.status is not None and error.status != 200:
        return error.status in RETRYABLE_STATUS
    return error.code in RETRYABLE_STATUS or error.type in _PASSING_TYPES


def parse_retry_after(value: str | None, milliseconds: str | None, now: float) -> float | None:
    """Return the seconds asked for by ``Retry-After`` (RFC 9110, 10.2.3) or ``Retry-After-Ms``, None without either.

    ``now`` is the time of day as :func:`time.time` gives it.
    """
    for text, unit in ((milliseconds, 0.001), (value, 1.0)):
        try:
            seconds = float(text or "") * unit
        except ValueError:
            continue
        if 0 <= seconds < float("inf"):
            return seconds
    try:
        return max(0.0, parsedate_to_datetime(value or "").timestamp() - now)
    except (ValueError, TypeError, OverflowError):
        return None
