"""JupyterLite's messages keep their nulls.

Its kernel turns None into ``undefined``, which JSON leaves out. And a null of the page comes as ``jsnull``, a value of
its own, which is not None. Every widget of the tab gets what it would get anywhere else.
"""

from __future__ import annotations

from typing import Any


def keep_nulls() -> None:
    """Correct the comms of JupyterLite's kernel. Nothing happens where Pyodide runs in another program."""
    try:
        from pyodide.ffi import jsnull
        from pyodide_kernel.comm import Comm
    except ImportError:
        return
    publish, handle = Comm.publish_msg, Comm.handle_msg

    def publish_msg(
        self: Any, msg_type: str, data: Any = None, metadata: Any = None, buffers: Any = None, **keys: Any
    ) -> None:
        publish(self, msg_type, replaced(data or {}, None, jsnull), metadata, buffers, **keys)

    def handle_msg(self: Any, message: Any) -> None:
        handle(self, replaced(message, jsnull, None))

    if publish.__module__ == Comm.__module__:  # not corrected yet
        Comm.publish_msg, Comm.handle_msg = publish_msg, handle_msg


def replaced(value: Any, old: Any, new: Any) -> Any:
    """Return a copy of a JSON value with another null.

    Examples
    --------
    >>> replaced({"text": None, "files": [None, 1]}, None, "null")
    {'text': 'null', 'files': ['null', 1]}
    """
    match value:
        case dict():
            return {name: replaced(part, old, new) for name, part in value.items()}
        case list() | tuple():
            return [replaced(part, old, new) for part in value]
    return new if value is old else value
