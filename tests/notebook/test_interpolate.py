"""``{{name}}`` in a prompt: what is replaced and what stays."""

from __future__ import annotations

import json
import os
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwidget._core.attachments import Image
from streamwidget._core.completion import ChatCompletion
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._notebook.data_text import MAX_CELL, MAX_COLUMNS, MAX_ROWS
from streamwidget._notebook.interpolate import interpolate
from tests.support.pictures import JPEG, PNG


class Trap:
    """A value whose attributes and calls must never be touched."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was evaluated")

    def __call__(self) -> Any:
        raise AssertionError("it was called")

    def __str__(self) -> str:
        return "trap"


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{x}}", "X"),
        ("a {{ x }} b {{\tx }}", "a X b X"),
        ("{{x}}{{x}}", "XX"),
        ("{{{x}}}", "{X}"),
        ("{{n}}", "7"),
        ("{{none}}", "None"),
        ("{{été}}", "summer"),
        ("{{ﬁ}}", "ligature"),
        ("{{answer}}", "the text"),
        ("{{trap}}", "trap"),
        ("{{nested}}", "{{x}} $x {x}"),
    ],
)
def test_an_identifier_in_double_braces_is_replaced(template: str, text: str) -> None:
    """The variable's text replaces its name."""
    namespace = {
        "x": "X",
        "n": 7,
        "none": None,
        "été": "summer",
        "fi": "ligature",
        "answer": ChatCompletion(text="the text"),
        "trap": Trap(),
        "nested": "{{x}} $x {x}",
    }
    assert interpolate(template, namespace)[:2] == (text, [])


@pytest.mark.parametrize(
    "template",
    [
        "{x}",
        "{{x.__class__}}",
        "{{x['a']}}",
        "{{x()}}",
        "{{__import__('os')}}",
        "{{x!r}}",
        "{{x:>10}}",
        "{{x y}}",
        "{{1x}}",
        "{{}}",
        "{{ }}",
        "{ {x} }",
        "{{x}",
        "{{\nx}}",
        "{{x|upper}}",
        "{% for x in y %}",
        "$x ${x} %x \\{x\\}",
        '{"a": {"x": {"b": [1]}}}',
    ],
)
@pytest.mark.fault("S11", "literal: only {{identifier}} is replaced")
def test_every_other_brace_is_literal(template: str) -> None:
    """Attributes, calls, formats, JSON and single braces stay as typed, and are not reported."""
    assert interpolate(template, {"x": Trap(), "y": Trap()})[:2] == (template, [])


def test_an_undefined_name_stays_and_is_reported_once() -> None:
    """An undefined name stays as typed. Each is reported once, in order."""
    assert interpolate("{{b}} {{a}} {{ b }} {{x}}", {"x": 1})[:2] == ("{{b}} {{a}} {{ b }} 1", ["b", "a"])


@given(
    st.dictionaries(st.from_regex(r"[a-z_]{1,3}", fullmatch=True), st.text(alphabet="{}ab _\n"), max_size=4),
    st.text(alphabet="{}ab _.$"),
)
@pytest.mark.fault("S11", "one pass: values are not expanded again")
def test_values_are_not_expanded_again(namespace: dict[str, str], template: str) -> None:
    """One pass: the text between the fields does not change, and each field is exactly its value."""
    parts = re.split(r"(\{\{[ \t]*[a-z_]\w*[ \t]*\}\})", template)
    expected = "".join(
        namespace.get(part.strip("{} \t"), part) if number % 2 else part for number, part in enumerate(parts)
    )
    assert interpolate(template, namespace)[0] == expected


@given(st.recursive(st.none() | st.integers() | st.text(), lambda s: st.lists(s) | st.dictionaries(st.text(), s)))
@pytest.mark.fault("S11", "JSON in a prompt is literal")
def test_json_in_a_prompt_is_literal(value: Any) -> None:
    """JSON is full of braces and does not change, nor do compact nested objects."""
    text = json.dumps(value, separators=(",", ":"))
    assert interpolate(text, {})[:2] == (text, [])


