"""The control comm: how Stop reaches a kernel whose main thread is busy.

A widget's own messages wait behind a blocking cell on ipykernel 7.4, which pins them to the shell that last published
on the widget's comm. On a comm that the page opened and on which the kernel never publishes, they arrive in a subshell
thread within milliseconds, also on 7.3. So nothing here ever sends, and the handler may run on any thread.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

if TYPE_CHECKING:
    from comm.base_comm import BaseComm

    from streamwidget._stream import ChatStream

TARGET = "streamwidget.control"
_KEPT = 32  # comms; each reload of a page leaves one behind

_streams: WeakValueDictionary[str, ChatStream] = WeakValueDictionary()
_comms: deque[BaseComm] = deque()
_lock = threading.Lock()


def register(stream: ChatStream) -> None:
    """Let the page stop this stream by its id."""
    from comm import get_comm_manager

    _streams[stream.id] = stream
    get_comm_manager().register_target(TARGET, _opened)


def unregister_target() -> None:
    """Accept no more comms. Those that pages have opened can still stop the streams that run."""
    from comm import get_comm_manager

    get_comm_manager().targets.pop(TARGET, None)


def _opened(comm: BaseComm, _message: dict[str, Any]) -> None:
    from comm import get_comm_manager

    comm.on_msg(_received)
    with _lock:
        _comms.append(comm)
        while len(_comms) > _KEPT:
            get_comm_manager().unregister_comm(_comms.popleft())


def _received(message: dict[str, Any]) -> None:
    """``{"op": "stop", "id": ID}`` and nothing else: the page is not trusted with more."""
    data = message.get("content", {}).get("data")
    if isinstance(data, dict) and data.get("op") == "stop" and isinstance(data.get("id"), str):
        stream = _streams.get(data["id"])
        if stream is not None:
            stream.cancel()
