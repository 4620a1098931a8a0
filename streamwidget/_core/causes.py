"""The causes of an exception, without those of the caller's own.

Python links an exception to the one in handling, also further up. Example::

    try:
        my_table["x"]
    except KeyError:
        client.stream("What does this mean?").wait()  # fails

The failure's ``__context__`` leads to the person's KeyError. Its traceback and its variables are not ours.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator


def causes(exc: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception and its causes, each once. Call this in the frame of the ``except``.

    A context is a cause if the exception itself came through the frame of that handler.
    """
    seen: set[int] = set()
    frames: set[int] = set()  # of the exceptions' tracebacks
    links = [] if exc is None else [exc]
    while links:
        link = links.pop()
        if id(link) in seen:
            continue
        seen.add(id(link))
        frames |= {id(frame) for frame, _ in traceback.walk_tb(link.__traceback__)}
        context = link.__context__
        if context is not None and (context.__traceback__ is None or id(context.__traceback__.tb_frame) in frames):
            links.append(context)
        if isinstance(link, BaseExceptionGroup):
            links += reversed(link.exceptions)
        if link.__cause__ is not None:
            links.append(link.__cause__)
        yield link
