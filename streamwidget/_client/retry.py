"""When a failed request is made again, and how long to wait before. Pure; the stream does the waiting.

Only before the first delta: afterwards a second request would cost tokens twice and could answer differently.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from streamwidget._core.completion import ErrorInfo
from streamwidget._core.exceptions import ConfigurationError

RETRYABLE_STATUS = frozenset({408, 409, 429, 500, 502, 503, 504, 529})
#: A quota is spent until somebody pays; a retry only delays the bad news.
_FINAL_CODES = frozenset({"insufficient_quota"})
_PASSING_TYPES = frozenset({"overloaded_error", "server_error", "rate_limit", "rate_limit_error", "api_error"})


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how patiently to try again before the first delta.

    Attributes
    ----------
    attempts : int, default 3
        Requests in all; 1 means no retry.
    wait_initial, wait_max : float, default 0.5 and 8
        Seconds: the wait before attempt n is drawn evenly from 0 to ``min(wait_max, wait_initial * 2**(n-2))``
        (full jitter).
    max_retry_after : float, default 60
        Seconds. A server's Retry-After up to this is honoured; a longer one fails at once and says the wait.

    Raises
    ------
    ConfigurationError
        If ``attempts`` is less than 1 or a wait is negative.
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
        """Seconds to wait after attempt number ``failed`` failed; None if it was the last one allowed."""
        if failed >= self.attempts:
            return None
        if retry_after is not None:
            return retry_after if retry_after <= self.max_retry_after else None
        return min(self.wait_max, self.wait_initial * 2.0 ** (failed - 1)) * draw()


def worth_retrying(error: ErrorInfo) -> bool:
    """True where the same request may succeed later: by the status, or by the server's word inside a stream."""
    if error.code in _FINAL_CODES or error.type in _FINAL_CODES:
        return False
    if error.status is not None and error.status != 200:
        return error.status in RETRYABLE_STATUS
    return error.code in RETRYABLE_STATUS or error.type in _PASSING_TYPES


def parse_retry_after(value: str | None, milliseconds: str | None, now: float) -> float | None:
    """Seconds that ``Retry-After`` (RFC 9110, 10.2.3) or ``Retry-After-Ms`` ask for; None where neither is readable.

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
