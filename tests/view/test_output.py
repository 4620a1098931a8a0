"""What the output of a cell holds, for pages with widgets and for those without."""

from __future__ import annotations

import ipywidgets

import streamwidget as sw
from streamwidget._view.output import widget_bundle


def test_a_page_without_widgets_says_what_to_do() -> None:
    """JupyterLab loads widgets only with its page. It shows ``text/plain`` if they were installed afterwards."""
    view = sw.StreamView(iter("x"))
    for widget in (view, ipywidgets.HBox([view])):
        bundle = widget_bundle(widget)
        assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == widget.model_id
        assert "reload the page" in bundle["text/plain"]
        assert "object at" not in bundle["text/plain"]
        assert "children" not in bundle["text/plain"]
