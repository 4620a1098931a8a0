"""What JupyterLite's kernel does otherwise with the messages of a page.

- It turns None into ``undefined``, which JSON leaves out. A null of the page comes as ``jsnull``, which is not None.
- It takes no message while a cell awaits. So a Stop, a consent to a tool and all else that a widget's page sends come
  past it, on a channel between the page and its workers.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
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


def listen_beside(name: str, receive: Callable[[Any], None]) -> object:
    """Take messages of the page, also while a cell awaits.

    Parameters
    ----------
    name : str
        The channel's name.
    receive : callable
        Takes ``{"content": {"data": MESSAGE}, "buffers": [...]}``, as of a comm.

    Returns
    -------
    object
        The channel. It is open as long as you keep it.
    """
    from pyodide.ffi import create_proxy, jsnull

    channel = import_module("js").BroadcastChannel.new(name)
    channel.onmessage = create_proxy(lambda event: receive(replaced(event.data.to_py(), jsnull, None)))
    return channel


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
