"""The cost of this process's answers so far, and the budget for them.

The budget is looked at before each request, also before the next request of an answer with tools and before a retry.
A running answer counts at its end. So many answers at once may go beyond the budget by their own cost.
"""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

from streamwidget._client.prices import are_installed, has_price
from streamwidget._client.urls import host_of
from streamwidget._core.cost import NOTHING, Cost, dollars
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.secrets import mask

_WHOLE = r"[0-9]{1,3}(?:,[0-9]{3})+|[0-9][0-9_]*"  # 1,000. Not 1,5: half of the world means 1.5
_MONEY = re.compile(rf"\$?\s*(?P<number>(?:{_WHOLE})\.?[0-9]*|\.[0-9]+)\s*(?:USD|dollars?|\$)?", re.IGNORECASE)
_TOKENS = re.compile(rf"(?P<number>{_WHOLE})\s*(?P<thousands>[kM]?)\s*tokens?", re.IGNORECASE)
_THOUSANDS = {"": 1, "k": 1_000, "m": 1_000_000}


@dataclass(frozen=True, slots=True)
class Budget:
    """A limit of spending, in dollars or in tokens."""

    amount: float
    unit: Literal["dollars", "tokens"]

    @classmethod
    def of(cls, value: str | float) -> Budget:
        """Read a budget. A number is an amount of dollars.

        Raises
        ------
        ConfigurationError
            If it is not one.

        Examples
        --------
        >>> Budget.of(2) == Budget.of("$2") == Budget.of("2.00 USD")
        True
        >>> Budget.of("200k tokens")
        Budget(amount=200000.0, unit='tokens')
        """
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf:
            return cls(float(value), "dollars")
        typed = value.strip() if isinstance(value, str) else ""
        if (found := _TOKENS.fullmatch(typed)) is not None:
            return cls(_number(found["number"]) * _THOUSANDS[found["thousands"].lower()], "tokens")
        if (found := _MONEY.fullmatch(typed)) is not None:
            return cls(_number(found["number"]), "dollars")
        shown = repr(mask(str(value)))[:40]
        raise ConfigurationError(f'A budget is money or tokens, such as "$2" or "200k tokens", not {shown}.')

    def __str__(self) -> str:
        return dollars(self.amount) if self.unit == "dollars" else f"{self.amount:,.0f} tokens"


def _number(text: str) -> float:
    return float(text.replace(",", "").replace("_", ""))


@dataclass(frozen=True, slots=True)
class Spent:
    """The sum spent.

    Attributes
    ----------
    cost : Cost
    tokens : int
    """

    cost: Cost
    tokens: int


class Spending:
    """Adds up the costs, and holds the budget. Any thread may use it."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a signal's handler may ask within it
        self._spent = Spent(NOTHING, 0)
        #: The limit. None: anything may be spent.
        self.budget: Budget | None = None

    @property
    def spent(self) -> Spent:
        """All so far."""
        return self._spent

    def add(self, cost: Cost, tokens: int) -> None:
        """Add the cost of one request."""
        with self._lock:
            self._spent = Spent(self._spent.cost + cost, self._spent.tokens + tokens)

    def refusal(self, url: str, model: str | None, *, is_ours: bool) -> str | None:
        """Return why nothing more may be sent, in sentences. None: it may.

        Parameters
        ----------
        url : str
            The server's address.
        model : str or None
            The model of the request.
        is_ours : bool
            streamwidget has started the server itself. It costs nothing, so no amount of money ends it.
        """
        budget, spent = self.budget, self._spent
        if budget is None or (budget.unit == "dollars" and is_ours):
            return None
        if budget.unit == "dollars" and not has_price(url, model):
            install = "" if are_installed() else ' `pip install "streamwidget[costs]"` brings the prices.'
            return (
                f"The budget is {budget}, but the price of {model or 'the model'} at {host_of(url)} is unknown. "
                f'Nothing was sent.{install} A budget of tokens works: %config ChatMagics.budget = "200k tokens"'
            )
        used = (spent.cost.amount or 0.0) if budget.unit == "dollars" else spent.tokens
        if used < budget.amount:
            return None
        so_far = str(spent.cost) if budget.unit == "dollars" else f"{spent.tokens:,} tokens"
        return (
            f"The budget of {budget} is used up: this session has spent {so_far}. Nothing was sent. "
            "%config ChatMagics.budget takes a higher one, or None for no limit."
        )


_later = ContextVar("refused when it is sent", default=False)


@contextmanager
def refused_when_sent() -> Iterator[None]:
    """Let a question be made although the budget is used up, because an earlier answer may be at hand.

    It is refused when it is to be sent.
    """
    token = _later.set(True)
    try:
        yield
    finally:
        _later.reset(token)


def is_refused_early() -> bool:
    """Return True if the budget is looked at already when a question is made."""
    return not _later.get()


#: The spending of this process.
SPENDING = Spending()
