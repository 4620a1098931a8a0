"""Stream LLM chat into Jupyter notebooks: see it as it is written, stop it, find it in the saved notebook.

``%load_ext streamwidget`` gives ``%%chat`` and ``%chat``; :class:`ChatClient` and :class:`StreamView` are the parts.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from streamwidget._client import ChatClient
from streamwidget._completion import ChatCompletion, ErrorInfo, Timing, ToolCall
from streamwidget._conversation import Conversation
from streamwidget._events import (
    Finish,
    Outcome,
    ReasoningDelta,
    RefusalDelta,
    Retry,
    StreamEvent,
    StreamWarning,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from streamwidget._exceptions import (
    ConfigurationError,
    ConnectionFailed,
    HTTPStatusError,
    InStreamError,
    ProtocolError,
    SourceError,
    StreamError,
    StreamInterrupted,
    StreamTimeout,
)
from streamwidget._images import Image
from streamwidget._messages import Message
from streamwidget._recording import Recording
from streamwidget._retry import RetryPolicy
from streamwidget._stream import ChatStream
from streamwidget._timeline import Timeline
from streamwidget._timeout import Timeout
from streamwidget._turn import Turn

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from streamwidget._chat_widget import ChatWidget
    from streamwidget._replay import replay
    from streamwidget._show import show
    from streamwidget._view import StreamView
    from streamwidget._wire_view import WireView
    from streamwidget.teaching._race import race

__all__ = [
    "ChatClient",
    "ChatCompletion",
    "ChatStream",
    "ChatWidget",
    "ConfigurationError",
    "ConnectionFailed",
    "Conversation",
    "ErrorInfo",
    "Finish",
    "HTTPStatusError",
    "Image",
    "InStreamError",
    "Message",
    "Outcome",
    "ProtocolError",
    "ReasoningDelta",
    "Recording",
    "RefusalDelta",
    "Retry",
    "RetryPolicy",
    "SourceError",
    "StreamError",
    "StreamEvent",
    "StreamInterrupted",
    "StreamTimeout",
    "StreamView",
    "StreamWarning",
    "TextDelta",
    "Timeline",
    "Timeout",
    "Timing",
    "ToolCall",
    "ToolCallDelta",
    "Turn",
    "Usage",
    "WireView",
    "__version__",
    "race",
    "replay",
    "show",
]


# Late: ipywidgets and anywidget cost more to import than all the rest, and a script needs neither.
_LATE = {
    "ChatWidget": "_chat_widget",
    "StreamView": "_view",
    "WireView": "_wire_view",
    "race": "teaching._race",
    "replay": "_replay",
    "show": "_show",
}


def __getattr__(name: str) -> Any:
    if name in _LATE:
        return getattr(import_module(f"{__name__}.{_LATE[name]}"), name)
    if name == "__version__":
        from importlib.metadata import version

        return version("streamwidget")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)


def load_ipython_extension(shell: InteractiveShell) -> None:
    """``%load_ext streamwidget``: add the magics."""
    from streamwidget._extension import load

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """``%unload_ext streamwidget``: undo all that loading did."""
    from streamwidget._extension import unload

    unload(shell)
