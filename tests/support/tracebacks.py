"""All that can be shown of an exception, to look for a secret in it. Not a test module."""

from __future__ import annotations

import gc
import io
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from IPython.core.ultratb import VerboseTB
from rich.console import Console
from rich.traceback import Traceback

_TESTS = str(Path(__file__).parents[1])


def shown(failure: BaseException) -> str:
    """Return all that can be shown of an exception: message, tracebacks, and tracebacks with every frame's locals."""
    kind = type(failure)
    parts = [str(failure), repr(failure), repr(getattr(failure, "completion", None))]
    with no_collection():
        for trace in _traces(failure):
            with_locals = traceback.TracebackException(kind, failure, trace, capture_locals=True)
            parts += traceback.format_exception(kind, failure, trace)
            parts += with_locals.format()
            parts += [VerboseTB().text(kind, failure, trace), in_rich(failure, trace)]
    return "\n".join(parts)


def _traces(failure: BaseException) -> list[TracebackType | None]:
    """Return the traceback that people see, and that of ``%chat --traceback``."""
    below: TracebackType | None = getattr(failure, "raised_at", None)
    return [failure.__traceback__] if below is None else [failure.__traceback__, below]


def below_the_test(failure: BaseException) -> BaseException:
    """Return an exception without the frames of the test and of its callers. They hold the arguments of the test."""
    trace = below = failure.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename.startswith(_TESTS):
            below = trace.tb_next
        trace = trace.tb_next
    return failure.with_traceback(below)


def variables(failure: BaseException) -> str:
    """Return the variables of all frames of an exception, its causes and its contexts. This is quick.

    The variables of a test's own frames do not count.
    """
    found: list[str] = []
    links: list[BaseException | None] = [failure]
    known: set[int] = set()
    while links:
        link = links.pop()
        if link is None or id(link) in known:
            continue
        known.add(id(link))
        for trace in _traces(link):
            for frame, _ in traceback.walk_tb(trace):
                if not frame.f_code.co_filename.startswith(_TESTS):
                    found += map(_repr, frame.f_locals.values())
        found.append(repr(link))
        links += [link.__cause__, link.__context__]
    return "\n".join(found)


def _repr(value: object) -> str:
    try:
        return repr(value)
    except Exception as exc:  # noqa: BLE001  (of an object that was not made to its end)
        return repr(exc)


@contextmanager
def no_collection() -> Iterator[None]:
    """Collect no garbage meanwhile.

    A traceback parses source. If a finalizer fails within a parse, Python parses source for its traceback too, and
    CPython 3.11 ends the outer parse with "AST constructor recursion depth mismatch".
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def in_rich(failure: BaseException, trace: TracebackType | None) -> str:
    """Return the traceback of rich, with the variables of all frames, uncut."""
    uncut = {"locals_max_length": None, "locals_max_string": None, "locals_hide_dunder": False, "max_frames": 0}
    wide = 1_000  # characters. Longer lines end with an ellipsis, and might hide the rest
    told = Traceback.from_exception(type(failure), failure, trace, show_locals=True, width=wide, **uncut)
    Console(file=(file := io.StringIO()), width=wide).print(told)
    return file.getvalue()
