"""A failure or an interrupt in the lines that a person needs, in place of the frames of all that ran."""

from __future__ import annotations


def shorten_traceback(exc: BaseException, *lines: str) -> None:
    """Let IPython show these lines as the traceback. The exception keeps its class, so ``except`` clauses work.

    IPython would show the source's own message too, word for word, with a key that may be in it.

    Examples
    --------
    >>> interrupted = KeyboardInterrupt()
    >>> shorten_traceback(interrupted, "Interrupted: the stream is closed.")
    >>> interrupted._render_traceback_()
    ['Interrupted: the stream is closed.']
    """
    exc._render_traceback_ = lambda: [*lines]  # type: ignore[attr-defined]
