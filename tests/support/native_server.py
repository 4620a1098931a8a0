"""The demo server with the wires of other APIs: its pace and its faults for all of them. Not a test module.

The functions of :mod:`tests.support.native` write an answer that has a mark in place of its text. The items before the
mark are sent at the start. The item with the mark is sent once for each piece. The rest is sent at the end.
"""

from __future__ import annotations

import json
from typing import Any

from streamwidget.demo import DemoServer
from streamwidget.demo._faults import FAULTS
from streamwidget.demo._http import Connection, Request
from streamwidget.demo._records import RequestRecord
from streamwidget.demo._reply import StreamReply
from streamwidget.demo._request import ChatRequest, parse_chat
from streamwidget.demo._service import Service
from tests.support.dialects import Answer
from tests.support.native import NATIVE, Native

THOUGHT, TEXT = "@thought@", "@text@"
_ENDS = {"stop": "stop", "length": "length", "content_filter": "filter"}
_PATHS = {"/messages": "anthropic", "/responses": "openai-responses", "/chat": "ollama-native"}


class _NativeReply(StreamReply):
    """Writes the items of an API. A delta of chat completions becomes one of its items."""

    def __init__(self, native: Native, *args: Any) -> None:
        super().__init__(*args)
        self._native = native
        self._written: list[str] = []
        self._place = 0  # of the next item that is not sent yet
        self._set_end("stop")

    def _set_end(self, reason: str) -> None:
        thoughts = (THOUGHT,) if self.request.model == "demo-reasoning" else ()
        answer = Answer((TEXT,), thoughts, calls=False, end=_ENDS[reason])
        self._items = [json.dumps(item) for item in self._native.items(answer)]

    def _up_to(self, mark: str) -> bytes:
        """Return the items before the first one with this mark, which have not been sent."""
        place = next(place for place, item in enumerate(self._items) if mark in item)
        before, self._place = self._items[self._place : place], max(place, self._place)
        return self._native.write([json.loads(item) for item in before if THOUGHT not in item])

    def _chunk(self, delta: dict[str, Any], reason: str | None = None) -> bytes:
        if "role" in delta:
            return self._up_to(THOUGHT if self.request.model == "demo-reasoning" else TEXT)
        mark, piece = (TEXT, delta["content"]) if "content" in delta else (THOUGHT, delta["reasoning_content"])
        item = next(item for item in self._items if mark in item)
        before = self._up_to(mark)
        self._written += [piece] if mark == TEXT else []
        return before + self._native.write([json.loads(item.replace(mark, json.dumps(piece)[1:-1]))])

    async def _open(self, chunked: bool) -> None:
        headers = {"content-type": self._native.media_type, "server": "test"}
        if self._gzip is not None:
            headers["content-encoding"] = "gzip"
        await self.connection.start(headers, chunked=chunked)

    async def raw(self, text: str) -> None:
        if not self._native.media_type.endswith("event-stream"):
            text = text.replace(": ping\n\n", "\n").replace("data: ", "").replace("\n\n", "\n")
        await super().raw(text)

    async def error(self, value: dict[str, Any]) -> None:
        busy = json.dumps(self._native.busy).replace("Overloaded now.", value["error"]["message"])
        await self.connection.write(self._framed(self._native.write([json.loads(busy)])))
        await self.end()

    async def close(self, reason: str) -> None:
        self._set_end(reason)
        whole = json.dumps("".join(self._written))[1:-1]
        rest = [json.loads(item.replace(TEXT, whole)) for item in self._items[self._place + 1 :]]
        await self.connection.write(self._framed(self._native.write(rest)))
        await self.end()


class _NativeService(Service):
    async def _route(self, connection: Connection, request: Request, record: RequestRecord, body: Any) -> None:
        native = _native_at(request.path)
        if native is None or not isinstance(body, dict):
            await super()._route(connection, request, record, body)
            return
        chat = _as_chat(request, body)
        reply = _NativeReply(native, connection, chat, record, self._tokens_per_second, self._first_delta)
        fault = FAULTS.get(chat.fault)
        if fault is None:
            await reply.play()
        else:
            reply.after = fault.after if chat.demo.after is None else chat.demo.after
            await fault.act(reply)


def _native_at(path: str) -> Native | None:
    if ":streamGenerateContent" in path:
        return NATIVE["google"]
    return next((NATIVE[name] for end, name in _PATHS.items() if path.endswith(end)), None)


def _as_chat(request: Request, body: dict[str, Any]) -> ChatRequest:
    """Return the request in the form of chat completions. The demo server's options are where an API has others."""
    model = body.get("model") or request.path.partition("models/")[2].partition(":")[0]
    inner = body.get("generationConfig") or body.get("options") or body
    said = next(body[name] for name in ("messages", "input", "contents") if name in body)
    messages = [{"role": "user", "content": json.dumps(one)} for one in said]
    return parse_chat(
        {"model": model, "messages": messages, "stream": True, "demo": inner.get("demo")}, request.headers
    )


class NativeServer(DemoServer):
    """Speaks all APIs of :data:`~tests.support.native.NATIVE` under one address."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._service = _NativeService(
            options.get("tokens_per_second", 60), options.get("first_delta", 0.35), self.host
        )
