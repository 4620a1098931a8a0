"""The table of faults, and how an entry gets into it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from streamwidget.demo._reply import Reply

Act = Callable[[Reply], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Fault:
    """One entry: what it does in plain words, how, and after how many deltas unless the request says otherwise."""

    says: str
    act: Act
    after: int


FAULTS: dict[str, Fault] = {}


def fault(name: str, says: str, after: int = 12) -> Callable[[Act], Act]:
    """Enter the decorated function into the table as ``name``."""

    def enter(act: Act) -> Act:
        FAULTS[name] = Fault(says, act, after)
        return act

    return enter
