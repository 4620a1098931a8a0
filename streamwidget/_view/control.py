"""The control comm: how the page speaks to a kernel whose main thread is busy, with Stop above all.

A widget's own messages wait behind a blocking cell on ipykernel 7.4, which pins them to the shell that last published
on the widget's comm. On a comm that the page opened and on which the kernel never publishes, they arrive in a subshell
thread within milliseconds, also on 7.3. So nothing here ever sends, and the handler may run on any thread.

ipykernel 7.4 gives another reason to keep out of the main shell: a comm message that is there just when one cell ends
and the next begins makes it publish that next cell's end with another parent, and the page sees it run for ever.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakValueDictionary

if TYPE_CHECKING:
    from comm.base_comm import BaseComm

TARGET = "streamwidget.control"
_KEPT = 32  # comms; each reload of a page leaves one behind


class Receiver(Protocol):
    """Takes what a page says; on any thread."""

    def receive(self, content: Any) -> None:
        """Take one message, which may be anything."""


_receivers: WeakValueDictionary[str, Receiver] = WeakValueDictionary()
_comms: deque[BaseComm] = deque()
_lock = threading.Lock()


def register(stream_id: str, receiver: Receiver) -> None:
    """Let the page speak to the receiver, a view, by the id of its stream."""
    from comm import get_comm_manager

    _receivers[stream_id] = receiver
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
    """``{"op": ..., "id": ID}``: what the view of that stream understands, and nothing else."""
    data = message.get("content", {}).get("data")
    if isinstance(data, dict) and isinstance(data.get("id"), str):
        receiver = _receivers.get(data["id"])
        if receiver is not None:
            receiver.receive(data)
