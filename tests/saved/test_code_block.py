"""Code blocks in the saved answer: the colours of the live view, and a frame in inline styles."""

from __future__ import annotations

import json
import re

import pytest

from streamwidget._saved import code
from tests.saved.rules import undressed
from tests.support.kernels import ROOT

MARKS = {"keyword": "k", "string": "s", "number": "n", "comment": "c", "name": "d"}
# The cases of the page: ["python", "def f(x)", "k(def) d(f)(x)"].
_TEXT = r'("(?:[^"\\]|\\.)*")'
_PAGE = (ROOT / "js/test/code/languages.test.ts").read_text("utf-8")
CASES = [
    [json.loads(text) for text in case] for case in re.findall(rf"\[\s*{_TEXT},\s+{_TEXT},\s+{_TEXT},?\s*\]", _PAGE)
]
HOSTILE = ['"', "'", '"""', "'''", "a ", "if ", "0x", "def ", "@", "#", "/*", "`", "${", "\\"]


@pytest.mark.parametrize(("language", "source", "expected"), CASES)
def test_the_colours_are_those_of_the_page(language: str, source: str, expected: str) -> None:
    """The kernel reads the same table as the page. Nothing but the colours is added to the code."""
    lines, state = [], ""
    for line in source.split("\n"):
        pieces, state = code._scan(code._languages()[language], line, state)
        lines.append("".join(f"{MARKS[kind]}({text})" if kind else text for kind, text in pieces))
    assert "\n".join(lines) == expected
    dressed, plain = (undressed(code.code_block(source, language, room)[0]) for room in (10_000, 0))
    assert dressed == plain


def test_tokens_of_one_kind_share_an_element() -> None:
    """With only white space between them. So a text of several lines is one element."""
    html, size = code.code_block('async def f():\n    """a\n\n    b"""\n', "python", 10_000)
    assert html.count("<span") == 3
    assert ">async def</span>" in html
    assert size > len(html) - len(undressed(html))


@pytest.mark.parametrize("budget", [0, 100, 700, 1500, 10_000])
def test_the_frame_and_the_colours_stay_within_the_budget(budget: int) -> None:
    """First the colours end, and then the frame goes. The code is whole in any case."""
    source = "if x:\n    return 1\n" * 20
    html, size = code.code_block(source, "python", budget)
    assert size <= max(budget, 50)
    assert ("border" in html) == (budget > 100)
    assert undressed(html) == f'<pre><code class="language-python">{source}</code></pre>\n'


@pytest.mark.parametrize("unit", HOSTILE)
@pytest.mark.parametrize("language", ["python", "js", "json", "sh", "sql"])
def test_hostile_code_stays_text(language: str, unit: str) -> None:
    """Whatever is in it, only the colours come and go."""
    for source in (unit * 300, f"{unit}\n" * 100, f"<b>{unit}&</b>\n"):
        dressed, plain = (undressed(code.code_block(source, language, room)[0]) for room in (100_000, 0))
        assert dressed == plain
