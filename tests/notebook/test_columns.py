"""Which ``-m`` is asked at which ``-p``, on the line as a person types it."""

from __future__ import annotations

import pytest
from IPython.core.magic_arguments import MagicArgumentParser

from streamwidget._notebook.columns import columns_of
from streamwidget._notebook.magic_line import split_line
from streamwidget._notebook.options import OPTIONS

CASES = (
    ("", [(None, None)]),
    ("-m a", [("a", None)]),
    ("-p x", [(None, "x")]),
    ("-m a -p x", [("a", "x")]),
    ("-p x -m a", [("a", "x")]),
    ("-m a -m b", [("a", None), ("b", None)]),
    ("-m a -m a", [("a", None), ("a", None)]),
    ("-m a -m b -p local", [("a", None), ("b", None), (None, "local")]),
    ("-p x -m a -m b", [("a", "x"), ("b", "x")]),
    ("-p x -m a -p y -m b", [("a", "x"), ("b", "y")]),
    ("-p x -p y", [(None, "x"), (None, "y")]),
    ("-p x -p y -m b", [(None, "x"), ("b", "y")]),
    ("-m a -p x -m b", [("a", None), ("b", "x")]),
)


@pytest.mark.parametrize(("line", "columns"), CASES)
def test_each_model_is_asked_at_the_server_before_it(line: str, columns: list[tuple[str | None, str | None]]) -> None:
    """All other options are the same in all columns."""
    parser = MagicArgumentParser()  # type: ignore[no-untyped-call]
    for option in OPTIONS:
        parser.add_argument(*option.flags, **option.keywords())
    options, text = split_line(parser, f"-t 0.5 {line} a question")
    assert [(one.model, one.provider) for one in columns_of(options)] == columns
    assert {one.temperature for one in columns_of(options)} == {0.5}
    assert text == "a question"
