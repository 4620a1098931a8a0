"""The two shapes of a reply: server-sent events as they come, or one JSON object at the end."""

from __future__ import annotations

import zlib
from typing import Any

from streamwidget.demo._json import to_json
from streamwidget.demo._reply import Reply


class StreamReply(Reply):
    """Server-sent events. ``newline`` ends each line; :meth:`compress` turns gzip on before ``open``."""

    newline = "\n"
    _gzip: Any = None  # zlib's compression object has no public type
    _held = b""  # what does not fill a chunk yet

    def compress(self) -> None:
        """Send the body as gzip, flushed after each write."""
        self._gzip = zlib.compressobj(6, zlib.DEFLATED, 31)

    def _framed(self, text: bytes) -> bytes:
        if self._gzip is not None:
            text = self._gzip.compress(text) + self._gzip.flush(zlib.Z_SYNC_FLUSH)
        return self._cut(text)

    def _cut(self, data: bytes) -> bytes:
        size = self.request.demo.chunk
        if not size:
            return self.connection.framed(data)
        data = self._held + data
        whole = len(data) - len(data) % size
        self._held = data[whole:]
        return b"".join(self.connection.framed(data[i : i + size]) for i in range(0, whole, size))

    def _event(self, data: bytes) -> bytes:
        newline = self.newline.encode()
        return b"data: " + data + newline + newline

    def _chunk(self, delta: dict[str, Any], reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return self._event(to_json(self.envelope("chat.completion.chunk", choices=[choice])))

    async def _open(self, chunked: bool) -> None:
        headers = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
        if self._gzip is not None:
            headers["content-encoding"] = "gzip"
        await self.connection.start(headers, chunked=chunked)

    async def open(self, *, chunked: bool = True) -> None:
        await super().open(chunked=chunked)
        await self.connection.write(self._framed(self._chunk({"role": "assistant", "content": ""})))

    async def _send_deltas(self, batch: list[dict[str, Any]]) -> None:
        await self.connection.write(b"".join(self._framed(self._chunk(delta)) for delta in batch))

    async def raw(self, text: str) -> None:
        await self.connection.write(self._framed(text.encode()))

    async def error(self, value: dict[str, Any]) -> None:
        await self.connection.write(self._framed(self._event(to_json(value))))
        await self.end()

    async def half(self) -> None:
        whole = self._framed(self._chunk({"content": next(self.pieces, "")}))
        await self.connection.write(whole[: len(whole) // 2])

    async def end(self) -> None:
        last = self._cut(b"" if self._gzip is None else self._gzip.flush())
        await self.connection.write(last + self.connection.framed(self._held))
        await self.connection.end()

    async def close(self, reason: str) -> None:
        last = self._framed(self._chunk({}, reason))
        if self.request.wants_usage:
            usage = self.envelope("chat.completion.chunk", choices=[], usage=self.usage())
            last += self._framed(self._event(to_json(usage)))
        await self.connection.write(last + self._framed(self._event(b"[DONE]")))
        await self.end()


class WholeReply(Reply):
    """One JSON object, sent when the last piece would have been."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._parts: dict[str, list[str]] = {}
        self._calls: dict[int, dict[str, Any]] = {}

    async def _open(self, chunked: bool) -> None:
        pass  # the head comes with the body

    async def _send_deltas(self, batch: list[dict[str, Any]]) -> None:
        for delta in batch:
            for name, value in delta.items():
                if isinstance(value, str):
                    self._parts.setdefault(name, []).append(value)
            for part in delta.get("tool_calls", ()):
                if "id" in part:
                    first = {"name": part["function"]["name"], "arguments": ""}
                    self._calls[part["index"]] = {"id": part["id"], "type": "function", "function": first}
                self._calls[part["index"]]["function"]["arguments"] += part["function"]["arguments"]

    def body(self, reason: str) -> bytes:
        """Return the chat.completion object as JSON."""
        message: dict[str, Any] = {"role": "assistant", "content": None}
        message |= {name: "".join(parts) for name, parts in self._parts.items()}
        if self._calls:
            message["tool_calls"] = list(self._calls.values())
        choice = {"index": 0, "message": message, "finish_reason": reason}
        return to_json(self.envelope("chat.completion", choices=[choice], usage=self.usage()))

    async def raw(self, text: str) -> None:
        pass  # there is no stream that it could go into

    async def error(self, value: dict[str, Any]) -> None:
        await self.connection.send_json(200, value)

    async def half(self) -> None:
        body = self.body("stop")
        await self.connection.send(200, body[: len(body) // 2], "application/json", length=len(body))

    async def end(self) -> None:
        body = self.body("stop")
        await self.connection.send(200, body[: len(body) // 2], "application/json")

    async def close(self, reason: str) -> None:
        await self.connection.send(200, self.body(reason), "application/json")
