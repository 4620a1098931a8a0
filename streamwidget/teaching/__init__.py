"""For lessons: how streaming looks from outside, and how it fails.

- :func:`race` sends one prompt twice at once, streamed and not streamed.
- :mod:`naive` has the two loops that people copy.
- :func:`compare` gives those loops and this client the same faults, and shows a table.
- :func:`picture` draws the messages of each lesson.
- :class:`RacePanel` and :class:`FaultPanel` are panels of controls for a teacher in front of a class.

Everything runs against the built-in demo server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamwidget._core.tab import in_tab
from streamwidget.teaching import naive
from streamwidget.teaching._compare import Comparison, compare
from streamwidget.teaching._lesson_pictures import picture
from streamwidget.teaching._picture import Picture
from streamwidget.teaching._race import Race, race
from streamwidget.teaching._trial import Trial

if TYPE_CHECKING:
    from streamwidget.teaching._fault_panel import FaultPanel
    from streamwidget.teaching._race_panel import RacePanel

__all__ = ["Comparison", "FaultPanel", "Picture", "Race", "RacePanel", "Trial", "compare", "naive", "picture", "race"]

if in_tab():
    from streamwidget.teaching._requests_in_tab import connect_requests

    connect_requests()


def __getattr__(name: str) -> Any:
    # Imported late, like ``StreamView``: a script that only compares does not need widgets.
    if name == "FaultPanel":
        from streamwidget.teaching._fault_panel import FaultPanel

        return FaultPanel
    if name == "RacePanel":
        from streamwidget.teaching._race_panel import RacePanel

        return RacePanel
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
