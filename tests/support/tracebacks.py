"""All that can be shown of an exception, to look for a secret in it. Not a test module."""

from __future__ import annotations

import io
import traceback

from IPython.core.ultratb import VerboseTB
from rich.console import Console
from rich.traceback import Traceback


def shown(failure: BaseException) -> str:
    """Return all that can be shown of an exception: message, traceback, and a traceback with every frame's locals."""
    return "\n".join(
        (
            str(failure),
            repr(failure),
            "".join(traceback.format_exception(failure)),
            "".join(traceback.TracebackException.from_exception(failure, capture_locals=True).format()),
            VerboseTB().text(type(failure), failure, failure.__traceback__),
            in_rich(failure),
            repr(getattr(failure, "completion", None)),
        )
    )


def in_rich(failure: BaseException) -> str:
    """Return the traceback of rich, with the variables of all frames, uncut."""
    uncut = {"locals_max_length": None, "locals_max_string": None, "locals_hide_dunder": False, "max_frames": 0}
    wide = 1_000  # characters. Longer lines end with an ellipsis, and might hide the rest
    trace = Traceback.from_exception(
        type(failure), failure, failure.__traceback__, show_locals=True, width=wide, **uncut
    )
    Console(file=(file := io.StringIO()), width=wide).print(trace)
    return file.getvalue()
