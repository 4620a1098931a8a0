"""All that can be shown of an exception, to look for a secret in it. Not a test module."""

from __future__ import annotations

import traceback

from IPython.core.ultratb import VerboseTB


def shown(failure: BaseException) -> str:
    """Return all that can be shown of an exception: message, traceback, and a traceback with every frame's locals."""
    return "\n".join(
        (
            str(failure),
            repr(failure),
            "".join(traceback.format_exception(failure)),
            "".join(traceback.TracebackException.from_exception(failure, capture_locals=True).format()),
            VerboseTB().text(type(failure), failure, failure.__traceback__),
            repr(getattr(failure, "completion", None)),
        )
    )
