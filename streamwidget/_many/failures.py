"""What the failures of a batch's rows say: whether a row is asked again and when, and whether others are asked at all.

Rules
-----
- A refusal that may pass puts a row back, as the client's ``RetryPolicy`` says. If the server asks for a wait, or says
  that it has too many requests, all rows wait. As long as other rows are answered in between, such a row is put back
  without end.
- A refusal that would meet every row ends the asking: a wrong key, a spent quota, a longer wait than the policy's.
- So do ten failures of the same kind in a row, without an answer in between. Example: the server is down.
- Nothing is asked again after its first text. Its tokens would be paid twice.
"""

from __future__ import annotations

import time
from typing import Any

from streamwidget._client.refusal import refusal_of
from streamwidget._client.retry import RetryPolicy
from streamwidget._core.exceptions import ConnectionFailed, StreamError
from streamwidget._core.visible import one_line
from streamwidget._many.rates import Rates
from streamwidget._many.rows import Row

#: Refusals that are not about one row. Once a row was answered they are, for whatever reason.
_OF_ALL = ("key", "access", "model", "upstream_key")
_ALIKE = 10  # rows that fail in the same way, one after another. Then the others are not asked


class Failures:
    """Count failures, and let all rows wait where the server asks for it.

    Parameters
    ----------
    policy : RetryPolicy
        The client's.
    rates : Rates

    Attributes
    ----------
    hopeless : str
        Why no other row is to be asked. Empty: the others may be answered.
    """

    def __init__(self, policy: RetryPolicy, rates: Rates) -> None:
        self.hopeless = ""
        self._policy = policy
        self._rates = rates
        self._holds = 0  # refusals of the whole batch since the last answer
        self._alike: Any = None  # the kind of the last failures, since the last answer
        self._failures = self._failed_rows = 0  # of this kind: requests, and rows that are not asked again

    def answered(self) -> None:
        """Note that the server has answered a row."""
        self._holds, self._alike = 0, None
        self._rates.answered()

    def again_in(self, row: Row, failure: StreamError, *, has_answers: bool) -> float | None:
        """Return in how many seconds to ask a row again that has failed. None: not again.

        If many requests fail alike, one after another, all rows wait. If ten rows do, the others are not asked.

        Parameters
        ----------
        row : Row
        failure : StreamError
        has_answers : bool
            A row of this batch has a whole answer. A refusal is then about its own row.
        """
        delay, alike = self._delay(row, failure, has_answers), self._fails_alike(failure, has_answers)
        if alike >= _ALIKE and delay is not None:
            now = time.monotonic()
            self._rates.refused(now, row.left)
            self._rates.hold(now, delay)
        elif alike and delay is None:
            self._failed_rows += 1
            if self._failed_rows >= _ALIKE:
                why = one_line(failure.error.message)
                self.hopeless = f"{_ALIKE} rows in a row have failed in the same way. {why}"
        return delay

    def _delay(self, row: Row, failure: StreamError, has_answers: bool) -> float | None:
        error, policy = failure.error, self._policy
        lasting = "key" if error.status == 401 else refusal_of(error) if error.status is not None else None
        if lasting == "quota" or (lasting in _OF_ALL and not has_answers):
            self.hopeless = one_line(error.message)
        if failure.completion.timing.deltas or not failure.retryable or self.hopeless:
            return None
        if error.status != 429 and error.retry_after is None:
            return policy.delay(row.attempts, None)
        now = time.monotonic()
        self._holds += self._rates.refused(now, row.left)
        refusals = max(1, self._holds)  # 0: another row was answered since
        if error.retry_after is not None:
            delay = policy.delay(1, error.retry_after)
            if delay is None and policy.attempts > 1:
                self.hopeless = f"the server asks to wait for {error.retry_after:,.0f} s"
            if refusals >= policy.attempts:
                return None
        else:  # the longest wait of the policy, and longer for each refusal without an answer in between
            delay = policy.delay(refusals, None, draw=lambda: 1.0)
        if delay is not None:
            self._rates.hold(now, delay)
        return delay

    def _fails_alike(self, failure: StreamError, has_answers: bool) -> int:
        """Count the failures of a kind, one after another. Return how many there are.

        A request that the server cannot read counts as long as no row is answered, because all rows have its fields.
        """
        error, may_pass = failure.error, failure.retryable or isinstance(failure, ConnectionFailed)
        is_the_rows_own = not may_pass and (has_answers or refusal_of(error) == "context")
        if failure.completion.timing.deltas or is_the_rows_own:
            return 0
        kind = (error.kind, error.status, "" if may_pass else error.message)
        if self._alike != kind:
            self._alike, self._failures, self._failed_rows = kind, 0, 0
        self._failures += 1
        return self._failures
