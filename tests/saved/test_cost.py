"""What a hostile answer costs the kernel, beside ordinary prose of the same length in the same run.

``make fuzz`` tries many more texts. js/test/markdown/cost.test.ts does the same in the page.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from streamwidget._core.visible import visible
from streamwidget._saved.html import render

PROSE = (
    "The **value** of `x` is about 3, as [the docs](https://a.example/x) say. It costs $5.\n\n"
    "- one item with *words*\n- another item\n\n"
)
RATIO = 20
SIZE = 6_000
HOSTILE: dict[str, Callable[[int], str]] = {
    "a bare address with many marks at its end": lambda n: "http://a" + "!" * (n // 2) + "a" + ")" * (n // 2),
    "several of them": lambda n: ("http://a" + "!" * 500 + "a" + ")" * 500 + " ") * (n // 1000),
    "a wide table with empty rows": lambda n: (
        ("|" * 182 + "\n" + "|-" * 181 + "|\n" + "|\n" * 362 + "\n") * (n // 1200)
    ),
    "tables in a row": lambda n: ("|" * 62 + "\n" + "|-" * 61 + "|\n" + "|\n" * 120 + "\n") * (n // 420),
    "rows that are formulas": lambda n: "|a|b|\n|-|-|\n" + "|$a|\\(\n" * (n // 7),
    "formulas without an end": lambda n: "\\(" * (n // 2) + "\\url\\)",
    "formulas in one line, and a command that is not typeset": lambda n: "a \\[\\url \\]" * (n // 11),
    "formulas that open in a line": lambda n: "a $$\n" * (n // 5) + "\n\n$$",
    "a deep quote with lazy lines": lambda n: ">" * 58 + "a\n" * (n // 2),
    "a quote of 18 levels with lazy lines": lambda n: "> " * 18 + "a\n" * (n // 2),
    "a list in a list": lambda n: ("- " * 9 + "a\n") * (n // 20),
    "underlined headings": lambda n: "a\n=\n" * (n // 4),
    "heads of tables": lambda n: "|-\n" * (n // 3),
    "lists of one sign": lambda n: "-\n" * (n // 2),
    "lists of three kinds": lambda n: "- a\n+ a\n* a\n" * (n // 12),
    "tables of one column": lambda n: "|a|\n|-|\n" + "b\n" * (n // 2),
    "short rows": lambda n: "a|b\n-|-\n" + "a|b\n" * (n // 4),
    "tables and code": lambda n: "|a|b|\n|-|-|\n|c|d|\n    a\n" * (n // 24),
    "code in a list": lambda n: "- ```\n" * (n // 6),
    "runs of emphasis": lambda n: "*_~~a" * (n // 5),
    "brackets": lambda n: ("[" * 1000 + "\n\n") * (n // 1000),
    "images that do not close": lambda n: "![<<<<<<<<<<" * (n // 12),
    "brackets that close": lambda n: "[[a]" * (n // 4),
    "definitions that do not end": lambda n: "[a\n" * (n // 3),
    "references to one address": lambda n: "[a]: https://a.example\n\n" + "[a]" * (n // 3),
    "marks between addresses": lambda n: "!*http://a" * (n // 10),
    "addresses that are too long": lambda n: "http://a/éééé(" * (n // 14),
    "addresses": lambda n: "http://a.b " * (n // 11),
}
_BLOCKS = "- |> |1. |# |-|\n|\n\n|  |    |\t|```|~~~|---|=|[a]: |<!--|$$|\\[|\\begin{align}"
_INLINES = "$|\\(|\\)|*|**|_|~~|`|[|]|](|)|![|<|>|<a |&|&amp;|http://a|://|mailto:a@b|a|b |!|\\|\\url|{|}|\"|'"
MARKS = [*_BLOCKS.split("|"), *_INLINES.split("|"), "|", "|-", "注：", "é", "\u200b", "<br>"]
PARTS = st.one_of(st.sampled_from(MARKS), st.text(max_size=3))
TEXTS = st.lists(
    st.tuples(st.lists(PARTS, min_size=1, max_size=5).map("".join), st.integers(1, 2_000)), min_size=1, max_size=4
).map(lambda runs: "".join(unit * count for unit, count in runs)[:SIZE])


def seconds(text: str) -> tuple[float, int]:
    """Return what a text costs this thread, and the length of its HTML. Other work of the machine does not count."""
    start = time.thread_time()
    html = render(text).html
    return time.thread_time() - start, len(html)


def prose(length: int) -> str:
    return (PROSE * (length // len(PROSE) + 1))[:length]


@pytest.fixture(scope="module")
def known() -> float:
    """Return what a character of prose costs, measured once. Most texts are cheap enough beside it."""
    return min(seconds(prose(SIZE))[0] for _ in range(5)) / SIZE


def ratio(text: str, length: int) -> float:
    """Return the least cost of a text beside the least cost of prose. Both are measured again, in turns.

    The caches of a busy machine belong to others, so a text is too expensive only if it is each time.
    """
    least = beside = float("inf")
    for _ in range(8):
        beside = min(beside, seconds(prose(length))[0])
        least = min(least, seconds(text)[0])
        if least <= RATIO * beside:
            break
    return least / beside


def check(text: str, known: float) -> None:
    shown = visible(text)
    length = max(len(shown), 500)  # a text of few characters has a cost of its own
    cost, size = seconds(shown)
    if cost > RATIO / 2 * known * length:
        assert (found := ratio(shown, length)) <= RATIO, f"{found:.0f} times prose"
    assert size <= RATIO * length, f"{size / length:.0f} times the text"


@pytest.mark.fault("S22", "costs at most 20 times what prose costs, and is at most 20 times as long as the text")
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_answer_costs_at_most_20_times_what_prose_costs(name: str, known: float) -> None:
    """The cost and the length of the saved answer are in proportion to the text."""
    for size in (SIZE, 4 * SIZE):
        check(HOSTILE[name](size), known)


@settings(
    max_examples=int(os.environ.get("FUZZ", "60")),
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # the others trace each line, which costs time
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(TEXTS)
def test_any_text_costs_at_most_20_times_what_prose_costs(known: float, text: str) -> None:
    """Texts of Markdown's marks, each repeated."""
    check(text, known)