@given(st.text())
def test_long_and_odd_text_is_never_cut(text: str) -> None:
    """A variable's text arrives whole."""
    assert interpolate("<{{x}}>", {"x": text * 50})[:2] == (f"<{text * 50}>", [])


def test_a_frame_is_a_markdown_table() -> None:
    """A DataFrame becomes a Markdown table. Pipes and newlines do not break it."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a|b": [1, 2], "c": ["x|y", "two\nlines"]})
    assert interpolate("{{df}}", {"df": frame})[0] == (
        "| a\\|b | c |\n| --- | --- |\n| 1 | x\\|y |\n| 2 | two<br>lines |"
    )
    assert interpolate("{{df}}", {"df": frame.set_index("c")})[0].startswith(
        "| c | a\\|b |\n| --- | --- |\n| x\\|y | 1 |"
    )


def test_a_big_frame_is_bounded_and_says_so() -> None:
    """The table's size is bounded, and one line names the missing rows and columns."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame([["w" * 1000] + [0] * 29] * 1000)
    text = interpolate("{{df}}", {"df": frame})[0]
    assert len(text) < (MAX_CELL + 10 * MAX_COLUMNS) * (MAX_ROWS + 2) + 300
    assert text.count("\n| ") == MAX_ROWS + 1
    last = text.splitlines()[-1]
    assert last == (
        f"(Shown: the first {MAX_ROWS} of 1000 rows, the first {MAX_COLUMNS} of 30 columns, "
        f"the first {MAX_CELL} characters of 50 long cells (they end in …).)"
    )
    assert "Shown" not in interpolate("{{df}}", {"df": frame.iloc[:2, 1:5]})[0]


def test_an_empty_frame_is_a_table_too() -> None:
    """No rows and no columns raise nothing."""
    pandas = pytest.importorskip("pandas")
    assert interpolate("{{df}}", {"df": pandas.DataFrame({"a": []})})[0] == "| a |\n| --- |"
    assert isinstance(interpolate("{{df}}", {"df": pandas.DataFrame()})[0], str)


def test_an_image_is_attached_and_its_place_is_named() -> None:
    """Each variable is attached once, numbered in order. Other bytes are text."""

    class Figure:
        def savefig(self, file: Any, *, format: str) -> None:  # noqa: A002  (matplotlib's word)
            file.write(PNG)

    namespace = {"fig": Figure(), "photo": JPEG, "url": Image.of("https://host.invalid/a.png"), "data": b"plain"}
    filled = interpolate("Is {{fig}} like {{photo}}, {{url}} or {{ fig }}? {{data}}", namespace)
    assert filled.text == "Is [image 1] like [image 2], [image 3] or [image 1]? b'plain'"
    assert filled.attachments == (Image(PNG), Image(JPEG), Image(url="https://host.invalid/a.png"))


@pytest.mark.parametrize("name", ["In", "_ih", "Out", "_oh", "_dh", "environ", "mine", "environb", "everything"])
def test_the_history_and_the_environment_are_not_sent(name: str) -> None:
    """They hold all that was typed and all keys, whatever they are called. A part of them can be sent."""
    namespace: dict[str, Any] = {"_ih": ["", "key = 'sk-1'"], "_oh": {1: "sk-1"}, "_dh": ["/home/me"]}
    namespace |= {"In": namespace["_ih"], "Out": namespace["_oh"], "mine": os.environ, "environ": os.environ}
    namespace |= {"environb": getattr(os, "environb", os.environ), "copied": list(namespace["_ih"])}
    namespace["everything"] = namespace
    with pytest.raises(ConfigurationError, match=f"{name}.* may hold keys. Nothing was sent."):
        interpolate(f"{{{{{name}}}}}", namespace)
    assert interpolate("{{copied}}", namespace)[0] == str(namespace["_ih"])
