"""An exported conversation is inert: renderers make neither HTML, images, foreign links nor headings of it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

import streamwidget as sw
from streamwidget._conversation.file import to_markdown
from streamwidget._conversation.inert import inert
from streamwidget._conversation.turn import Turn

#: Messages that must not do what they try.
HOSTILE = {
    "html": "<img src=x onerror=alert(1)>",
    "html inline": "hello <b onclick=x>you</b>",
    "script": "<script>alert(1)</script>",
    "comment": "<!-- hides the rest",
    "doctype": "<!DOCTYPE html>",
    "instruction": "<?php x ?>",
    "closing tag": "</div>",
    "html in a list": "- a\n  <iframe src=x>",
    "html in a quote": "> <object data=x>",
    "image": "![a](https://evil.example/beacon.png)",
    "image by reference": "![a][b]\n\n[b]: https://evil.example/beacon.png",
    "image in a table": "| a |\n|---|\n| ![x](http://e.example/x) |",
    "javascript": "[click](javascript:alert(1))",
    "javascript, encoded": "[click](&#106;avascript:alert(1))",
    "javascript, escaped": "[click](java\\script:alert(1))",
    "data": "[click](data:text/html;base64,x)",
    "reference": "[click][a]\n\n[a]: javascript:alert(1)",
    "reference in a quote": "> [a]: javascript:alert(1)\n\n[a]",
    "autolink": "<javascript:alert(1)>",
    "heading": "## User\n\nForged",
    "first heading": "# Title",
    "heading, indented": "   ## Assistant",
    "heading, empty": "##",
    "heading, tab": "##\tUser",
    "setext": "User\n----",
    "setext =": "User\n====",
    "setext, two lines": "a\nUser\n  ---  ",
    "open fence": "```python\nx = 1",
    "open tildes": "~~~~\nx",
    "open fence, indented": " ```\nx",
    "open fence after a list's": "- a\n  ```\nb\n ```",
    "fence in a list, then html": "- a\n\n  ```\n\n<script>x</script>",
    "indented fence, then a heading": " ```\ncode\n```\n## User\n\nForged",
    "backtick over lines": "a ` b\n`<img src=x>`",
    "backtick and a list": "x `\n- <img src=x> `",
    "escaped backtick": "\\`<img src=x>`",
    "backticks of two lengths": "`` a ` <img src=x> ` b",
    "cells": "| a | b | c |\n|---|---|---|\n| ` | <img src=x> | ` |",
    "cells in a span": "|a|b|\n|-|-|\n|`a|<img src=x>`|",
    "line separator": "a\u2028## User",
    "carriage return": "a\r## User",
    "escape": "\x1b]0;title\x07",
    "bidi": "\u202eevil",
}  # fmt: skip
HARMLESS = {
    "code with html": "```html\n<b>x</b>\n# not a heading\n```\nThe end",
    "span with html": "Use `<b>` or ``a ` b`` and `List<int>`.",
    "comparison": "1 < 2 and 3 > 2, a<-b",
    "links": "[a](https://a.example/b(c)) [b](mailto:x@y.example) <https://c.example>",
    "list": "1. one\n2. two\n   - three",
    "table": "| a | b |\n|---|---|\n| `x` | 2 |",
    "emphasis": "**bold** *it* ~~no~~ 2 ** 3",
    "hashtag": "#hashtag and C# and a#b",
    "rule": "a\n\n---\n\nb",
    "list of code": "1. Type:\n   ```\n   pip install x\n   ```\n2. Done",
    "math": "$a^2$ costs $5",
}
RENDERERS = [MarkdownIt("commonmark", {"html": True}), MarkdownIt("gfm-like", {"html": True, "linkify": False})]


def effects(markdown: str) -> list[str]:
    """Return what renderers make of it: raw HTML, images that are fetched, foreign links, and headings by level."""
    found = []
    for renderer in RENDERERS:
        renderer.validateLink = lambda _: True  # type: ignore[method-assign]
        for token in renderer.parse(markdown):
            for one in [token, *(token.children or [])]:
                if one.type in ("html_block", "html_inline"):
                    found.append(one.type)
                if one.type == "image" and not str(one.attrs["src"]).startswith("data:image/"):
                    found.append("image")
                if one.type == "link_open" and not re.match("(https?://|mailto:|#)", str(one.attrs["href"])):
                    found.append("link")
            if token.type == "heading_open" and token.level == 0:
                found.append(token.tag)
    return found


def test_the_net_has_no_hole() -> None:
    """As they are, nearly all of the messages do something."""
    assert sum(bool(effects(text)) for text in HOSTILE.values()) > 28


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_message_is_only_shown(name: str) -> None:
    """As the answer, the prompt, the system prompt and the error, with a turn after it that stays what it is."""
    text = HOSTILE[name]
    asked = [sw.Message("user", text), sw.Message("user", "next")]
    failed = sw.ChatCompletion(text=text, outcome="error", error=sw.ErrorInfo(text))
    answers = [sw.Message("assistant", text, completion=failed), sw.Message("assistant", "the *end*")]
    turns = [Turn(str(number), *pair) for number, pair in enumerate(zip(asked, answers, strict=True))]
    markdown = to_markdown(text, turns)
    kinds = [found for found in effects(markdown) if found not in ("h3", "h4", "h5", "h6")]
    assert kinds == ["h2"] * 5 * len(RENDERERS)
    assert "## Assistant\n\nthe *end*" in markdown


@pytest.mark.parametrize("name", HARMLESS)
def test_a_harmless_message_stays_as_it_is(name: str) -> None:
    """Code, links, tables and lists are exported as they came."""
    assert inert(HARMLESS[name]) == HARMLESS[name]


def test_a_remote_image_is_a_link() -> None:
    """A preview of the file asks no server for an image."""
    url = "https://evil.example/a.png?x=(1)[2]<3>"
    turn = Turn("1", sw.Message("user", "look", images=(url,)), None)
    assert set(effects(to_markdown(None, [turn]))) == {"h2"}


MARKS = ["`", "``", "```", "~~~", "\n", "\n\n", "- ", "> ", "1. ", "    ", " ", "a", "\\", "|", "# ", "==", "--", "<b>"]
PIECES = [*HOSTILE.values(), *MARKS]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_any_mixture_is_only_shown(text: str) -> None:
    """Pieces of Markdown in any order."""
    markdown = f"## User\n\n{inert(text)}\n\n## Assistant\n\nend\n"
    kinds = [found for found in effects(markdown) if found not in ("h3", "h4", "h5", "h6")]
    assert kinds == ["h2", "h2"] * len(RENDERERS)
