"""How a view is shown: the seam between a widget and the parts of the package that show it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from streamwidget._core.stream import ChatStream


@dataclass(slots=True)
class Presentation:
    """Choices for one view. Each view has its own. Set the fields before the stream is started.

    Attributes
    ----------
    stays : bool
        The view stays in the page after the end, so it offers Retry and Continue.
    end_in_turn : bool
        The end waits for its turn among many views. False when the cell ends with the answer, because the page may
        have stopped listening.
    on_asked_again : callable
        Called with the new stream after Retry or Continue.
    on_end : callable
        Called after the end was sent to the pages.
    """

    stays: bool = True
    end_in_turn: bool = True
    on_asked_again: Callable[[ChatStream], None] = lambda _stream: None
    on_end: Callable[[], None] = lambda: None
