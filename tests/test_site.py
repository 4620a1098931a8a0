"""The check of the built site finds what it is for. ``make site`` runs it on all pages."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.site import faults

ELSEWHERE = (
    '<script src="https://cdn.example/a.js"></script>',
    '<script src="//cdn.example/a.js"></script>',
    '<img src="http://x.example/a.png">',
    '<img srcset="https://x.example/a.png 2x">',
    '<link rel="stylesheet" href="https://fonts.example/a.css">',
    '<link rel="preconnect" href="https://fonts.example">',
    '<iframe src="https://x.example/"></iframe>',
    '<p style="background: url(https://x.example/a.png)">',
    '<style>@import "https://fonts.example/a.css";</style>',
    '<script>fetch("https://x.example/a.json")</script>',
    '<script type="module">import a from "https://cdn.example/a.js"</script>',
)
HERE = (
    '<a href="https://x.example/">a link is for a person</a>',
    '<link rel="canonical" href="https://x.example/">',
    '<script>// see https://x.example/\nconst name = "https://x.example/ns"</script>',
    '<img src="data:image/png;base64,AA==">',
    '<a href="other.html#there">there</a> <a href="#here" id="here">here</a> <a href="folder/deep%20one.html">deep</a>',
    '<link rel="stylesheet" href="own.css?v=1">',
)
NOWHERE = ('<a href="gone.html">', '<a href="other.html#gone">', '<a href="#gone">', '<img src="gone.png">')


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Some pages, and a lab beside them."""
    pages = {
        "other.html": '<h1 id="there">There</h1>',
        "folder/deep one.html": '<a href="../other.html">up</a>',
        "own.css": "p { background: url(own.png) }",
        "own.js": 'const a = "https://x.example/"; // a name',
        "lab/index.html": '<script src="https://cdn.example/a.js"></script>',
    }
    for name, text in pages.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    return tmp_path


@pytest.mark.parametrize("html", [*ELSEWHERE, *NOWHERE])
def test_what_a_page_must_not_have_is_found(html: str, site: Path) -> None:
    """It is named with its page, once."""
    (site / "page.html").write_text(html, "utf-8")
    (found,) = faults(site)
    assert found.startswith("page.html ")


@pytest.mark.parametrize("html", HERE)
def test_what_a_page_may_have_is_not_found(html: str, site: Path) -> None:
    """A link to elsewhere, a name that looks like an address, and all that is beside the page."""
    (site / "page.html").write_text(html, "utf-8")
    assert list(faults(site)) == []


@pytest.mark.parametrize(
    ("name", "text"), [("a.css", "@import url(https://x.example/a.css)"), ("a.js", 'fetch("https://x.example/a")')]
)
def test_files_beside_the_pages_are_read_too(name: str, text: str, site: Path) -> None:
    """Styles and scripts load as pages do."""
    (site / name).write_text(text, "utf-8")
    assert [found.partition(" ")[0] for found in faults(site)] == [name]
