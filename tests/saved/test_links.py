"""Which addresses become links. js/test/markdown/links.test.ts has the same cases, and asks Chromium."""

from __future__ import annotations

import json
from html import unescape
from urllib.parse import urlsplit

import pytest

from streamwidget._core.visible import visible
from streamwidget._saved.html import render
from streamwidget._saved.links import destination_of, normalize
from tests.support.kernels import ROOT

DATA = json.loads((ROOT / "js" / "test" / "data" / "links.json").read_text("utf-8"))
ADDRESSES = [frame.replace("{}", host) for frame in DATA["frames"] for host in DATA["hosts"]] + DATA["others"]


@pytest.mark.fault("S24", "is a link only in the form that Chromium reads in the same way, and text otherwise")
def test_more_than_2000_addresses_become_the_links_that_the_page_makes() -> None:
    """The saved answer has the links of the live view, and those are compared with Chromium's parser."""
    links = dict(DATA["links"])
    differ = [a for index, a in enumerate(ADDRESSES) if normalize(a) != links.get(index, "")]
    assert (differ, len(ADDRESSES) > 2000, len(links) > 500) == ([], True, True)


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
