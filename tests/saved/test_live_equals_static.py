"""The live view and the saved answer show the same.

js/test/data/static_html.json has Markdown and its saved HTML. These tests compare it with the renderer's HTML of today,
and js/test/markdown/static.test.ts compares it with the live view.
``python -m tests.saved.test_live_equals_static`` writes the HTML anew.
"""

from __future__ import annotations

import json
import sys

from streamwidget._core.visible import visible
from streamwidget._saved.html import render
from streamwidget.demo._answers import answer_pieces
from tests.saved.rules import CASES, undressed
from tests.support.kernels import ROOT

DATA = ROOT / "js" / "test" / "data" / "static_html.json"
QUESTIONS = ("What is a stream?", "Count to 12.", "An essay on $5 and $6, please.")


def cases() -> list[dict[str, str]]:
    return json.loads(DATA.read_text("utf-8"))  # type: ignore[no-any-return]


def saved(markdown: str) -> str:
    return undressed(render(visible(markdown))[0])  # in the live view the style sheet dresses code


def demo_answers() -> list[str]:
    return ["".join(answer_pieces([{"role": "user", "content": question}], "demo")) for question in QUESTIONS]


def test_the_data_is_what_the_renderer_makes() -> None:
    """The live view is compared with the HTML that is really saved."""
    stale = [case["markdown"] for case in cases() if saved(case["markdown"]) != case["html"]]
    assert not stale, "python -m tests.saved.test_live_equals_static"


def rule_texts() -> list[str]:
    return [rule.markdown for _, rule in CASES]


def test_the_data_holds_the_demo_answers_and_the_cases_of_our_own_rules() -> None:
    """The demo server's answers are among the compared texts, and so are the cases in tests/saved/rules.py."""
    assert {*demo_answers(), *rule_texts()} <= {case["markdown"] for case in cases()}


def write(markdown: list[str]) -> None:
    texts = dict.fromkeys([*markdown, *demo_answers(), *rule_texts()])
    lines = [json.dumps({"markdown": text, "html": saved(text)}, ensure_ascii=True) for text in texts]
    DATA.write_text("[\n" + ",\n".join(lines) + "\n]\n", "utf-8")


if __name__ == "__main__":
    # More texts may come as a JSON array on the standard input.
    write([case["markdown"] for case in cases()] + ([] if sys.stdin.isatty() else json.load(sys.stdin)))
