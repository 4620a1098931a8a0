"""Python in a browser tab (Pyodide, JupyterLite): no thread, no socket, and the tab's own event loop."""

from __future__ import annotations

import sys


def in_tab() -> bool:
    """Return True in a browser tab."""
    return sys.platform == "emscripten"
