"""Stream LLM chat into Jupyter notebooks: read it while it is written, stop it, and keep it in the saved notebook.

In a notebook, ``%load_ext streamwidget`` adds ``%%chat`` and ``%chat``. In Python, begin with :class:`ChatClient`:

>>> import streamwidget as sw
>>> sw.ChatClient().stream("Name three rivers.").wait().outcome
'complete'
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from streamwidget._client.client import ChatClient
from streamwidget._client.retry import RetryPolicy
from streamwidget._client.token_ratio import TokenEstimate
from streamwidget._conversation.conversation import Conversation
from streamwidget._conversation.turn import Turn
from streamwidget._core.attachments import Attachment, Image
from streamwidget._core.completion import ChatCompletion, ErrorInfo, Step, Timing, ToolCall
from streamwidget._core.cost import Cost
from streamwidget._core.events import (
    Consent,
    ConsentNeeded,
    Finish,
    Gap,
    NewStep,
    Outcome,
    ReasoningDelta,
    RefusalDelta,
    Retry,
    RichOutput,
    StreamEvent,
    StreamWarning,
    TextDelta,
    TextWasReasoning,
    ToolCallDelta,
    ToolResult,
    Usage,
    Waiting,
)
from streamwidget._core.exceptions import (
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
from streamwidget._core.messages import Message
from streamwidget._core.receipt import Receipt, SentFile, SentMessage, SentRequest, SentVariable
from streamwidget._core.stream import ChatStream
from streamwidget._core.timeline import Timeline
from streamwidget._core.timeout import Timeout
from streamwidget._core.tools import Tool, tool
from streamwidget._dialects.registry import Dialect, register_dialect

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from streamwidget._client.mcp_server import mcp
    from streamwidget._client.replay import replay
    from streamwidget._core.recording import Recording
    from streamwidget._many.results import RowResult
    from streamwidget._notebook.batch import batch
    from streamwidget._notebook.compare import compare
    from streamwidget._notebook.comparison import Comparison
    from streamwidget._notebook.show import show
    from streamwidget._view.chat.widget import ChatWidget
    from streamwidget._view.stream_view import StreamView
    from streamwidget._view.wire.view import WireView
    from streamwidget.teaching._race import race

__all__ = [
    "Attachment",
    "ChatClient",
    "ChatCompletion",
    "ChatStream",
    "ChatWidget",
    "Comparison",
    "ConfigurationError",
    "ConnectionFailed",
    "Consent",
    "ConsentNeeded",
    "Conversation",
    "Cost",
    "Dialect",
    "ErrorInfo",
    "Finish",
    "Gap",
    "HTTPStatusError",
    "Image",
    "InStreamError",
    "Message",
    "NewStep",
    "Outcome",
    "ProtocolError",
    "ReasoningDelta",
    "Receipt",
    "Recording",
    "RefusalDelta",
    "Retry",
    "RetryPolicy",
    "RichOutput",
    "RowResult",
    "SentFile",
    "SentMessage",
    "SentRequest",
    "SentVariable",
    "SourceError",
    "Step",
    "StreamError",
    "StreamEvent",
    "StreamInterrupted",
    "StreamTimeout",
    "StreamView",
    "StreamWarning",
    "TextDelta",
    "TextWasReasoning",
    "Timeline",
    "Timeout",
    "Timing",
    "TokenEstimate",
    "Tool",
    "ToolCall",
    "ToolCallDelta",
    "ToolResult",
    "Turn",
    "Usage",
    "Waiting",
    "WireView",
    "__version__",
    "batch",
    "compare",
    "mcp",
    "race",
    "register_dialect",
    "replay",
    "show",
    "tool",
]


# Imported at first use. ipywidgets and anywidget take longer to import than all the rest, and a script needs neither.
_LATE = {
    "ChatWidget": "_view.chat.widget",
    "Comparison": "_notebook.comparison",
    "Recording": "_core.recording",
    "RowResult": "_many.results",
    "StreamView": "_view.stream_view",
    "WireView": "_view.wire.view",
    "batch": "_notebook.batch",
    "compare": "_notebook.compare",
    "mcp": "_client.mcp_server",
    "race": "teaching._race",
    "replay": "_client.replay",
    "show": "_notebook.show",
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
    """Add the magics. IPython calls this for ``%load_ext streamwidget``."""
    from streamwidget._notebook.extension import load

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Undo everything that loading did. IPython calls this for ``%unload_ext streamwidget``."""
    from streamwidget._notebook.extension import unload

    unload(shell)
