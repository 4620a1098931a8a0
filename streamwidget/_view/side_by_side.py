"""Several streams beside each other while they run, each in a view of its own. In a narrow page they are stacked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ipywidgets import HTML, HBox, Layout, VBox

from streamwidget._core.loop import running_loop
from streamwidget._core.stream import ChatStream
from streamwidget._saved.side_by_side import COLUMN, ROW, heading
from streamwidget._view.bundle import shared_bundle
from streamwidget._view.output import widget_bundle
from streamwidget._view.stream_view import StreamView


class SideBySideView:
    """A row of views, each under its heading, as :func:`streamwidget._saved.side_by_side.beside` saves it.

    Parameters
    ----------
    streams : sequence of ChatStream
        They are started here, all at one moment, if an event loop runs.
    titles : sequence of str
        One for each stream.
    size : mapping of str to str
        The size of each answer, as a Layout has it. A longer one scrolls.
    above : ipywidgets.Widget, optional
        Stands above the row, and is closed with it.

    Attributes
    ----------
    box : ipywidgets.VBox
        All of it.
    """

    def __init__(
        self, streams: Sequence[ChatStream], titles: Sequence[str], size: Mapping[str, str], *above: Any
    ) -> None:
        shared_bundle()  # takes a while the first time
        if running_loop() is not None:
            for stream in streams:  # before any has a view
                stream.start()
        self._views = [StreamView(stream, layout=dict(size)) for stream in streams]
        for view in self._views:
            view._presentation.stays = False  # one that is asked again alone would have no rival
            view._presentation.end_in_turn = False
        labels = [HTML(heading(title), layout=Layout(margin="0")) for title in titles]
        columns = [VBox(parts, layout=Layout(**COLUMN)) for parts in zip(labels, self._views, strict=True)]
        row = HBox(columns, layout=Layout(**ROW))
        self.box = VBox([*above, row])
        self.box.add_class("jp-RenderedHTMLCommon")  # the host's letters and padding, as in what is saved
        self._around = (self.box, row, *above, *columns, *labels)
        # A page that was reloaded asks the first view for what is saved.
        self._views[0].observe(lambda _change: self.close(), "comm")

    def mimebundle(self) -> dict[str, Any]:
        """Return the mimebundle that a notebook shows."""
        return widget_bundle(self.box)

    def replaced_by(self, saved: dict[str, Any]) -> None:
        """Close as soon as no page shows it. The cell has the mimebundle ``saved`` in its place."""
        self._views[0]._replaced_by(saved, {}, unseen=False, within=self.box.model_id)

    def close(self) -> None:
        """Remove it from the page, and stop the streams that still run."""
        for widget in self._around:
            if widget.comm is not None:
                for part in (widget.layout, getattr(widget, "style", None), widget):
                    if part is not None:
                        part.close()
        for view in self._views:
            view.close()
