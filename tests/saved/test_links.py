"""Which addresses become links. js/test/markdown/links.test.ts has the same cases, and asks Chromium.

``python -m tests.saved.test_links`` writes anew which link each address makes in a text.
"""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import pytest

from streamwidget._core.visible import visible
from streamwidget._saved.html import render
from streamwidget._saved.links import destination_of, normalize
from tests.support.kernels import ROOT

FILE = ROOT / "js" / "test" / "data" / "links.json"
DATA = json.loads(FILE.read_text("utf-8"))
ADDRESSES = [frame.replace("{}", host) for frame in DATA["frames"] for host in DATA["hosts"]] + DATA["others"]


@pytest.mark.fault("S24", "is a link only in the form that Chromium reads in the same way, and text otherwise")
def test_more_than_2000_addresses_become_the_links_that_the_page_makes() -> None:
    """The saved answer has the links of the live view, and those are compared with Chromium's parser."""
    links = dict(DATA["links"])
    differ = [a for index, a in enumerate(ADDRESSES) if normalize(a) != links.get(index, "")]
    assert (differ, len(ADDRESSES) > 2000, len(links) > 500) == ([], True, True)


def in_a_text(address: str) -> str:
    """Return where the link of an address leads that stands in a sentence. "" if it makes none."""
    found = re.findall(r'<a href="([^"]*)"', render(visible(f"See {address} there."))[0])
    assert len(found) <= 1, address
    return unescape("".join(found))


def test_more_than_2000_texts_hold_the_links_that_the_page_makes() -> None:
    """A bare address ends where the sentence goes on: ``https://a.example.`` leads to ``https://a.example``.

    Where it ends is the same in both halves. "texts" has those whose link is not that of the whole address.
    """
    texts, links = dict(DATA["texts"]), dict(DATA["links"])
    differ = [a for index, a in enumerate(ADDRESSES) if in_a_text(a) != texts.get(index, links.get(index, ""))]
    assert (differ, len(texts) > 500) == ([], True), "python -m tests.saved.test_links"


def test_a_link_leads_to_the_host_that_is_shown() -> None:
    """Python's own parser finds the same host in each link."""
    for _, link in DATA["links"]:
        if not link.startswith("mailto:"):
            assert urlsplit(link).netloc.rpartition("@")[2] == destination_of(link)
        assert normalize(link) == link


@pytest.mark.parametrize(
    ("markdown", "shown"),
    [
        ("[x](https://a.example@evil.example)", "(evil.example)"),
        ("[x](mailto:a@b.example,c@evil.example)", "[x](mailto:a@b.example,c@evil.example)"),
        ("[x](https://a.example:99999)", "[x](https://a.example:99999)"),
        ("https://%65vil.example", "https://%65vil.example"),
        ("<http://0x7f.1>", "<http://0x7f.1>"),
    ],
)
def test_another_address_stays_text(markdown: str, shown: str) -> None:
    """An address that a browser may read in another way is shown as typed."""
    html = render(visible(markdown))[0]
    assert shown in unescape(html)
    assert ("<a " in html) == ("(evil" in shown)


def write() -> None:
    links = dict(DATA["links"])
    made = {index: in_a_text(address) for index, address in enumerate(ADDRESSES)}
    texts = [[index, link] for index, link in made.items() if link != links.get(index, "")]
    lines = [f'"{name}": {_written(value)}' for name, value in {**DATA, "texts": texts}.items()]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")


def _written(value: Any) -> str:
    """Return JSON. Pairs have a line each."""
    text = json.dumps(value, separators=(",", ":"))
    return text.replace('"],[', '"],\n[') if text.startswith("[[") else text


if __name__ == "__main__":
    write()
