"""When to make a failed request again, and how long to wait before it. Pure functions. The stream does the waiting.

Retries happen only before the first delta. After it a second request would cost the tokens twice, and its answer could
be a different one.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from streamwidget._client.refusal import refusal_of
from streamwidget._core.completion import ErrorInfo
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.timeout import is_seconds

RETRYABLE_STATUS = frozenset({408, 409, 429, 500, 502, 503, 504, 529, *range(520, 525)})  # 520-524: Cloudflare's
#: Parts of the codes and types of errors inside a stream that may pass. Servers put them into either field.
_PASSING = re.compile(
    r"overload|rate_?limit|throttl|too_?many_?requests|unavailable|time_?d?_?out|busy|resource_?exhausted"
    r"|upstream|bad_?gateway|(server|internal|api)_?error|internal_?server",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often to try again before the first delta, and how long to wait.

    The wait before attempt n is a random number of seconds, from 0 to ``min(wait_max, wait_initial * 2**(n-2))`` (full
    jitter).

    Parameters
    ----------
    attempts : int, default 3
        Requests in all. 1 means no retry.
    wait_initial : float, default 0.5
        The longest wait before the second attempt, in seconds. It doubles with each further attempt.
    wait_max : float, default 8
        The longest wait before any attempt, in seconds.
    max_retry_after : float, default 60
        Seconds. If the server sends a Retry-After up to this, the stream waits that long and up to a quarter more, so
        that a class that was refused together does not come back together. If the server asks for more, the stream
        fails at once, and the error names the wait.

    Raises
    ------
    ConfigurationError
        If ``attempts`` is less than 1 or a wait is negative.

    Examples
    --------
    >>> import streamwidget as sw
    >>> client = sw.ChatClient(retry=sw.RetryPolicy(attempts=5, wait_max=2))
    >>> client.retry.attempts
    5
    """

    attempts: int = 3
    wait_initial: float = 0.5
    wait_max: float = 8.0
    max_retry_after: float = 60.0

    def __post_init__(self) -> None:
        if type(self.attempts) is not int or self.attempts < 1:
            raise ConfigurationError("RetryPolicy.attempts must be a whole number from 1.")
        for wait in (self.wait_initial, self.wait_max, self.max_retry_after):
            if not is_seconds(wait):
                raise ConfigurationError("The waits of a RetryPolicy must be numbers of seconds, and not negative.")

    def delay(self, failed: int, retry_after: float | None, draw: Callable[[], float] = random.random) -> float | None:
        """Return how many seconds to wait before the next attempt.

        Parameters
        ----------
        failed : int
            The number of the attempt that failed. The first one is 1.
        retry_after : float or None
            The seconds of the server's Retry-After.
        draw : callable, optional
            Returns a random number from 0 to 1.

        Returns
        -------
        float or None
            None if no attempt follows.

        Examples
        --------
        >>> import streamwidget as sw
        >>> policy = sw.RetryPolicy(attempts=3)
        >>> policy.delay(2, None, draw=lambda: 1.0)
        1.0
        >>> policy.delay(1, retry_after=8, draw=lambda: 1.0)
        10.0
        >>> policy.delay(3, None) is None
        True
        """
        if failed >= self.attempts:
            return None
        if retry_after is not None:
            return retry_after * (1 + draw() / 4) if retry_after <= self.max_retry_after else None
        return min(self.wait_max, self.wait_initial * 2.0 ** (failed - 1)) * draw()


def worth_retrying(error: ErrorInfo) -> bool:
    """Return True if the same request may succeed later.

    The HTTP status decides. For an error inside a stream, the server's code or type decides. Some refusals last,
    whatever their status: a spent quota stays spent until somebody pays.

    Examples
    --------
    >>> worth_retrying(ErrorInfo("busy", status=503)), worth_retrying(ErrorInfo("no such model", status=404))
    (True, False)
    >>> worth_retrying(ErrorInfo("busy", status=200, type="overloaded_error"))
    True
    """
    if refusal_of(error) is not None:
        return False
    if error.status is not None and error.status != 200:
        return error.status in RETRYABLE_STATUS
    return error.code in RETRYABLE_STATUS or any(_PASSING.search(str(word)) for word in (error.code, error.type))


def parse_retry_after(value: str | None, milliseconds: str | None, now: float) -> float | None:
    """Return the seconds of ``Retry-After`` (RFC 9110, 10.2.3) or ``Retry-After-Ms``, or None if neither is readable.

    ``now`` is the time of day from :func:`time.time`. A date in the past means 0.

    Examples
    --------
    >>> parse_retry_after("2", None, now=0.0), parse_retry_after(None, "1500", now=0.0)
    (2.0, 1.5)
    >>> parse_retry_after("Thu, 01 Jan 1970 00:01:00 GMT", None, now=10.0)
    50.0
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
