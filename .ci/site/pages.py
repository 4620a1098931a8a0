"""Makes what Sphinx reads, in ``dist/pages``: the notebooks after their run, the README, the guides, the public names.

The README is the front page and each guide is a page, so the site and GitHub have the same text. The names come from
``__all__``.
"""

from __future__ import annotations

import inspect
import re
import shutil
import types
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any, get_args

import nbformat
from ipywidgets import Widget
from latex2mathml.converter import convert
from links import NOTES, SHOWN, with_links

import streamwidget
from streamwidget import demo, teaching

ROOT = Path(__file__).parents[2]
#: The notebooks with their answers, by ``python -m tests.lessons run``.
LESSONS = ROOT / "dist" / "lessons"
PAGES = ROOT / "dist" / "pages"


def make_all() -> None:
    """Write all pages anew."""
    shutil.rmtree(PAGES, ignore_errors=True)
    shutil.copytree(LESSONS, PAGES, ignore=shutil.ignore_patterns(".*"))
    for path in PAGES.glob("*.ipynb"):
        set_formulas(path)
    for source, page in SHOWN.items():
        if page.endswith(".gif"):
            shutil.copy(ROOT / source, PAGES / page)
        elif page.endswith(".md") and source != NOTES:
            write(page, with_links((ROOT / source).read_text("utf-8"), source))
    with (PAGES / "index.md").open("a", encoding="utf-8") as front:
        front.write(Path(__file__).with_name("index.md").read_text("utf-8"))
    write_names()


def set_formulas(path: Path) -> None:
    """Set the formulas in the answers of a notebook. JupyterLab does that with a script, and these pages need none."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if "streamwidget-text" in (html := output.get("data", {}).get("text/html", "")):
                output.data["text/html"] = with_formulas(html)
    nbformat.write(notebook, path)


def with_formulas(html: str) -> str:
    """Return the HTML of an answer with MathML in place of LaTeX: ``$r = n / t$``. Other dollars are in elements."""

    def formula(found: re.Match[str]) -> str:
        code, _, block, inline = found.groups()
        return code or convert(unescape(block or inline), display="block" if block else "inline")

    return re.sub(r"(<(pre|code)\b.*?</\2>)|\$\$([^$<>]+)\$\$|\$([^$<>]+)\$", formula, html, flags=re.DOTALL)


def write_names() -> None:
    """Write a page for each public name, and one page that lists them by their kinds."""
    lists: dict[str, list[str]] = {title: [] for title in ("Classes", "Widgets", "Functions", "Events", "Errors")}
    choices: list[str] = []
    for module in (streamwidget, teaching, demo):
        for name in sorted({*module.__all__} - {"__version__"}):
            thing = getattr(module, name)
            full = f"{module.__name__}.{name}"
            if options := get_args(thing):
                choices.append(choice(full, options))
                continue
            lists.setdefault(group(module, thing), []).append(full)
            write(f"api/{full}.rst", "\n".join(name_page(full, thing)))
    tables = [table(title, names) for title, names in lists.items()]
    every = [name for names in lists.values() for name in names]
    tree = f".. toctree::\n   :hidden:\n\n{rows(every)}\n"
    write("api/index.rst", "\n".join(["Public names", "============", "", *tables, *choices, tree]))


def table(title: str, names: list[str]) -> str:
    """Return the list of the names of a kind, with the first sentence of each."""
    shown = rows([f"~{name}" for name in names])
    return f"{title}\n{'-' * len(title)}\n\n.. autosummary::\n   :signatures: none\n\n{shown}\n"


def choice(full: str, options: tuple[Any, ...]) -> str:
    """Return the section of a name that stands for one of several types or texts."""
    name = full.rpartition(".")[2]
    each = [f":class:`~streamwidget.{one.__name__}`" if isinstance(one, type) else f'``"{one}"``' for one in options]
    return f"{name}\n{'-' * len(name)}\n\n.. py:data:: {full}\n\n   One of {', '.join(each)}.\n"


def group(module: types.ModuleType, thing: Any) -> str:
    """Return the heading under which a name is listed."""
    if module is not streamwidget:
        return module.__name__
    if inspect.isfunction(thing):
        return "Functions"
    if issubclass(thing, Widget):
        return "Widgets"
    if issubclass(thing, Exception):
        return "Errors"
    return "Events" if thing in get_args(streamwidget.StreamEvent) else "Classes"


def name_page(full: str, thing: Any) -> Iterator[str]:
    """Yield the lines of a name's page."""
    title = full.removeprefix("streamwidget.")
    yield from (title, "=" * len(title), "", f".. currentmodule:: {full.rpartition('.')[0]}", "")
    if inspect.isfunction(thing):
        yield f".. autofunction:: {full}"
    elif isinstance(thing, types.ModuleType):
        yield from (f".. automodule:: {full}", "   :members:")
    else:
        yield from (
            f".. autoclass:: {full}",
            "   :members:",
            "   :inherited-members: AnyWidget, VBox, Exception, tuple",
        )


def rows(names: list[str]) -> str:
    """Return names as the lines of a directive."""
    return "\n".join(f"   {name}" for name in names)


def write(page: str, text: str) -> None:
    """Write one page."""
    path = PAGES / page
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, "utf-8")


if __name__ == "__main__":
    make_all()
