"""The stream of an answer to a question of a conversation. The conversation does not change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from streamwidget._core.messages import Message
from streamwidget._core.misplaced import check_model, check_system
from streamwidget._core.tools import toolbox

if TYPE_CHECKING:
    from streamwidget._conversation.conversation import Conversation
    from streamwidget._core.stream import ChatStream


def answer_stream(
    conversation: Conversation,
    user: Message,
    client: Any,
    key: str,
    *,
    model: str | None = None,
    system: str | None = None,
    stream: bool = True,
    as_: Any = None,
    retries: int = 0,
    tools: Sequence[Any] | None = None,
    confirm: Literal["ask", "never"] = "ask",
    max_steps: int = 10,
    **params: Any,
) -> ChatStream:
    """Make the stream. Its request carries the turns before ``key``. The options are those of Conversation.ask."""
    from streamwidget._client.client import ChatClient
    from streamwidget._sources.models import as_model  # late: a script that only asks a client needs none of it

    check_model(model)
    check_system(conversation.system if system is None else system)
    messages = [*conversation.request_messages(key, system=system), user]
    asked, offered = as_model(client), toolbox(tools, confirm, max_steps)
    wanted = {"stream": stream, "as_": as_, "retries": retries}
    if isinstance(asked, ChatClient):
        return asked.request(messages, model, params, tools=offered, **wanted)
    return asked.request(messages, model, params | ({"tools": tools} if offered else {}), **wanted)
