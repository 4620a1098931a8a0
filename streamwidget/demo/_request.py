"""A chat completion request, validated like OpenAI's API does it, and the demo server's own options."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streamwidget.demo._answers import LONG_TOKENS
from streamwidget.demo._json import RequestError
from streamwidget.demo._memory import in_tab

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """The extra body field ``demo``. None means the server's default.

    Attributes
    ----------
    tokens : int
        The answer's exact length in deltas.
    text : str, pieces : list of str
        The answer itself. The server cuts ``text`` into deltas, and sends each of ``pieces`` as one delta.
    tokens_per_second : float
        The pace. 0 is as fast as possible.
    first_delta : float
        Seconds before the first delta.
    jitter : float
        Each delta is late by up to this many seconds, at random. The random numbers are the same in every answer.
    chunk : int
        Bytes in each HTTP chunk of a stream, like a proxy that buffers. An event may be split, or wait until the chunk
        is full. 0 sends each event as one chunk.
    fault : str
        A fault's name, without ``demo-``.
    after : int
        Deltas before the fault.
    times, key : int, str
        The fault happens only to the first ``times`` requests with this ``key``. Later ones get their answer.
    retry_after, location : str
        The value of that header, for faults that send it.
    count, size : int
        The number of broken events (``garble``), and the bytes of the large one (``big-event``).
    """

    tokens: int | None = None
    text: str | None = None
    pieces: list[str] | None = None
    tokens_per_second: float | None = None
    first_delta: float | None = None
    jitter: float = 0
    chunk: int = 0
    fault: str | None = None
    after: int | None = None
    times: int | None = None
    key: str = ""
    retry_after: str = "1"
    location: str = "https://redirected.invalid/v1/chat/completions"
    count: int = 5
    size: int = 10_000_000


_KINDS: dict[str, type | tuple[type, ...]] = {
    "tokens": int, "text": str, "pieces": list, "tokens_per_second": (int, float), "first_delta": (int, float),
    "jitter": (int, float), "chunk": int, "fault": str, "after": int, "times": int, "key": str, "retry_after": str,
    "location": str, "count": int, "size": int,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One validated request."""

    model: str
    messages: list[dict[str, Any]]
    stream: bool
    wants_usage: bool
    has_stream_options: bool
    max_tokens: int | None
    authorization: str
    demo: DemoOptions
    schema: dict[str, Any] | None = None
    tools: tuple[Any, ...] = ()

    @property
    def fault(self) -> str:
        """The name of the fault, from the field ``demo.fault`` or the model name. "" means none."""
        return self.demo.fault or self.model.removeprefix("demo").removeprefix("-")


def parse_json(body: bytes) -> Any:
    """Return the body's JSON, or None if it is not JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def parse_chat(body: Any, headers: Mapping[str, str]) -> ChatRequest:
    """Validate a request body. Raises RequestError for the same mistakes as OpenAI's API."""
    if not isinstance(body, dict):
        raise RequestError(400, "We could not parse the JSON body of your request. It must be a JSON object.")
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise RequestError(400, "Invalid 'messages': expected a non-empty array of messages.", param="messages")
    for number, message in enumerate(messages):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            where = f"messages[{number}]"
            raise RequestError(400, f"Invalid '{where}': expected an object with a role.", param=where)
        if not isinstance(message.get("content"), str | list | None):
            where = f"messages[{number}].content"
            raise RequestError(400, f"Invalid '{where}': expected a string or an array of parts.", param=where)
        if not isinstance(message.get("tool_calls"), list | None):
            where = f"messages[{number}].tool_calls"
            raise RequestError(400, f"Invalid '{where}': expected an array of calls.", param=where)
    model = body.get("model") or "demo"
    if not isinstance(model, str) or not model.startswith("demo"):
        # In a browser tab Python starts with the page, so nobody can set a variable before it.
        key = "" if in_tab() else ", or set its key before Jupyter starts, such as OPENAI_API_KEY"
        message = f"The demo server has no model `{model}`. To ask a real one, name its provider{key}."
        raise RequestError(404, message, param="model", code="model_not_found")
    _number(body, "temperature", 0, 2)
    _number(body, "top_p", 0, 1)
    _number(body, "n", 1, 1)
    options = body.get("stream_options")
    if options is not None and (not isinstance(options, dict) or not body.get("stream")):
        message = "The 'stream_options' parameter is an object and only allowed when 'stream' is enabled."
        raise RequestError(400, message, param="stream_options")
    return ChatRequest(
        model=model,
        messages=messages,
        stream=bool(body.get("stream")),
        wants_usage=bool(options and options.get("include_usage")),
        has_stream_options=options is not None,
        max_tokens=_whole(body, "max_completion_tokens") or _whole(body, "max_tokens"),
        authorization=headers.get("authorization", ""),
        demo=_demo_options(body.get("demo"), model),
        schema=_schema(body.get("response_format")),
        tools=_tools(body),
    )


def _schema(response_format: Any) -> dict[str, Any] | None:
    """Return the schema that the answer is to keep to. OpenAI's API wants an object at its root."""
    if not isinstance(response_format, dict) or response_format.get("type") != "json_schema":
        return None
    given = response_format.get("json_schema")
    schema = given.get("schema") if isinstance(given, dict) else None
    if not isinstance(schema, dict) or not ("$ref" in schema or schema.get("type") == "object"):
        message = "Invalid schema for response_format: schema must be a JSON Schema of 'type: \"object\"'."
        raise RequestError(400, message, param="response_format")
    return schema


def _tools(body: Mapping[str, Any]) -> tuple[Any, ...]:
    given = body.get("tools")
    if given is not None and not isinstance(given, list):
        raise RequestError(400, "Invalid 'tools': expected an array of tools.", param="tools")
    return () if body.get("tool_choice") == "none" else tuple(given or ())


def _number(body: Mapping[str, Any], name: str, low: float, high: float) -> None:
    value = body.get(name)
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RequestError(400, f"Invalid type for '{name}': expected a number.", param=name)
    if not low <= value <= high:
        raise RequestError(400, f"Invalid '{name}': expected a value from {low} to {high}.", param=name)


def _whole(body: Mapping[str, Any], name: str) -> int | None:
    value = body.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise RequestError(400, f"Invalid '{name}': expected an integer of at least 1.", param=name)
    return value


def _demo_options(given: Any, model: str) -> DemoOptions:
    given = {} if given is None else given
    if not isinstance(given, dict):
        raise RequestError(400, "Invalid 'demo': expected an object.", param="demo")
    for name, value in given.items():
        kind = _KINDS.get(name)
        if kind is None:
            raise RequestError(
                400, f"Unknown option 'demo.{name}'. Known options: {', '.join(_KINDS)}.", param=f"demo.{name}"
            )
        negative = isinstance(value, int | float) and value < 0
        if isinstance(value, bool) or not isinstance(value, kind) or negative:
            raise RequestError(400, f"Invalid 'demo.{name}'.", param=f"demo.{name}")
    if not all(isinstance(piece, str) for piece in given.get("pieces", ())):
        raise RequestError(400, "Invalid 'demo.pieces': expected an array of strings.", param="demo.pieces")
    if model == "demo-long":
        given = {"tokens": LONG_TOKENS, **given}
    return DemoOptions(**given)
