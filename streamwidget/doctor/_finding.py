"""A finding: one hop of a request, as the doctor saw it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from streamwidget._core.visible import one_line

State: TypeAlias = Literal["ok", "slow", "failed", "unknown"]
Hop: TypeAlias = Literal[
    "settings", "environment", "DNS", "TCP", "proxy", "TLS", "models", "stream", "demo", "Python", "kernel", "comm",
    "page",
]  # fmt: skip

#: The fault of a server that took the request and has sent nothing yet.
SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Finding:
    """One hop of a request, as the doctor saw it.

    Attributes
    ----------
    hop : str
        The hop: ``settings``, ``environment``, ``DNS``, ``TCP``, ``proxy``, ``TLS``, ``models``, ``stream``, ``demo``,
        ``Python`` or ``kernel``, ``comm``, ``page``.
    state : str
        ``ok``, ``slow`` (it works, and it holds text back), ``failed``, or ``unknown`` (it could not be checked).
    sentence : str
        Plain words for the person.
    figures : mapping of str to str
        Measurements: ``{"first text": "0.36 s"}``.
    advice : str
        The next thing to do. Empty: nothing.
    fault : str
        The kind of fault in one word, for programs: ``401``, ``connect``, ``held back``. Empty: none.

    Examples
    --------
    >>> Finding("DNS", "ok", "api.example has the address 10.0.0.7.", {"time": "3 ms"}).state
    'ok'
    """

    hop: Hop
    state: State
    sentence: str
    figures: Mapping[str, str] = field(default_factory=dict)
    advice: str = ""
    fault: str = ""


def sentence(text: str, limit: int = 300) -> str:
    r"""Return what a server or an error says on one line, with a full stop.

    Examples
    --------
    >>> sentence("No such\nmodel"), sentence("Really?")
    ('No such model.', 'Really?')
    """
    line = one_line(text, limit)
    return line if line.endswith((".", "!", "?", "…")) or not line else f"{line}."


def seconds(time: float) -> str:
    """Return a time in words.

    Examples
    --------
    >>> seconds(0.0034), seconds(0.25), seconds(12.34)
    ('3 ms', '250 ms', '12.3 s')
    """
    return f"{time * 1000:.0f} ms" if time < 1 else f"{time:.1f} s"
