"""Words for an exception beyond the expected ones of a stream. "Please report it" is for our own faults only.

The machine may be at its limits, or a person's code may run within ours: a signal handler, a logging handler, a hook.
The traceback shows the culprit.
"""

from __future__ import annotations

import builtins
import errno
import os
import sysconfig
import traceback
from pathlib import Path

from streamwidget._core.causes import causes
from streamwidget._core.completion import ErrorInfo
from streamwidget._core.exceptions import ConfigurationError, ProtocolError, StreamError
from streamwidget._core.secrets import mask
from streamwidget._core.visible import one_line

_OURS = str(Path(__file__).absolute().parents[1]) + os.sep
_LIBRARIES = tuple(
    {f"{sysconfig.get_path(name)}{os.sep}" for name in ("stdlib", "platstdlib", "purelib", "platlib")} | {"<frozen "}
)
_TOO_MANY_FILES = (errno.EMFILE, errno.ENFILE)
TOO_MANY_FILES = "Too many files are open. Close some, or raise the limit (`ulimit -n`)."


def failure_of(exc: BaseException) -> StreamError:
    """Return the failure of a stream after an unexpected exception. The exception is its cause."""
    failure = _failure_of(exc)
    failure.__cause__ = exc
    return failure


def is_too_many_files(exc: BaseException | None) -> bool:
    """Return True if the operating system refused to open one more file or socket, here or in a cause."""
    return any(isinstance(link, OSError) and link.errno in _TOO_MANY_FILES for link in causes(exc))


def said_by(exc: BaseException) -> str:
    """Return the text of an exception. Empty if it has none: ``__str__`` may raise too."""
    try:
        return str(exc)
    except Exception:  # noqa: BLE001
        return ""


def _failure_of(exc: BaseException) -> StreamError:
    if isinstance(exc, MemoryError):
        return StreamError(ErrorInfo("No memory is left. The text so far is kept.", kind="memory"))
    if is_too_many_files(exc):
        return StreamError(ErrorInfo(TOO_MANY_FILES, kind="files"))
    if isinstance(exc, RecursionError):
        message = "The calls are nested too deeply. Wait for the stream further up in your program."
        return StreamError(ErrorInfo(message, kind="recursion"))
    said = one_line(mask(said_by(exc)))
    if isinstance(exc, ConfigurationError):
        return StreamError(ErrorInfo(said, kind="configuration"))
    if (place := _persons_code(exc)) is not None:
        message = f"{place.name}() in {Path(place.filename).name}, line {place.lineno}, raised in mid-stream"
        return StreamError(ErrorInfo(f"{message}: {type(exc).__name__}: {said}".rstrip(": "), kind="outside"))
    if isinstance(exc, OSError) and exc.strerror:
        return StreamError(ErrorInfo(f"The operating system refused: {exc.strerror}.", kind="system"))
    return ProtocolError(ErrorInfo(f"streamwidget failed: {_public_name(type(exc))}. Please report it."))


def _persons_code(exc: BaseException) -> traceback.FrameSummary | None:
    """Return the person's line that raised, or called the raising library. None: the code was ours."""
    for frame in reversed(traceback.extract_tb(exc.__traceback__)):
        if frame.filename.startswith(_OURS):
            return None
        if not frame.filename.startswith(_LIBRARIES):
            return frame
    return None


def _public_name(kind: type[BaseException]) -> str:
    """Return the name of the exception's nearest built-in class. Nobody knows a private class."""
    name: str = next(base.__name__ for base in kind.__mro__ if getattr(builtins, base.__name__, None) is base)
    return name
