"""Whether the pages of ``make site`` stand alone: nothing comes from elsewhere, and each link leads somewhere.

``make site`` runs this on what it has built. Not a test module.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tests.support.kernels import ROOT

SITE = ROOT / "dist" / "site"
#: A folder beside the pages, with a target of its own.
LAB = "lab"
#: The names of the notebooks in that folder, one a line. Empty: there is no lab.
LISTED = "lab.txt"
#: Attributes whose address a page loads by itself. A link is only followed by a person.
_LOADED = {"src", "srcset", "poster", "data", "background"}
#: The kinds of `<link>` that load nothing.
_NOT_LOADED = {"canonical", "next", "prev", "search", "index", "author", "license", "help"}
_ELSEWHERE = r"(?:(?:https?|wss?):)?//[\w.-]"
_IN_CSS = re.compile(rf"""(?:url\(|@import)\s*["']?({_ELSEWHERE}[^"')\s]*)""", re.IGNORECASE)
_IN_JS = re.compile(
    rf"""(?:\b(?:fetch|import|importScripts|Worker|WebSocket|EventSource)\s*\(|\b(?:from|import)|\bsrc\s*=)\s*["'`]"""
    rf"""({_ELSEWHERE}[^"'`\s]*)"""
)


@dataclass
class Page(HTMLParser):
    """What a page loads, the links it has, and the places that a link can name."""

    text: str
    loads: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    places: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()
        self._inside = ""
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take the addresses of an element."""
        self._inside = tag
        values = {name: value or "" for name, value in attrs}
        self.places |= {values.get("id", ""), values.get("name", "")}
        self.loads += [values[name] for name in _LOADED & values.keys()]
        self.loads += _IN_CSS.findall(values.get("style", ""))
        if tag == "link" and not _NOT_LOADED & set(values.get("rel", "").split()):
            self.loads.append(values.get("href", ""))
        if tag in ("a", "area") and "href" in values:
            self.links.append(values["href"])

    def handle_data(self, data: str) -> None:
        """Take the addresses in a script or in styles."""
        if self._inside in ("script", "style"):
            self.loads += loaded_by(data, self._inside)


def loaded_by(text: str, kind: str) -> list[str]:
    """Return the addresses elsewhere that a ``script`` or a ``style`` loads."""
    return (_IN_JS if kind == "script" else _IN_CSS).findall(text)


def faults(site: Path) -> Iterator[str]:
    """Yield each load from elsewhere and each link that leads nowhere."""
    files = [path for path in sorted(site.rglob("*")) if path.is_file() and path.relative_to(site).parts[0] != LAB]
    pages = {path: Page(path.read_text("utf-8")) for path in files if path.suffix == ".html"}
    loads = [(path, load) for path, page in pages.items() for load in page.loads]
    for path in files:
        if kind := {".js": "script", ".mjs": "script", ".css": "style"}.get(path.suffix):
            loads += [(path, load) for load in loaded_by(path.read_text("utf-8"), kind)]
    for path, load in loads:
        if re.match(_ELSEWHERE, load):
            yield f"{path.relative_to(site)} loads {load}"
        elif path in pages and not load.startswith("data:") and not to(path, load).exists():
            yield f"{path.relative_to(site)} loads {load}, which is not there"
    for path, page in pages.items():
        for link in page.links:
            if urlsplit(link).scheme or link.startswith("//"):
                continue  # for a person, and not to be checked without a network
            target = to(path, link)
            place = unquote(urlsplit(link).fragment)
            if not target.is_file():
                yield f"{path.relative_to(site)} links to {link}, which is not there"
            elif place and target in pages and place not in pages[target].places:
                yield f"{path.relative_to(site)} links to {link}, and that page has no such place"


def to(page: Path, address: str) -> Path:
    """Return the file that an address in a page names."""
    name = unquote(urlsplit(address).path)
    return (page.parent / name).resolve() if name else page


if __name__ == "__main__":
    sys.exit("\n".join(faults(SITE)) or 0)
