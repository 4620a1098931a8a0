"""For lessons: streaming seen from outside, and what becomes of it when something goes wrong.

:func:`race` asks streamed and not streamed at once; :mod:`naive` holds the two loops that people copy;
:func:`compare` tries them, and this client, against the same faults; :class:`FaultPanel` and :class:`RacePanel` are
panels of controls for the front of a class. All of it runs against the built-in demo server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamwidget.teaching import naive
from streamwidget.teaching._compare import Comparison, compare
from streamwidget.teaching._race import Race, race
from streamwidget.teaching._trial import Trial

if TYPE_CHECKING:
    from streamwidget.teaching._fault_panel import FaultPanel
    from streamwidget.teaching._race_panel import RacePanel

__all__ = ["Comparison", "FaultPanel", "Race", "RacePanel", "Trial", "compare", "naive", "race"]


def __getattr__(name: str) -> Any:
    # Late, as ``StreamView`` is: a script that compares needs no widgets.
    if name == "FaultPanel":
        from streamwidget.teaching._fault_panel import FaultPanel

        return FaultPanel
    if name == "RacePanel":
        from streamwidget.teaching._race_panel import RacePanel

        return RacePanel
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
