"""``GET /models``: the names of the models that a server offers. Standard library only.

It is read by the same exchange as an answer, so that its limits, retries, failures and masked keys are the same; the
"text" of the reply is the list of names, as JSON.
"""

from __future__ import annotations

import json

from streamwidget._core.events import Finish, TextDelta
from streamwidget._dialects.chat_completions import ChatCompletions
from streamwidget._dialects.dialect import MalformedEvent, ParsedEvent, ServerReportedError
from streamwidget._dialects.errors import error_info


class ModelList(ChatCompletions):
    """The dialect of ``/models``."""

    path = "models"
    method = "GET"

    def parse_reply(self, body: bytes) -> list[ParsedEvent]:
        """Return the names as JSON; raise MalformedEvent or ServerReportedError (``status`` 200)."""
        try:
            reply = json.loads(body)
        except (ValueError, RecursionError) as exc:
            raise MalformedEvent(f"the list of models is not JSON: {exc}") from exc
        if isinstance(reply, dict) and reply.get("error"):
            raise ServerReportedError(error_info(reply["error"], 200))
        rows = reply.get("data") if isinstance(reply, dict) else reply  # Together: the bare list
        if not isinstance(rows, list):
            raise MalformedEvent("the reply is no list of models")
        names = [row["id"] for row in rows if isinstance(row, dict) and isinstance(row.get("id"), str)]
        return [TextDelta(json.dumps(names)), Finish("stop", "complete")]
