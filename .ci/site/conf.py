"""The site of the lessons and guides, for Sphinx. `make site` runs it on notebooks that have their answers already."""

import json
from pathlib import Path

_ROOT = Path(__file__).parents[2]

project = "streamwidget"
release = json.loads((_ROOT / "js" / "package.json").read_text("utf-8"))["version"]
html_title = f"streamwidget {release}"
html_theme = "furo"  # light and dark, a search, no file from elsewhere

extensions = ["myst_nb"]
nb_execution_mode = "off"  # tests/lessons.py has run them
# By default the pages fetch a player for widgets. tests/lessons.py keeps what can be read without one.
nb_ipywidgets_js: dict[str, dict[str, str]] = {}
html_show_copyright = False
html_copy_source = False  # the archive has the notebooks
