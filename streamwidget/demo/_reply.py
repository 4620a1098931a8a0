"""One reply to a chat completion request: its pieces and their pace.

A fault is written in terms of the methods here (``open``, ``deltas``, ``half``, ``close``, ...); what they put on the
wire is in ``_shapes.py``.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from typing import TYPE_CHECKING, Any

from streamwidget.demo._answers import answer_pieces, message_text, split_pieces

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streamwidget.demo._http import Connection
    from streamwidget.demo._records import RequestRecord
    from streamwidget.demo._request import ChatRequest

_BATCH = 64  # deltas written at most before the loop's other connections get their turn


async def forever() -> None:
    """Wait until the client leaves or the server stops: both cancel the reply."""
    await asyncio.get_running_loop().create_future()


class Reply:
    """What both shapes share: the answer's pieces, the schedule, the counting.

    Attributes
    ----------
    rate, first_delta : float
        Deltas per second (0: as fast as possible) and seconds before the first.
    after : int
        Deltas to send before the fault.
    max_tokens : int or None
        Deltas after which the answer is cut, with finish_reason "length".
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
        self._chance = random.Random(0)  # a lesson repeats exactly
        self._opened_at = 0.0
        if demo.pieces is not None:
            self.pieces: Iterator[str] = iter(demo.pieces)
        elif demo.text is not None:
            self.pieces = split_pieces(demo.text)
        else:
            self.pieces = answer_pieces(request.messages, request.model, demo.tokens)

    async def open(self, *, chunked: bool = True) -> None:
        """Send the head at once, and the role after the time to the first delta."""
        await self._open(chunked)
        await asyncio.sleep(self.first_delta)
        self._opened_at = time.monotonic()

    async def some(self) -> None:
        """Open, and send the deltas that come before the fault."""
        await self.open()
        await self.deltas(itertools.islice(self.pieces, self.after))

    async def play(self) -> None:
        """Send the whole answer as a healthy server would."""
        await self.open()
        await self.deltas(self.pieces)
        await self.close("length" if self._at_limit and next(self.pieces, None) is not None else "stop")

    async def deltas(self, pieces: Iterable[str], field: str = "content") -> None:
        """Send each piece as one delta, on an absolute schedule: a late wake is made up for, so the pace is exact."""
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
        """Return the usage object; a prompt token is counted as four characters."""
        prompt = sum(len(message_text(message)) // 4 + 1 for message in self.request.messages)
        return {"prompt_tokens": prompt, "completion_tokens": self._sent, "total_tokens": prompt + self._sent}

    def envelope(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Return the object around everything: ``kind`` is "chat.completion" or "chat.completion.chunk"."""
        number = self.record.number
        created = int(self.record.received_wall)
        return {
            "id": f"chatcmpl-demo-{number}", "object": kind, "created": created, "model": self.request.model, **fields,
        }  # fmt: skip

    async def _open(self, chunked: bool) -> None:
        raise NotImplementedError

    async def _send_deltas(self, batch: list[dict[str, Any]]) -> None:
        raise NotImplementedError

    async def raw(self, text: str) -> None:
        """Send ``text`` into the stream as it stands, as one HTTP chunk."""
        raise NotImplementedError

    async def error(self, value: dict[str, Any]) -> None:
        """Report an error inside the stream, and end it."""
        raise NotImplementedError

    async def half(self) -> None:
        """Send the first half of what comes next, and leave it at that."""
        raise NotImplementedError

    async def end(self) -> None:
        """End the response cleanly, as far as HTTP can see."""
        raise NotImplementedError

    async def close(self, reason: str) -> None:
        """Send finish_reason, usage where it was asked for, and the end."""
        raise NotImplementedError
