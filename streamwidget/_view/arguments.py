"""The named arguments of a widget. ipywidgets takes any, and is silent about those that nobody reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import traitlets


def refuse_unknown(widget: traitlets.HasTraits, arguments: Mapping[str, Any], advice: str = "") -> None:
    """Raise a TypeError for arguments that are not traits which a person may set.

    Parameters
    ----------
    widget : HasTraits
    arguments : mapping
    advice : str, default ""
        One more sentence for the message.
    """
    unknown: Iterable[str] = sorted(
        name for name in arguments if not widget.has_trait(name) or widget.traits()[name].read_only
    )
    if unknown:
        message = f"{type(widget).__name__} takes no argument {' or '.join(unknown)}. {advice}"
        raise TypeError(message.rstrip())
