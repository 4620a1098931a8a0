"""One reply to a chat completion request: its pieces, their pace, and what goes over the wire.

A fault calls the methods of :class:`Reply` (``open``, ``deltas``, ``half``, ``close``, ...). A request with ``stream``
gets a :class:`StreamReply`, any other a :class:`WholeReply`, so one fault works for both.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
import zlib
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from streamwidget.demo._answers import answer_pieces, message_text, split_pieces
from streamwidget.demo._json import to_json
from streamwidget.demo._tools import answer_from, call_deltas, calls_for, results_in
from streamwidget.demo._values import json_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streamwidget.demo._http import Connection
    from streamwidget.demo._records import RequestRecord
    from streamwidget.demo._request import ChatRequest

_BATCH = 64  # deltas that are written before the loop's other connections get a turn


async def forever() -> None:
    """Wait until the client leaves or the server stops. Both cancel the reply."""
    await asyncio.get_running_loop().create_future()


class Reply(ABC):
    """The answer's pieces, their schedule and their count. A subclass writes them to the connection.

    Attributes
    ----------
    rate, first_delta : float
        Deltas per second (0 is as fast as possible), and seconds before the first one.
    after : int
        Deltas to send before the fault.
    max_tokens : int or None
        Deltas after which the answer is cut with finish_reason "length".
    """

    def __init__(
        self, connection: Connection, request: ChatRequest, record: RequestRecord, rate: float, first_delta: float
    ) -> None:
        demo = request.demo
        self.connection = connection
        self.request = request
        self.rate = rate if demo.tokens_per_second is None else float(demo.tokens_per_second)
        self.first_delta = first_delta if demo.first_delta is None else float(demo.first_delta)
        self.after = 0
        self.max_tokens = request.max_tokens
        self.record = record
        self._sent = 0
        self._jitter = float(demo.jitter)
        self._chance = random.Random(0)  # a fixed seed, so that a lesson repeats exactly
        self._opened_at = 0.0
        self._tool_calls: list[tuple[str, str]] = []  # names and arguments of the tools that it calls
        if demo.pieces is not None:
            self.pieces: Iterator[str] = iter(demo.pieces)
        elif demo.text is not None:
            self.pieces = split_pieces(demo.text)
        elif demo.tokens is not None:
            self.pieces = answer_pieces(request.messages, request.model, demo.tokens)
        else:
            self._tool_calls = calls_for(request.tools, request.messages)
            self.pieces = iter(()) if self._tool_calls else self._answer()

    def _answer(self) -> Iterator[str]:
        """Return the pieces of the answer that the request asks for."""
        if self.request.schema is not None:
            return split_pieces(json_text(self.request.schema))
        if results := results_in(self.request.messages):
            return split_pieces(answer_from(results))
        return answer_pieces(self.request.messages, self.request.model)

    async def open(self, *, chunked: bool = True) -> None:
        """Send the head at once. Return when the time to the first delta is over."""
        await self._open(chunked)
        await asyncio.sleep(self.first_delta)
        self._opened_at = time.monotonic()

    async def some(self) -> None:
        """Open, and send the deltas before the fault."""
        await self.open()
        await self.deltas(itertools.islice(self.pieces, self.after))

    async def play(self) -> None:
        """Send the whole answer, as a healthy server would."""
        await self.open()
        calls = call_deltas(self._tool_calls, self.request.messages)
        deltas = itertools.chain(calls, ({"content": piece} for piece in self.pieces))
        await self.delta_values(deltas)
        whole = not self._at_limit or next(deltas, None) is None
        await self.close("length" if not whole else "tool_calls" if self._tool_calls else "stop")

    async def deltas(self, pieces: Iterable[str], field: str = "content") -> None:
        """Send each piece as one delta. The schedule is absolute: a late wake-up does not delay the deltas after it."""
        await self.delta_values({field: piece} for piece in pieces)

    async def delta_values(self, values: Iterable[dict[str, Any]]) -> None:
        """Send each value as one delta object, on the schedule."""
        batch: list[dict[str, Any]] = []
        values = iter(values)
        while not self._at_limit and (value := next(values, None)) is not None:
            if self.rate or self._jitter:
                due = self._opened_at + (self._sent / self.rate if self.rate else 0)
                wait = due + self._chance.uniform(0, self._jitter) - time.monotonic()
                if wait > 0:
                    await self._flush(batch)
                    await asyncio.sleep(wait)
            batch.append(value)
            self._sent += 1
            if len(batch) >= _BATCH:
                await self._flush(batch)
                await asyncio.sleep(0)
        await self._flush(batch)

    @property
    def _at_limit(self) -> bool:
        return self.max_tokens is not None and self._sent >= self.max_tokens

    async def _flush(self, batch: list[dict[str, Any]]) -> None:
        if batch:
            await self._send_deltas(batch)
            if self.record.first_delta is None:
                self.record.first_delta = time.monotonic()
            self.record.deltas_sent += len(batch)
            batch.clear()

    def usage(self) -> dict[str, int]:
        """Return the usage object. Four characters of the prompt count as one token."""
        prompt = sum(len(message_text(message)) // 4 + 1 for message in self.request.messages)
        return {"prompt_tokens": prompt, "completion_tokens": self._sent, "total_tokens": prompt + self._sent}

    def envelope(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Return a whole object of the API. ``kind`` is "chat.completion" or "chat.completion.chunk"."""
        number = self.record.number
        created = int(self.record.received_wall)
        return {
            "id": f"chatcmpl-demo-{number}", "object": kind, "created": created, "model": self.request.model, **fields,
        }  # fmt: skip

    @abstractmethod
    async def _open(self, chunked: bool) -> None:
        """Send the head, if it goes before the body."""

    @abstractmethod
    async def _send_deltas(self, batch: list[dict[str, Any]]) -> None:
        """Send the deltas, or keep them for the body."""

    @abstractmethod
    async def raw(self, text: str) -> None:
        """Send ``text`` into the stream unchanged, as one HTTP chunk."""

    @abstractmethod
    async def error(self, value: dict[str, Any]) -> None:
        """Send an error inside the stream, and end the stream."""

    @abstractmethod
    async def half(self) -> None:
        """Send the first half of the next event, and no more."""

    @abstractmethod
    async def end(self) -> None:
        """End the response cleanly for HTTP, without an ending of the answer."""

    @abstractmethod
    async def close(self, reason: str) -> None:
        """Send finish_reason, usage if the request asked for it, and the end."""


class StreamReply(Reply):
    """Sends server-sent events. ``newline`` ends each line. Call :meth:`compress` before ``open`` to turn gzip on."""

    newline = "\n"
    _gzip: Any = None  # zlib has no public type for it
    _held = b""  # bytes that do not fill a chunk yet

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
    """Sends one JSON object, at the moment when a stream would send its last piece."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._parts: dict[str, list[str]] = {}
        self._calls: dict[int, dict[str, Any]] = {}

    async def _open(self, chunked: bool) -> None:
        pass  # the head is sent with the body

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
        pass  # one JSON object has no stream to send it in

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
