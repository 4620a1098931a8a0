"""The law of the house: a wing imports only from wings before it, and what faces outward stays alone."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import wings
from tests.support.wings import PACKAGE, WINGS, Import

#: Imports that go up, each with its reason.
UP = {
    ("_core.completion", "_saved.answer"): "late: a completion shows itself in a notebook as the saved answer",
}
#: Which modules may import an outside library. A name without a dot is a whole wing.
OWNERS = {
    "httpx": {"_client.transport", "_client.aio"},
    "aiohttp": {"_client.aio"},
    "nest_asyncio2": {"_core.loop"},
    "nest_asyncio": set(),
    "anywidget": {"_view"},
    "IPython": {"_notebook", "_view.output"},
    "mcp": {"_client.mcp_server"},
    "xllamacpp": {"_client.llamacpp"},
}
#: Only these touch an event loop, a thread or a socket below the wings that are made for it.
LOOP = {"_core.loop", "_core.own_loop", "_core.backlog", "_core.relay", "_core.task", "_core.stream", "_core.work"}
STANDARD_LIBRARY_ONLY = ("_core", "_dialects", "_client.sse", "_client.items", "_client.parser")
IMPURE = {"asyncio", "socket", "ssl", "subprocess", "multiprocessing", "selectors", "http.client", "urllib.request"}


def test_a_wing_imports_only_from_wings_before_it() -> None:
    """Every import of one of our modules goes down the list, but for the exceptions that carry their reason."""
    order = {wing: place for place, wing in enumerate(WINGS)}
    up = {one for one in wings.imports() if order[one.wings[1]] > order[one.wings[0]]}
    assert {(one.importer, one.imported) for one in up} == set(UP)
    assert all(one.late for one in up if UP[one.importer, one.imported].startswith("late"))


def test_every_folder_is_a_wing() -> None:
    """A new folder must take its place in the list; no module lies beside the front door."""
    assert {name.partition(".")[0] for name in wings.modules()} == set(WINGS)


def test_the_wings_have_no_circle() -> None:
    """Without the exceptions the arrows between the wings never come back to where they began."""
    arrows = {one.wings for one in wings.imports() if (one.importer, one.imported) not in UP}
    assert wings.circles({(a, b) for a, b in arrows if a != b}) == []


@pytest.mark.parametrize("library", OWNERS)
def test_a_library_is_imported_by_its_owners_only(library: str) -> None:
    """Each outside library with a border is behind it: the named modules, or the named wing."""
    users = {name for name, path in wings.modules().items() if library in wings.outside(path)}
    owners = OWNERS[library]
    assert {name for name in users if name not in owners and name.partition(".")[0] not in owners} == set()


@pytest.mark.parametrize("place", STANDARD_LIBRARY_ONLY)
def test_the_lower_wings_need_the_standard_library_alone(place: str) -> None:
    """They import nothing that is not Python's own; libraries that a person may have are imported late, in a call."""
    for name, path in wings.modules().items():
        if name == place or name.startswith(f"{place}."):
            outside = _loaded(path) - ({"nest_asyncio2"} if name == "_core.loop" else set())
            assert outside <= sys.stdlib_module_names, name


@pytest.mark.parametrize("place", STANDARD_LIBRARY_ONLY)
def test_the_lower_wings_do_no_io(place: str) -> None:
    """Loop and task apart, what they do can be tested without a loop, a thread or a socket."""
    for name, path in wings.modules().items():
        if (name == place or name.startswith(f"{place}.")) and name not in LOOP:
            assert not _loaded(path) & IMPURE, name


#: Words of single APIs. Comments and docstrings may use them, code outside of _dialects may not.
WORDS = {
    "choices", "delta", "finish_reason", "[DONE]", "Bearer", "Authorization", "image_url", "stream_options",
    "include_usage", "max_completion_tokens", "content_block_delta", "chat/completions", "stop_reason",
}  # fmt: skip
#: Where one of these words is another thing.
OTHER_MEANING = {
    ("_core.secrets", "Bearer"): "a pattern of what looks like a key in any text",
    ("_view.transcript", "delta"): "our own message to the page",
    ("_client.mcp_server", "Bearer"): "an example of a header in a message",
    ("_client.mcp_server", "Authorization"): "the same",
    ("_client.spans", "finish_reason"): "a field of OpenTelemetry's convention",
    ("_core.timeline_svg", "delta"): "a label of the picture: first delta",
    ("_client.servers", "max_completion_tokens"): "a row's setting of its dialect",
    ("_core.accumulator", "finish_reason"): "a field of our ChatCompletion",
}


def test_only_the_dialects_know_the_words_of_an_api() -> None:
    """No string of the code outside of _dialects holds a word of one provider's API. The lessons and demo speak it."""
    found = set()
    for name, path in wings.modules().items():
        if name.partition(".")[0] not in ("_dialects", "demo", "teaching"):
            for string in _strings(path):
                found |= {(name, word) for word in WORDS if re.search(rf"(?<![\w/]){re.escape(word)}(?!\w)", string)}
    assert found == set(OTHER_MEANING)


def _strings(path: Path) -> Iterator[str]:
    """Yield the string constants of a file, without its docstrings."""
    tree = ast.parse(path.read_text("utf-8"))
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.value


def test_the_rules_would_see_a_breach(tmp_path: Path) -> None:
    """An import up is found, at the top of a file and in a function. One for types alone does not count."""
    (tmp_path / "_core").mkdir()
    (tmp_path / "_view").mkdir()
    (tmp_path / "_view" / "feed.py").write_text("")
    (tmp_path / "_core" / "loop.py").write_text(
        "from typing import TYPE_CHECKING\nimport streamwidget._view.feed\n"
        "def f():\n    from streamwidget._view import feed\n"
        "if TYPE_CHECKING:\n    from streamwidget._view.feed import Feed\n"
    )
    late = {Import("_core.loop", "_view.feed", late=False), Import("_core.loop", "_view.feed", late=True)}
    assert set(wings.imports(tmp_path)) == late
    assert "httpx" in wings.outside(PACKAGE / "_client" / "transport.py")
    assert "nest_asyncio2" in wings.outside(PACKAGE / "_core" / "loop.py")


def _loaded(path: Path) -> set[str]:
    """The outside modules that loading a file loads, by their whole names."""
    names: set[str] = set()
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.Import):
            names |= {alias.name if alias.name in IMPURE else alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module if node.module in IMPURE else node.module.partition(".")[0])
    return names - {"streamwidget"}
