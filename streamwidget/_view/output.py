"""A cell's output: show a mimebundle under a display id, and replace it later."""

from __future__ import annotations

import uuid
from typing import Any

from IPython.display import publish_display_data


def show(mimebundle: dict[str, Any]) -> str:
    """Show a mimebundle in the cell that runs.

    Parameters
    ----------
    mimebundle : dict

    Returns
    -------
    str
        The display id, for :func:`replace`.
    """
    display_id = uuid.uuid4().hex
    publish_display_data(mimebundle, transient={"display_id": display_id})  # type: ignore[no-untyped-call]
    return display_id


def replace(display_id: str, mimebundle: dict[str, Any]) -> None:
    """Show another mimebundle in place of the output with this display id."""
    publish_display_data(mimebundle, transient={"display_id": display_id}, update=True)  # type: ignore[no-untyped-call]
