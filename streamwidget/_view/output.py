"""A cell's output: show a mimebundle under a display id, and replace it later.

An output that an ipywidgets ``Output`` captures cannot be replaced: the pages ignore the replacement.
"""

from __future__ import annotations

import sys
import uuid
from typing import Any, Literal

from IPython.display import publish_display_data

_WIDGET = "application/vnd.jupyter.widget-view+json"
#: A page that was open during the install has no widgets until it is loaded anew. It shows this.
_WITHOUT_WIDGETS = (
    "This page cannot show the answer while it streams. If you have just installed streamwidget, reload the page."
)


def in_kernel() -> bool:
    """Return True in a kernel of Jupyter, where a cell may block the loop."""
    module = sys.modules.get("ipykernel.kernelbase")
    return module is not None and bool(module.Kernel.initialized())


def request_of(kernel: Any) -> dict[str, Any]:
    """Return the message with the cell that a kernel runs, or an empty dict."""
    get_parent = getattr(kernel, "get_parent", None)
    return (get_parent() or {}) if get_parent else {}


def asker(request: dict[str, Any]) -> Literal["page", "console", "program"]:
    """Return the kind of front end that a request is from. They do not name themselves.

    jupyter console, qtconsole and Spyder send with jupyter_client, whose message ids begin with the session's id. Pages
    make other ids. nbclient and papermill use jupyter_client too, but cannot answer ``input()``. A notebook that a
    server runs for a page has the cell's id with it.
    """
    header = request.get("header", {})
    by_jupyter_client = str(header.get("msg_id")).startswith(f"{header.get('session')}_")
    if not by_jupyter_client or "cellId" in request.get("metadata", {}):
        return "page"
    return "console" if request.get("content", {}).get("allow_stdin") is True else "program"


def in_console() -> bool:
    """Return True if a console of Jupyter runs the cell. It shows no widgets."""
    if not in_kernel():
        return False
    kernel = sys.modules["ipykernel.kernelbase"].Kernel.instance()
    return asker(request_of(kernel)) == "console"


def widget_bundle(widget: Any) -> dict[str, Any]:
    """Return the mimebundle that shows a widget. A widget of ipywidgets 7, as in Colab, does not make one itself."""
    view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    bundle: dict[str, Any] = {_WIDGET: view}
    if hasattr(widget, "_repr_mimebundle_"):
        made = widget._repr_mimebundle_()
        bundle = made[0] if isinstance(made, tuple) else made
    return {**bundle, "text/plain": _WITHOUT_WIDGETS} if _WIDGET in bundle else bundle


def show(mimebundle: dict[str, Any], display_id: str | None = None) -> str:
    """Show a mimebundle in the cell that runs.

    IPython's own ``display`` gives a widget of ipywidgets 7 no display id.

    Parameters
    ----------
    mimebundle : dict
    display_id : str, optional
        Default: a new one.

    Returns
    -------
    str
        The display id, for :func:`replace`.
    """
    display_id = display_id or uuid.uuid4().hex
    publish_display_data(mimebundle, transient={"display_id": display_id})  # type: ignore[no-untyped-call]
    return display_id


def replace(display_id: str, mimebundle: dict[str, Any], metadata: dict[str, Any] | None = None) -> None:
    """Show another mimebundle in place of the output with this display id."""
    shown: dict[str, Any] = {"metadata": metadata or {}, "transient": {"display_id": display_id}}
    publish_display_data(mimebundle, update=True, **shown)  # type: ignore[no-untyped-call]


def is_captured(execution_id: str | None) -> bool:
    """Return True if an ipywidgets ``Output`` takes what this execution shows now, as in ``with Output():``."""
    module = sys.modules.get("ipywidgets.widgets.widget")
    if module is None:
        return False
    known = module._instances if hasattr(module, "_instances") else module.Widget.widgets  # ipywidgets 8, and 7
    widgets = list(known.values())
    return execution_id is not None and any(getattr(widget, "msg_id", None) == execution_id for widget in widgets)
