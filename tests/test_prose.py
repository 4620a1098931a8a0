"""The English of the project, counted: what people read must be taken in at first reading.

The bounds are those of the field's best-written projects. Do not lower a count by replacing characters:
split the sentence, name the actor, and say one fact at a time.
"""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.kernels import ROOT

#: What is counted, in a thousand words.
SEMICOLONS = r";"
RELATIVE = r"\b(?:that|who|what|where|whose|which|whom)\b"
IS_NO = r"\b(?:is|are) no\b"

PAGES = ("README.md", "CONTRIBUTING.md", "guides", "notebooks")
FOLDERS = ("streamwidget", "tests")


def without_code(markdown: str) -> str:
    """Return the sentences of a Markdown text: no code, no tables, no headings, and links as their words."""
    text = re.sub(r"```.*?```|<!--.*?-->|<[^>]+>|!\[[^\]]*\]\([^)]*\)", "", markdown, flags=re.DOTALL)
    text = re.sub(r"^\s*\|.*$|^#.*$", "", text, flags=re.MULTILINE)
    return without_names(re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text))


def without_names(text: str) -> str:
    """Return the text with each piece of inline code as one word: ```code`` -> ``X``."""
    return re.sub(r"`+[^`]+`+", "X", text)


def page(name: str) -> str:
    """Return the sentences of a Markdown file, of all guides, or of the Markdown cells of all notebooks."""
    if name == "guides":
        paths = sorted((ROOT / "notebooks").glob("*.md"))
        return "\n\n".join(without_code(path.read_text("utf-8")) for path in paths)
    if name != "notebooks":
        return without_code((ROOT / name).read_text("utf-8"))
    cells = [
        "".join(cell["source"])
        for path in sorted((ROOT / name).glob("*.ipynb"))
        for cell in json.loads(path.read_text("utf-8"))["cells"]
        if cell["cell_type"] == "markdown"
    ]
    return "\n\n".join(map(without_code, cells))


def docstrings_and_comments(path: Path) -> Iterator[str]:
    """Yield what a Python file says to people, without orders to linters."""
    source = path.read_text("utf-8")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and "noqa" not in token.string and "type:" not in token.string:
            yield token.string.lstrip("# ")


def folder(name: str) -> str:
    """Return the docstrings and comments of all Python files below a folder."""
    files = sorted((ROOT / name).rglob("*.py"))
    return without_names("\n".join(text for path in files for text in docstrings_and_comments(path)))


def rate(pattern: str, text: str) -> float:
    """Return how often the pattern comes in a thousand words."""
    return 1000 * len(re.findall(pattern, text, re.IGNORECASE)) / len(text.split())


def test_the_count_counts() -> None:
    """Code, tables and headings do not count, and every word does."""
    text = without_code("# What; who\n\nA `;` that is no [word; of](x) ours.\n\n| which; |\n|---|\n\n```\n;\n```\n")
    assert text.split() == ["A", "X", "that", "is", "no", "word;", "of", "ours."]
    assert (rate(SEMICOLONS, text), rate(RELATIVE, text), rate(IS_NO, text)) == (125, 125, 125)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_plain_english(name: str) -> None:
    """Short sentences, each with one fact: few semicolons and few relative words."""
    text = page(name)
    assert rate(SEMICOLONS, text) < 7
    assert rate(RELATIVE, text) < 25
    assert rate(IS_NO, text) < 0.2


@pytest.mark.parametrize("name", FOLDERS)
def test_docstrings_and_comments_are_plain_english(name: str) -> None:
    """The same, for those who read the code."""
    text = folder(name)
    assert rate(SEMICOLONS, text) < 3
    assert rate(RELATIVE, text) < 25
    assert rate(IS_NO, text) < 0.2
