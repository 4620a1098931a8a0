"""The items in the data of an event, and in a whole body: JSON values, as servers of all kinds write them.

No I/O, standard library only.
"""

from __future__ import annotations

import contextlib
import json
import re
from typing import Any

from streamwidget._client.sse import ServerSentEvent
from streamwidget._dialects.dialect import DONE, MalformedItem

#: Words of a server without news: event: ping, data: [HEARTBEAT], data: keep-alive
_LIVENESS = frozenset(
    {"ping", "pong", "heartbeat", "keepalive", "keep-alive", "keep_alive", "alive", "noop", "processing", "connected"}
)
#: The signs between the JSON values of a body. U+001E stands in JSON text sequences (RFC 7464).
_BETWEEN = re.compile(r"[ \t\r\n,\x1e]*")
_raw_decode = json.JSONDecoder().raw_decode


def items_of(event: ServerSentEvent, done_word: str | None) -> tuple[list[Any], bool]:
    """Decode any event into its items. Also return whether it ends with the done, or ``done_word``.

    ``event: error`` may carry an error object, bare or wrapped, or plain text. Several items come in one event
    where a server sends a list, or separates its events by one newline. ``data: data: {...}`` is one item.
    """
    data = event.data.strip()
    is_error = event.event == "error"
    if event.event in _LIVENESS:
        return [], False
    try:
        items, done = _values_in(data, done_word)
    except (ValueError, RecursionError) as exc:
        if not is_error:
            raise MalformedItem(f"an event is not JSON: {exc}") from exc
        items, done = [data], False
    if is_error:
        error = items[0] if items else data
        return [error if isinstance(error, dict) and error.get("error") else {"error": error or data}], done
    return items, done


def _values_in(data: str, done_word: str | None) -> tuple[list[Any], bool]:
    """Return the JSON values in the data of one event, and whether the done follows: one, a list, or one a line."""
    try:
        value = json.loads(data)
    except json.JSONDecodeError:
        pass
    else:
        if isinstance(value, str) and value[:1] in ("{", "["):  # JSON as the text of a JSON string
            return _values_in(value, done_word)
        if not isinstance(value, str):  # "[DONE]" with quotation marks is JSON too
            if value is None or isinstance(value, bool | float) or value == 0:
                return [], False  # a sign of life
            return (value if isinstance(value, list) else [value]), False
    values: list[Any] = []
    for line in data.split("\n"):
        text = line.strip()
        while text.startswith("data:"):
            text = text[5:].strip()
        bare = text.strip("\"'").upper()
        if bare in (done_word, DONE):  # gateways send it, whatever the API behind them
            return values, True
        if bare.strip("[]*.: ") and bare.strip("[]*.: ").lower() not in _LIVENESS:
            values += _each(text)
    return values, False


def decode_reply(body: bytes) -> Any:
    """Return the JSON value of a whole reply. MalformedItem if it is not JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise MalformedItem(f"the reply is not JSON: {exc}") from exc


def values_of(body: bytes) -> list[Any]:
    """Return the JSON values of a body: one, those of a list, or several one behind the other. MalformedItem if none.

    Some gateways send JSON as the text of a JSON string.
    """
    try:
        value = decode_reply(body)
        if isinstance(value, str):
            value = decode_reply(value.encode())
    except MalformedItem:
        with contextlib.suppress(ValueError, RecursionError):
            values = _each(body.decode("utf-8", "replace"))
            if len(values) > 1:
                return values
        raise
    return value if isinstance(value, list) and value else [value]


def _each(text: str) -> list[Any]:
    """Return the JSON values one behind the other. ValueError or RecursionError for anything else."""
    values: list[Any] = []
    place = _end_of_gap(text, 0)
    while place < len(text):
        value, end = _raw_decode(text, place)
        values.append(value)
        place = _end_of_gap(text, end)
    return values


def _end_of_gap(text: str, place: int) -> int:
    found = _BETWEEN.match(text, place)
    return found.end() if found is not None else place
