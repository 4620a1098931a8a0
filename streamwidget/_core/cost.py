"""The cost of an answer. An unknown cost is never 0."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from streamwidget._core.events import Usage


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of an answer, or of several answers together. ``str()`` gives it in words.

    A provider such as OpenRouter names its charge. Other costs are made of the token counts and the price tables of
    ``genai-prices`` (``pip install "streamwidget[costs]"``). They are written with "≈", because a table may
    be out of date and knows no discounts.

    Attributes
    ----------
    amount : float or None
        None if nothing of it is known.
    currency : str
        Always US dollars, so far.
    charged : bool
        True if the provider said it.
    at_least : bool
        True if a part of it is not known. The whole is then more than ``amount``.

    Examples
    --------
    >>> import streamwidget as sw
    >>> print(sw.ChatClient().stream("Name three rivers.").wait().cost)  # the demo server has no price
    unknown
    >>> print(sw.Cost(0.0125), sw.Cost(0.0125, charged=True), sw.Cost(0.0125) + sw.Cost())
    ≈ $0.013 $0.013 at least $0.013
    """

    amount: float | None = None
    currency: Literal["USD"] = "USD"
    charged: bool = False
    at_least: bool = False

    @property
    def is_known(self) -> bool:
        """True if all of it is known."""
        return self.amount is not None and not self.at_least

    def __add__(self, other: Cost) -> Cost:
        """Return both together. An unknown part makes it "at least"."""
        known = [cost.amount for cost in (self, other) if cost.amount is not None]
        if not known:
            return Cost()
        is_whole = self.is_known and other.is_known
        return Cost(sum(known), charged=self.charged and other.charged and is_whole, at_least=not is_whole)

    def __str__(self) -> str:
        if self.amount is None:
            return "unknown"
        return f"{'at least ' if self.at_least else '' if self.charged else '≈ '}{dollars(self.amount)}"


UNKNOWN = Cost()
#: The cost of an unsent request.
NOTHING = Cost(0.0, charged=True)


def total(costs: Iterable[Cost]) -> Cost:
    """Return all of them together. Nothing costs $0.

    Examples
    --------
    >>> str(total([])), str(total([Cost(1.0, charged=True), Cost()])), str(total([Cost()]))
    ('$0', 'at least $1.00', 'unknown')
    """
    first, *rest = [*costs] or [NOTHING]
    return sum(rest, start=first)


def dollars(amount: float) -> str:
    """Return an amount with two digits at least, however small it is.

    Examples
    --------
    >>> [dollars(amount) for amount in (0, 0.00000012, 0.00123, 0.1, 0.999, 12.345, 1234.5)]
    ['$0', 'under $0.000001', '$0.0012', '$0.10', '$1.00', '$12.35', '$1,234.50']
    """
    if amount == 0:
        return "$0"
    if amount < 1e-6:
        return "under $0.000001"
    if amount >= 0.0995:
        return f"${amount:,.2f}"
    places = next(places for places in range(2, 9) if round(amount, places) * 10**places >= 9.5)
    return f"${amount:.{places}f}"


def details(usage: Usage | None, cost: Cost) -> list[str]:
    """Return the facts for the line under an answer, beside the number of its tokens. Unknown ones are left out.

    So is the $0 of a refused request.

    Examples
    --------
    >>> from streamwidget._core.events import Usage
    >>> details(Usage(1204, 182, 1386, 900, 64), Cost(0.0012))
    ['64 of them reasoning', '900 of 1,204 prompt tokens cached', '≈ $0.0012']
    >>> details(Usage(1204, 182), Cost(0.0, charged=True)), details(None, NOTHING)
    (['$0'], [])
    """
    facts = []
    if usage is not None and usage.completion_tokens is not None and usage.reasoning_tokens:
        facts.append(f"{usage.reasoning_tokens:,} of them reasoning")
    if usage is not None and usage.cached_tokens:
        whole = f" of {usage.prompt_tokens:,}" if usage.prompt_tokens is not None else ""
        facts.append(f"{usage.cached_tokens:,}{whole} prompt tokens cached")
    is_refused = usage is None and cost == NOTHING
    return facts if cost.amount is None or is_refused else [*facts, str(cost)]
