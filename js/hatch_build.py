"""Builds the page's half (``streamwidget/static/``) when a wheel, an sdist or an editable install is made.

It also makes the README's links whole, because PyPI shows the README without the files beside it.

A source tree needs Node once, and again when ``js/`` is newer than the bundle. An sdist carries the bundle, so that a
wheel made from it needs no Node.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

# `build.mjs` writes it last, so where it is, the others are.
LAST = "page.cdx.json"
# No package runs code of its own while it is installed.
CLEAN_INSTALL = ["ci", "--ignore-scripts"]


class BundleHook(BuildHookInterface[Any]):
    """Run ``npm run build`` in ``js/`` if the bundle is missing or older than its sources."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  hatchling's signature
        """Make sure that the bundle is there before hatchling collects the files."""
        root = Path(self.root)
        static = root / "streamwidget" / "static"
        built = (static / LAST).is_file()
        from_sdist = (root / "PKG-INFO").is_file()
        if built and (from_sdist or not _outdated(root / "js", static / LAST)):
            return
        npm = shutil.which("npm")
        if npm is None:
            state = "older than its sources in js/" if built else "missing"
            message = f"streamwidget: the bundle in streamwidget/static/ is {state}, and npm, which builds it, was not \
found. Install Node.js >= 20, or install streamwidget from a wheel or an sdist, which carry the bundle."
            raise RuntimeError(message)
        commands = [["run", "build"]] if (root / "js" / "node_modules").is_dir() else [CLEAN_INSTALL, ["run", "build"]]
        for command in commands:
            subprocess.run([npm, *command], cwd=root / "js", check=True, stdin=subprocess.DEVNULL)


class ReadmeHook(MetadataHookInterface):
    """Give the package the README as its description, with addresses in place of paths and headings."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set ``readme``. The links lead to the files of this version."""
        root = Path(self.root)
        version = json.loads((root / "js" / "package.json").read_text("utf-8"))["version"]
        text = (root / "README.md").read_text("utf-8")
        readme = whole_links(text, f"{metadata['urls']['Source']}/{{kind}}/v{version}/")
        metadata["readme"] = {"content-type": "text/markdown", "text": readme}


def whole_links(markdown: str, address: str) -> str:
    """Return a README with an address in each link.

    ``[docs](docs/a.md)`` -> ``[docs](https://host/blob/v1/docs/a.md)``, and a picture -> ``https://host/raw/v1/...``.

    Parameters
    ----------
    markdown
        The text of the README.
    address
        The place of its folder, with ``{kind}`` for ``blob`` or ``raw``.
    """

    def whole(link: re.Match[str]) -> str:
        before, target = link.groups()
        kind = "raw" if before.startswith("!") else "blob"
        path = f"README.md{target}" if target.startswith("#") else target
        return f"{before}{address.format(kind=kind)}{path})"

    return re.sub(r"(!?\[[^\]]*\]\()(?![a-z]+:)([^)\s]+)\)", whole, markdown)


def _outdated(js: Path, built: Path) -> bool:
    sources = [*js.glob("*.json"), *js.glob("*.mjs"), *(path for path in (js / "src").rglob("*") if path.is_file())]
    shared = ("_core/outcomes.json", "_saved/languages.json")  # the page has the same tables
    sources.extend(js.parent / "streamwidget" / table for table in shared)
    return max(path.stat().st_mtime for path in sources) > built.stat().st_mtime
