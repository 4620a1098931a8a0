"""The control comm: how the page reaches a kernel whose main thread is busy. Its most important message is Stop.

A widget's own messages wait behind a blocking cell on ipykernel 7.4. It pins them to the last shell that published on
the widget's comm. The page opens another comm, and the kernel never publishes on it. Its messages arrive in a thread of
a subshell within milliseconds. That holds on 7.3 too. So nothing here ever sends, and any thread may get a message.

There is another reason to keep out of ipykernel 7.4's main shell. When a comm message arrives just as one cell ends and
the next one begins, 7.4 publishes the next cell's end with another parent. The page then shows that cell as running for
ever.
"""

from __future__ import annotations

import secrets
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from weakref import WeakMethod

from comm import get_comm_manager

from streamwidget._core.tab import in_tab

if TYPE_CHECKING:
    from comm.base_comm import BaseComm, CommManager

TARGET = "streamwidget.control"
_KEPT = 256  # comms, those that spoke last. A page has one, and each reload of it leaves one behind.

_receivers: dict[str, WeakMethod[Callable[[Any], None]]] = {}
_comms: dict[str, BaseComm] = {}  # the one that spoke last is the last one
_lock = threading.Lock()
_channel = f"{TARGET}.{secrets.token_hex(4)}"  # of this kernel, in a browser tab
_open: list[object] = []


def name_for_pages(own: str) -> str:
    """Return the name by which pages send to a receiver.

    In a browser tab it names a channel too: ``streamwidget.control.5f3c09ab/12``. JupyterLite's kernel takes no comm
    message while a cell awaits. A channel reaches every kernel of a site, so each kernel has its own.
    """
    return f"{_channel}/{own}" if in_tab() else own


def register(name: str, receive: Callable[[Any], None]) -> None:
    """Pass the page's messages to a receiver.

    Parameters
    ----------
    name : str
        No other receiver has it: two views may show one stream. The page sends it with each message. A widget's is of
        :func:`name_for_pages`. What is not about one widget has a word: ``cells`` for the cells' order.
    receive : callable
        A method of the view. It takes one message, which may be anything, on any thread. Binary data is in its field
        ``buffers``. It is forgotten with the view.
    """

    def forget(gone: WeakMethod[Callable[[Any], None]]) -> None:
        if _receivers.get(name) is gone:  # and not a newer one
            del _receivers[name]

    _receivers[name] = WeakMethod(receive, forget)
    _manager().register_target(TARGET, _opened)
    if in_tab() and not _open:
        from streamwidget._view.jupyterlite import listen_beside

        _open.append(listen_beside(_channel, _received))


def unregister_target() -> None:
    """Accept no more comms. Those that pages have opened can still stop the streams that run."""
    _manager().targets.pop(TARGET, None)


def _manager() -> CommManager:
    """Return the manager of this kernel's comms. The package ``comm`` is unknown to ipykernel before 6.18."""
    ipykernel: Any = sys.modules.get("ipykernel")
    if ipykernel is not None and ipykernel.version_info[:2] < (6, 18):
        from ipykernel.kernelbase import Kernel

        kernel: Any = Kernel.instance()
        return kernel.comm_manager  # type: ignore[no-any-return]
    return get_comm_manager()


def _opened(comm: BaseComm, _message: dict[str, Any]) -> None:
    def hear(message: dict[str, Any]) -> None:
        _keep(comm)
        _received(message)

    comm.on_msg(hear)
    _keep(comm)


def _keep(comm: BaseComm) -> None:
    with _lock:
        _comms.pop(comm.comm_id, None)
        _comms[comm.comm_id] = comm
        while len(_comms) > _KEPT:
            _manager().unregister_comm(_comms.pop(next(iter(_comms))))


def _received(message: dict[str, Any]) -> None:
    """Take ``{"op": ..., "id": NAME}``. Everything else is ignored."""
    data = message.get("content", {}).get("data")
    if isinstance(data, dict) and isinstance(data.get("id"), str):
        found = _receivers.get(data["id"])
        if found is not None and (receive := found()) is not None:
            receive({**data, "buffers": message.get("buffers")})
