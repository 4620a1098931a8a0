"""The value of an answer in the saved notebook: a table or a tree, and nothing in it is more than text."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

import pytest

from streamwidget import ChatCompletion
from streamwidget._core.values import ValueType
from streamwidget._saved.answer import mimebundle, plain_text
from streamwidget._saved.values import value_html

LIST = ValueType({"type": "array"})
OBJECT = ValueType({"type": "object"})
HOSTILE = [
    *("<img src=x onerror=alert(1)>", "</td></table><script>x</script>", "[x](javascript:1)"),
    *("$a$ $b$", "\u202egnp.exe", "\x1b[2J"),
]


def saved(value: Any, kind: ValueType) -> str:
    return value_html(ChatCompletion(json.dumps(value), outcome="complete", value=value, value_type=kind))


class Tags(HTMLParser):
    """Collects the tags with their attributes, and the texts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.names: set[str] = set()
        self.texts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.names |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.mark.parametrize(
    ("value", "kind", "tags", "texts"),
    [
        ([{"a": 1}, {"b": "x"}], LIST, {"table", "thead", "tbody", "tr", "th", "td"}, ["a", "b", "1", "x"]),
        ({"value": [{"a": 1}]}, LIST, {"table", "thead", "tbody", "tr", "th", "td"}, ["a", "1"]),
        (["x", None, 1.5], LIST, {"ol", "li"}, ["x", "null", "1.5"]),
        ({"a": {"b": True}, "c": []}, OBJECT, {"ul", "li", "strong"}, ["a", ": ", "b", ": true", "c", ": []"]),
        ([{"a": 1}, 2], LIST, {"ol", "ul", "li", "strong"}, ["a", ": 1", "2"]),
        ([], LIST, set(), ["[]"]),
    ],
)
def test_a_list_of_objects_is_a_table_and_an_object_is_a_tree(
    value: Any, kind: ValueType, tags: set[str], texts: list[str]
) -> None:
    """Its text stays in a fold below."""
    found = Tags(saved(value, kind))
    assert (found.tags, found.texts) == (tags, texts)


def test_the_text_is_kept_beside_the_table() -> None:
    """In HTML in a fold, in plain text and in a terminal as it came."""
    text = '[{"river": "Elbe"}]'
    answer = ChatCompletion(text, outcome="complete", value=[{}], value_type=LIST)
    bundle = mimebundle(answer)
    assert '<td style="text-align:left">Elbe</td>' in bundle["text/html"]
    assert "JSON</summary><pre" in bundle["text/html"]
    assert text in bundle["text/plain"]
    assert text in plain_text(answer)
    invalid = mimebundle(ChatCompletion(text, outcome="complete", value_type=LIST))
    assert "<table" not in invalid["text/html"]


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.fault("T10", "they are text in the saved notebook")
def test_names_and_texts_are_inert(hostile: str) -> None:
    """No tag, no attribute and no formula comes from a value, and a hidden character shows."""
    for value, kind in (([{hostile: hostile}], LIST), ({hostile: {hostile: [hostile]}}, OBJECT)):
        html = saved(value, kind)
        found = Tags(html)
        assert found.tags <= {"table", "thead", "tbody", "tr", "th", "td", "ul", "ol", "li", "strong", "span"}
        assert found.names <= {"style"}
        assert "$a$" not in html
        assert not {"\u202e", "\x1b"} & set(html)


def test_a_huge_or_deep_value_has_a_bound() -> None:
    """More rows and deeper objects are in the JSON below."""
    rows = saved([{"n": number} for number in range(1_200)], LIST)
    assert (rows.count("<tr>"), "and 200 more" in rows) == (1_001, True)
    assert saved({f"f{n}": 1 for n in range(1_200)}, OBJECT).count("<li>") == 1_000
    deep: Any = 1
    for _ in range(300):
        deep = [deep]
    assert 10 < saved(deep, LIST).count("<ol") < 30
    assert "<table" not in saved([{f"c{n}": 1 for n in range(40)}], LIST)
