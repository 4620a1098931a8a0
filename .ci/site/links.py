"""Which page shows which file of the repository, and its links as links of the site."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = "https://github.com/streamwidget/streamwidget/blob/main/"
#: The lecturer's notes. The site has them without the section that leads to the answers, because it has the answers.
NOTES = "notebooks/README.md"
#: Files of the repository, and the page that shows each. The notebook for Voila is nothing to read.
SHOWN = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    ".github/SECURITY.md": "security.md",
    **{
        f"notebooks/{path.name}": path.name
        for path in sorted((ROOT / "notebooks").iterdir())
        if not path.name.startswith("voila")
    },
}


def with_links(text: str, source: str) -> str:
    """Return a text of the repository as a page of the site: its links lead to pages, or to the repository.

    In README.md ``[keys](notebooks/providers.md#keys)`` -> ``[keys](providers.md#keys)``.
    """

    def link(found: re.Match[str]) -> str:
        target, _, place = found[1].partition("#")
        if not target:
            return found[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        anchor = f"#{place}" if place and path != NOTES else ""
        return f"]({SHOWN[path]}{anchor})" if path in SHOWN else f"]({SOURCE}{path}{anchor})"

    return re.sub(r"\]\((?!https?:)([^)\s]+)\)", link, text)
