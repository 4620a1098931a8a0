"""What ``import streamwidget`` costs, and what it offers."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

import streamwidget
from tests.support.kernels import ROOT, clean_environment

#: Each costs more than the whole of streamwidget, and is needed only once something is sent or shown.
HEAVY = (
    "httpx", "httpcore", "h11", "anyio", "ssl", "anywidget", "ipywidgets", "traitlets", "IPython", "nest_asyncio2",
    "markdown_it", "pandas", "numpy", "streamwidget.demo", "http.server",
)  # fmt: skip


def modules_after(code: str) -> set[str]:
    """Return the modules that a fresh interpreter has after ``code``, beyond those that asyncio alone brings."""
    code = f"import sys, asyncio; before = set(sys.modules); {code}; print(sorted(set(sys.modules) - before))"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=clean_environment(), capture_output=True, text=True, check=True
    )
    return set(ast.literal_eval(ran.stdout))


@pytest.mark.parametrize(
    "code", ["import streamwidget", "import streamwidget as sw; sw.ChatClient('http://127.0.0.1:9/v1').stream('x')"]
)
def test_nothing_heavy_is_imported_before_it_is_used(code: str) -> None:
    """Importing us, and making a client and a stream, import neither HTTP, widgets nor Markdown."""
    loaded = modules_after(code)
    assert "streamwidget._core.stream" in loaded
    assert not loaded & set(HEAVY)


def test_the_view_comes_when_it_is_asked_for() -> None:
    """``StreamView`` brings the widgets, and nothing that sends."""
    loaded = modules_after("from streamwidget import StreamView")
    assert "anywidget" in loaded
    assert not loaded & {"httpx", "nest_asyncio2"}


def test_a_source_is_read_without_what_its_shape_might_come_from() -> None:
    """No SDK is imported to know a shape, and nothing that talks HTTP."""
    code = "from streamwidget._sources import as_stream; as_stream(['a']).wait()"
    loaded = modules_after(code)
    assert "streamwidget._dialects.anthropic" in loaded
    assert not {name.partition(".")[0] for name in loaded} & {
        "openai",
        "anthropic",
        "langchain_core",
        "litellm",
        "pydantic",
        "httpx",
        "httpx2",
    }


def test_all_public_names_are_sorted_and_there() -> None:
    """``__all__`` is in order, complete for ``import *``, and what ``dir`` shows."""
    names = streamwidget.__all__
    assert names == sorted(names)
    assert len(names) == len(set(names))
    assert all(getattr(streamwidget, name) is not None for name in names)
    assert dir(streamwidget) == names
    scope: dict[str, object] = {}
    exec("from streamwidget import *", scope)
    assert set(names) <= set(scope)


def test_an_unknown_name_is_an_attribute_error() -> None:
    """The lazy lookup hides no mistakes."""
    with pytest.raises(AttributeError, match="Nope"):
        streamwidget.Nope  # noqa: B018
