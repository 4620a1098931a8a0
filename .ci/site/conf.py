"""The site, for Sphinx. `make site` runs it on the pages that pages.py made, with the answers of all notebooks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from IPython.lib.lexers import IPython3Lexer

if TYPE_CHECKING:
    from sphinx.application import Sphinx

_ROOT = Path(__file__).parents[2]

project = "streamwidget"
release = json.loads((_ROOT / "js" / "package.json").read_text("utf-8"))["version"]
html_title = f"streamwidget {release}"
html_theme = "furo"  # light and dark, a search, no file from elsewhere
pygments_dark_style = "a11y-dark"
html_theme_options = {"source_repository": "https://github.com/streamwidget/streamwidget/"}
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = [("try_it.js", {"defer": "defer"})]
html_favicon = "static/icon.svg"
html_show_copyright = False
html_copy_source = False  # the archive has the notebooks

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # tests/lessons.py has run them
suppress_warnings = ["mystnb.unknown_mime_type"]  # the turns in an output are for `%chat --resume`, not for a page
# By default the pages fetch a player for widgets. tests/lessons.py keeps what can be read without one.
nb_ipywidgets_js: dict[str, dict[str, str]] = {}

autosummary_generate = False  # pages.py writes a page for each name
autodoc_typehints = "none"  # the docstrings have the types
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_google_docstring = False
# As fields of their class. By itself napoleon calls them variables, and describes methods twice.
napoleon_custom_sections = [("Attributes", "params_style"), ("Methods", "params_style")]
napoleon_preprocess_types = True
strip_signature_backslash = True  # or the argument `as_` becomes a link, "as"


def setup(app: Sphinx) -> None:
    """Colour cells as Python with magics, and read a property's docstring as text."""
    app.add_lexer("python", IPython3Lexer)
    app.connect("autodoc-process-docstring", _join_first_line, priority=600)  # after napoleon


def _join_first_line(_app: Sphinx, what: str, _name: str, _thing: object, _options: object, lines: list[str]) -> None:
    # napoleon takes the words before a colon for the type of a property: "The address. None for a server of ours: ...".
    types = [number for number, line in enumerate(lines) if line.startswith(":type: ")]
    if what in ("property", "attribute") and types:
        words = lines.pop(types[0]).removeprefix(":type: ")
        lines[0] = f"{words}: {lines[0]}"
