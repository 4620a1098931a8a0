"""What a saved answer wears where our style sheet is not: the inline styles of ``dress.json``.

The page reads the same file (js/src/saved/dress.ts). All of these styles pass JupyterLab's sanitizer, but it drops one
with ``var()``. So each such colour stands twice, first as a plain one that is readable on light and on dark. GitHub
drops all styles.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

_DRESS: dict[str, Any] = json.loads(files(__package__).joinpath("dress.json").read_text("utf-8"))

FRAME: str = _DRESS["frame"]
CODE: str = _DRESS["code"]
TABLE: str = _DRESS["table"]
# JupyterLab aligns paragraphs, cells and quotes for text from left to right. These are for a block of the other kind.
TO_THE_RIGHT: str = _DRESS["right"]
QUOTE_TO_THE_RIGHT: str = _DRESS["right_quote"]
QUIET: str = _DRESS["quiet"]
BAD: str = _DRESS["bad"]
#: Of each kind of token: its variable, the host's colour, and ours.
COLOURS: dict[str, tuple[str, str, str]] = _DRESS["colours"]
