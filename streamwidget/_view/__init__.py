"""The widgets, and what they tell the page."""

from __future__ import annotations

from streamwidget._core.tab import in_tab

if in_tab():
    from streamwidget._view.jupyterlite import keep_nulls

    keep_nulls()
