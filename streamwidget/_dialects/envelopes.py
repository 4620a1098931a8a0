"""One dialect within another: items around the chunks of a known dialect.

Examples: ``(chunk, metadata)`` of LangGraph, ``{"event": "on_chat_model_stream", "data": {"chunk": ...}}`` of
LangChain's ``astream_events``, ``.data`` of mistralai and of openai-agents, the bytes of Bedrock's ``invoke_model``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from streamwidget._core.events import ParsedEvent
from streamwidget._dialects.dialect import Reader
from streamwidget._dialects.paths import MISSING, at

_DEPTH = 4
#: A tool's result, if it is not a message.
_TOOL: dict[str, Any] = {"type": "tool", "tool_call_id": None, "response_metadata": {}}
#: The last events of a run of LangChain.
_ENDS = ("on_chain_end", "on_chat_model_end", "on_llm_end")


class EnvelopeReader:
    """Reads the content of each item by the reader for it. Without a reader it is left out.

    Parameters
    ----------
    reader_for : callable
        Returns a reader for a first item, or None.
    """

    def __init__(self, reader_for: Callable[[Any], Reader | None]) -> None:
        self._reader_for = reader_for
        self._readers: list[Reader] = []
        self._ended = False

    @property
    def plain_end(self) -> bool:
        """True if the run has ended, or all of the readers say so."""
        return self._ended or all(reader.plain_end for reader in self._readers)

    @staticmethod
    def fits(item: Any) -> bool:
        return next(_inside(item), MISSING) is not MISSING

    def parse(self, item: Any) -> list[ParsedEvent]:
        if at(item, "event") in _ENDS and not at(item, "parent_ids", True):
            self._ended = True
            return []
        events: list[ParsedEvent] = []
        for inner in _inside(item):
            if (reader := self._reader_of(inner)) is not None:
                events += reader.parse(inner)
        return events

    def _reader_of(self, inner: Any) -> Reader | None:
        known = next((reader for reader in self._readers if reader.fits(inner)), None)
        if known is None and (known := self._reader_for(inner)) is not None:
            self._readers.append(known)
        return known

    def close(self) -> list[ParsedEvent]:
        """Return the events still waiting at the end of the stream."""
        return [event for reader in self._readers for event in getattr(reader, "close", list)()]


def _inside(item: Any, depth: int = 0) -> Iterator[Any]:
    """Yield the chunks in an item. Nothing if it is not an envelope."""
    if depth > _DEPTH:
        return
    if isinstance(item, tuple) and len(item) == 2 and all(at(part, "proto") is not None for part in item):
        yield _of_xai(*item)
        return
    if isinstance(item, tuple | list):
        for part in item:
            # A part may be an envelope too: ("messages", (chunk, metadata)).
            found = list(_inside(part, depth + 1)) if isinstance(part, tuple | list | dict) else []
            yield from found or ([part] if not isinstance(part, str) else ())
        return
    for read in (_of_langchain, _of_langgraph, _of_bedrock, _of_data, _of_message, _of_live):
        found = list(read(item))
        if found:
            yield from found
            return


def _of_langchain(item: Any) -> Iterator[Any]:
    """Events of ``astream_events``. A chain repeats the words of its model, so its chunks are not read."""
    event = at(item, "event")
    if not isinstance(event, str) or not event.startswith("on_") or at(item, "data") is None:
        return
    if event in ("on_chat_model_stream", "on_llm_stream"):
        yield at(item, "data.chunk")
    elif event == "on_chat_model_end":
        yield _Whole(at(item, "data.output"))
    elif event == "on_tool_end":
        output = at(item, "data.output")
        is_message = at(output, "tool_call_id") is not None
        yield output if is_message else {**_TOOL, "name": at(item, "name"), "content": output}
    else:
        yield None


def _of_langgraph(item: Any) -> Iterator[Any]:
    """``{"agent": {"messages": [...]}}`` of ``stream_mode="updates"``, and the typed parts of version 2."""
    if not isinstance(item, dict):
        return
    if item.get("type") in ("messages", "updates", "values", "custom", "tasks") and "data" in item:
        inner = item["data"]
        yield from _inside(inner) if isinstance(inner, tuple | list | dict) else (None,)
        return
    for part in item.values():
        messages = part if isinstance(part, list) else at(part, "messages") if isinstance(part, dict) else None
        last = messages[-1] if isinstance(messages, list) and messages else None
        if at(last, "response_metadata") is not None:
            yield from messages or ()


def _of_bedrock(item: Any) -> Iterator[Any]:
    """``{"chunk": {"bytes": b"..."}}`` of ``invoke_model_with_response_stream``."""
    data = at(item, "chunk.bytes")
    if isinstance(data, bytes):
        yield json.loads(data)


def _of_data(item: Any) -> Iterator[Any]:
    """``.data`` of mistralai and openai-agents. The other events of an agent hold the results of its tools."""
    if at(item, "data.choices") is not None or at(item, "type") == "raw_response_event":
        yield at(item, "data")
    elif at(item, "type") in ("run_item_stream_event", "agent_updated_stream_event"):
        yield item if at(item, "item.type") == "tool_call_output_item" else None


def _of_message(item: Any) -> Iterator[Any]:
    """``.message`` of semantic-kernel's agents."""
    if at(item, "thread", MISSING) is not MISSING and at(item, "message.content", MISSING) is not MISSING:
        yield at(item, "message")


def _of_live(item: Any) -> Iterator[Any]:
    """Messages of google-genai's live sessions, as chunks of an answer."""
    turn = at(item, "server_content", MISSING)
    if turn is MISSING or at(item, "setup_complete", MISSING) is MISSING:
        return
    said = at(turn, "output_transcription.text")  # of an answer in sound
    calls = at(item, "tool_call.function_calls") or ()
    parts = [*(at(turn, "model_turn.parts") or ()), *([{"text": said}] if said else ())]
    end = "STOP" if at(turn, "turn_complete") else None
    counts = ("prompt_token_count", "candidates_token_count", "total_token_count")
    usage = {name: at(item, f"usage_metadata.{name}") for name in counts}
    usage["candidates_token_count"] = at(item, "usage_metadata.response_token_count")
    content = {"parts": [*parts, *({"function_call": call} for call in calls)]}
    yield {"candidates": [{"content": content, "finish_reason": end}], "usage_metadata": usage}


def _of_xai(so_far: Any, chunk: Any) -> dict[str, Any]:
    """Return a pair of xai-sdk as one piece: the text of the chunk, and the end of the answer so far."""
    ended = any(at(choice, "finish_reason") for choice in at(chunk, "choices") or ())
    reason = at(so_far, "finish_reason") if ended else None
    return {
        "xai_content": at(chunk, "content"),
        "reasoning_content": at(chunk, "reasoning_content"),
        "tool_calls": list(at(chunk, "tool_calls") or ()),
        "finish_reason": reason.removeprefix("REASON_") if isinstance(reason, str) else None,
        "usage": at(so_far, "usage") if ended else None,
        "id": at(so_far, "id"),
    }


class _Whole:
    """A whole message of LangChain, after its chunks or without them."""

    def __init__(self, message: Any) -> None:
        self._message = message
        self.type = "ai"

    def __getattr__(self, name: str) -> Any:
        return getattr(self._message, name)
