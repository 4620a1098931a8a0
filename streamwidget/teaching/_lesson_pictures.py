"""One picture for each lesson."""

from __future__ import annotations

from streamwidget.teaching._picture import Picture, Step

_PICTURES: dict[str, tuple[tuple[str, ...], tuple[Step, ...]]] = {
    "stream": (
        ("you, without a stream", "server", "you, with a stream"),
        (
            Step("question", 0, 1), Step("question, stream: true", 2, 1), Step("A", 1, 2), Step("you begin to read", 2),
            Step(" whole", 1, 2), Step(" answer", 1, 2), Step("A whole answer", 1, 0), Step("you begin to read", 0),
        ),
    ),
    "wire": (
        ("model", "JSON", "event", "HTTP chunk", "network"),
        (
            Step("Hi", 0, 1), Step('{"content": "Hi"}', 1, 2), Step("data: {...}", 2, 3), Step("size, bytes", 3, 4),
            Step("read in reverse", 4),
        ),
    ),
    "cuts": (
        ("server", "network", "ten lines of Python"),
        (
            Step('data: {"content": "Grüße"}', 0, 1), Step('data: {"cont', 1, 2), Step("half an event: crash", 2),
            Step('ent": "Grüße"}', 1, 2), Step("not a data line: ignored", 2),
        ),
    ),
    "deltas": (
        ("server", "your program"),
        (
            Step('delta: {"role": "assistant"}', 0, 1), Step('delta: {"content": "Good"}', 0, 1),
            Step('delta: {"content": " morning"}', 0, 1), Step('finish_reason: "stop"', 0, 1),
            Step("usage: 12 tokens, and no choices", 0, 1), Step('"Good morning", complete', 1),
        ),
    ),
    "faults": (
        ("server", "a naive loop", "you"),
        (
            Step("half an answer, then a reset", 0, 1, lost=True), Step("exception: it crashed", 1, 2),
            Step("half an answer, then silence", 0, 1, lost=True), Step("it hung", 1),
            Step("half an answer, then a clean end", 0, 1), Step("half an answer as whole", 1, 2),
        ),
    ),
    "stop": (
        ("you", "client", "server"),
        (
            Step("Rivers", 2, 1), Step("Rivers", 1, 0), Step("Stop", 0, 1), Step(" are", 2, 1, lost=True),
            Step("connection closed", 1, 2), Step("it stops writing", 2),
        ),
    ),
    "page": (
        ("provider", "kernel", "Jupyter server", "page"),
        (
            Step("A", 0, 1), Step("message 1: A", 1, 2), Step("message 1: A", 2, 3), Step(" whole", 0, 1),
            Step(" answer", 0, 1), Step("message 2: whole answer", 1, 2), Step("too many messages", 2, 3, lost=True),
            Step("sync: what did I miss?", 3, 1), Step("snapshot: A whole answer", 1, 3),
        ),
    ),
    "whole": (
        ("person", "program", "server"),
        (
            Step("question", 1, 2), Step("it waits", 1), Step("one whole answer", 2, 1), Step("it checks it", 1),
            Step("the checked answer", 1, 0),
        ),
    ),
    "relay": (
        ("page", "relay", "provider"),
        (
            Step("question", 0, 1), Step("question and key", 1, 2), Step("delta", 2, 1), Step("event", 1, 0),
            Step("the reader leaves", 0, 1), Step("connection closed", 1, 2),
        ),
    ),
    "chat": (
        ("you", "chat", "your function", "documents"),
        (
            Step("question", 0, 1), Step("all messages", 1, 2), Step("search", 2, 3), Step("passages", 3, 2),
            Step("piece", 2, 1), Step("piece", 1, 0), Step("Stop", 0, 1), Step("your function is closed", 1, 2),
        ),
    ),
    "cost": (
        ("you", "provider", "bill"),
        (
            Step("prompt", 0, 1), Step("prompt tokens", 1, 2), Step("the answer", 1, 0), Step("answer tokens", 1, 2),
            Step("Stop", 0, 1), Step("only the tokens written so far", 1, 2),
        ),
    ),
    "wires": (
        ("chat completions", "your program", "Anthropic", "Ollama"),
        (
            Step('delta: {"content": "Hi"}', 0, 1), Step("Hi", 1), Step("content_block_delta", 2, 1),
            Step("Hi", 1), Step('{"content": "Hi"}', 3, 1), Step("Hi", 1), Step("finish_reason, [DONE]", 0, 1),
            Step("message_stop", 2, 1), Step('"done": true', 3, 1), Step("three signs of the end", 1),
        ),
    ),
    "tools": (
        ("you", "your function", "kernel", "model"),
        (
            Step("How long is the Elbe?", 0, 2), Step("question, length(river)", 2, 3), Step('length("Elbe")', 3, 2),
            Step("may it run?", 2, 0), Step("once", 0, 2), Step('"Elbe"', 2, 1), Step("1094", 1, 2),
            Step("the call, 1094", 2, 3), Step("1,094 km", 3, 2), Step("1,094 km", 2, 0),
        ),
    ),
}  # fmt: skip


def picture(lesson: str) -> Picture:
    """Return the picture of a lesson.

    Parameters
    ----------
    lesson : str
        "stream", "wire", "cuts", "deltas", "faults", "stop", "page", "whole", "relay", "chat", "cost", "wires" or
        "tools".

    Returns
    -------
    Picture
        A notebook shows it.

    Raises
    ------
    ValueError
        If there is no such picture.

    Examples
    --------
    >>> picture("stream").actors
    ('you, without a stream', 'server', 'you, with a stream')
    """
    if lesson not in _PICTURES:
        raise ValueError(f"There is no picture {lesson!r}. The pictures are: {', '.join(_PICTURES)}.")
    return Picture(*_PICTURES[lesson])
