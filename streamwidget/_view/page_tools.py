"""The tools of the page, for a notebook that shows no live answer: a widget without a view."""

from __future__ import annotations

from typing import Any

import anywidget
import traitlets

from streamwidget._view.bundle import LOADER, shared_bundle


class PageTools(anywidget.AnyWidget):
    """Gives the notebook's saved answers their tools, and colours its prompts as text.

    A page makes the model of a widget as soon as it hears of it, so nothing has to be displayed.
    """

    _esm = LOADER
    bundle = traitlets.Unicode(read_only=True).tag(sync=True)
    #: The saved answers with Continue, by their ids. The value is the view of the rest, or "".
    answers = traitlets.Dict(read_only=True).tag(sync=True)
    #: The corrected cells behind the diffs, by the id of the diff.
    fixes = traitlets.Dict(read_only=True).tag(sync=True)
    #: The comparisons with "Keep this one", by their names. For each answer: true if it can be kept.
    votes = traitlets.Dict(read_only=True).tag(sync=True)

    def __init__(self) -> None:
        self.set_trait("bundle", shared_bundle("tools").model_id)
        super().__init__()

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Do nothing. The page sets no trait."""


_shown: list[PageTools] = []


def bring_tools() -> PageTools:
    """Send the tools to the page, once for each kernel."""
    if not _shown or _shown[-1].comm is None:
        _shown[:] = [PageTools()]
    return _shown[-1]
