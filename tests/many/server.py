"""A server in this process, for batches: it answers each prompt by a function. Not a test module."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx

import streamwidget as sw
from tests.support.deadlines import until_async
from tests.support.servers import QUICK


class Server:
    """Answers with what ``reply(prompt, how often it was asked)`` returns: a text, or a status with headers.

    ``asked`` has the prompts in their order. ``most`` is the highest number of requests at once.
    """

    def __init__(self, reply: Callable[[str, int], Any] = lambda prompt, _times: prompt.upper()) -> None:
        self.asked: list[str] = []
        self.most = self.running = 0
        self.pause = 0.0
        self.key: str | None = None
        self._reply = reply

    @property
    def client(self) -> sw.ChatClient:
        """A client of it. Nothing leaves this process."""
        transport = httpx.AsyncClient(transport=httpx.MockTransport(self._answer))
        return sw.ChatClient("http://localhost:1/v1", self.key, model="m", http_client=transport, retry=QUICK)

    async def until_asked(self, count: int) -> None:
        """Wait for so many requests."""
        await until_async(lambda: len(self.asked) >= count, f"{count} requests")

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        prompt = json.loads(request.content)["messages"][-1]["content"]
        self.asked.append(prompt)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(self.pause)
            reply = self._reply(prompt, self.asked.count(prompt))
            if asyncio.iscoroutine(reply):
                reply = await reply
        finally:
            self.running -= 1
        if isinstance(reply, str):
            end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
            usage = {"choices": [], "usage": {"prompt_tokens": 6, "completion_tokens": 4, "total_tokens": 10}}
            chunks = [{"choices": [{"index": 0, "delta": {"content": reply}}]}, end, usage]
            lines = [*(json.dumps(chunk) for chunk in chunks), "[DONE]"]
            body = "".join(f"data: {line}\n\n" for line in lines).encode()
            return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=httpx.ByteStream(body))
        status, message, headers = (*reply, {})[:3]
        body = json.dumps({"error": {"message": message}}).encode()
        return httpx.Response(status, headers=headers, stream=httpx.ByteStream(body))
