"""A real jupyter_server with a real kernel, and pages on its websocket, each with its own session."""

from __future__ import annotations

import ast
import asyncio
import json
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from tests.support.children import child
from tests.support.deadlines import SOON, START
from tests.support.kernels import clean_environment, write_kernelspecs
from tests.support.ports import closed_port


@contextmanager
def jupyter_server(directory: Path, env: dict[str, str]) -> Iterator[int]:
    """Start a server without a token, and yield its port."""
    write_kernelspecs(directory / "kernels", ("latest",))
    port = closed_port()
    options = {
        "ServerApp.port": port,
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.root_dir": directory,
        "ServerApp.allow_root": True,
        "ServerApp.open_browser": False,
        "ServerApp.disable_check_xsrf": True,
        "IdentityProvider.token": "",
        # A fifth of the default, and counted in half a second, not in three: a kernel that has a small share of a busy
        # machine exceeds it too. Our views stay far below it.
        "ZMQChannelsWebsocketConnection.iopub_msg_rate_limit": 200,
        "ZMQChannelsWebsocketConnection.rate_limit_window": 0.5,
    }
    command = [sys.executable, "-m", "jupyter_server", *(f"--{name}={value}" for name, value in options.items())]
    private = {"JUPYTER_PATH": str(directory), "JUPYTER_CONFIG_DIR": str(directory), "IPYTHONDIR": str(directory)}
    with child(command, directory / "server.log", directory=directory, env=clean_environment({**env, **private})):
        yield port


async def start_kernel(port: int) -> str:
    """Wait for the server, start a kernel and return its id."""
    url = f"http://127.0.0.1:{port}/api/kernels"
    async with asyncio.timeout(START):
        while True:
            try:
                body = json.dumps({"name": "sw-latest"})
                reply = await AsyncHTTPClient().fetch(url, method="POST", body=body)
                return str(json.loads(reply.body)["id"])
            except OSError:  # it does not listen yet
                await asyncio.sleep(0.1)


class Session:
    """One page. It keeps all messages, and answers for the one view it follows."""

    def __init__(self, websocket: WebSocketClientConnection, session: str) -> None:
        self.messages: list[dict[str, Any]] = []
        self.session = session
        self._websocket = websocket
        self._changed = asyncio.Event()
        self._reader = asyncio.create_task(self._read())

    async def closed(self) -> None:
        """Wait until the server has closed the connection."""
        async with asyncio.timeout(SOON):
            await self._reader

    @classmethod
    async def open(cls, port: int, kernel: str, path: str = "", token: str = "") -> Self:
        """Open a page. On a hub ``path`` is the person's, such as ``/user/bob``, and ``token`` is theirs."""
        session = uuid.uuid4().hex
        url = f"ws://127.0.0.1:{port}{path}/api/kernels/{kernel}/channels?session_id={session}"
        headers = {"Authorization": f"token {token}"} if token else {}
        # The server answers when the kernel does.
        request = HTTPRequest(url, headers=headers, connect_timeout=START, request_timeout=START)
        return cls(await websocket_connect(request, max_message_size=2**30), session)

    async def drop(self) -> None:
        """Be gone, without a word."""
        self._reader.cancel()
        stream: Any = self._websocket.protocol.stream  # type: ignore[union-attr]
        stream.close()

    async def _read(self) -> None:
        while (text := await self._websocket.read_message()) is not None:
            self.messages.append(json.loads(text))
            self._changed.set()

    async def wait(self, fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return the first fitting message, of those already here and of later ones."""
        looked = 0
        async with asyncio.timeout(START):
            while True:
                for message in self.messages[looked:]:
                    if fits(message):
                        return message
                looked = len(self.messages)
                self._changed.clear()
                await self._changed.wait()

    async def send(
        self, kind: str, content: dict[str, Any], metadata: dict[str, Any] | None = None, channel: str = "shell"
    ) -> str:
        msg_id = uuid.uuid4().hex
        header = {
            "msg_id": msg_id,
            "msg_type": kind,
            "session": self.session,
            "username": "",
            "version": "5.3",
            "date": "",
        }
        message = {"header": header, "parent_header": {}, "metadata": metadata or {}, "content": content}
        await self._websocket.write_message(json.dumps({**message, "channel": channel, "buffers": []}))
        return msg_id

    async def execute(self, code: str, *expressions: str) -> list[Any]:
        """Run a cell to its end. Return the values of expressions with a literal as their repr."""
        msg_id = await self.send_cell(code, *expressions)
        reply = await self.wait(lambda m: m["msg_type"] == "execute_reply" and m["parent_header"]["msg_id"] == msg_id)
        if reply["content"]["status"] != "ok":
            raise AssertionError(reply["content"])
        values = reply["content"]["user_expressions"]
        return [ast.literal_eval(values[str(n)]["data"]["text/plain"]) for n in range(len(expressions))]

    async def send_cell(self, code: str, *expressions: str, asks: bool = False) -> str:
        asked = {str(n): expression for n, expression in enumerate(expressions)}
        content = {
            "code": code,
            "silent": False,
            "store_history": False,
            "user_expressions": asked,
            "allow_stdin": asks,
        }
        return await self.send("execute_request", content)

    async def say(self, model: str, content: dict[str, Any]) -> None:
        """Send a custom message to a view."""
        await self.send("comm_msg", {"comm_id": model, "data": {"method": "custom", "content": content}})

    def said(self, model: str) -> list[dict[str, Any]]:
        """The view's messages to this page."""
        contents = (m["content"] for m in self.messages if m["msg_type"] == "comm_msg")
        data = (content["data"] for content in contents if content["comm_id"] == model)
        return [entry["content"] for entry in data if entry["method"] == "custom"]

    async def states(self) -> dict[str, dict[str, Any]]:
        """The states of all widgets, as a newly opened page asks for them."""
        comm = uuid.uuid4().hex
        target = {"comm_id": comm, "target_name": "jupyter.widget.control", "data": {}}
        await self.send("comm_open", target, {"version": "1.0.0"})
        await self.send("comm_msg", {"comm_id": comm, "data": {"method": "request_states"}})
        answer = await self.wait(lambda m: m["msg_type"] == "comm_msg" and m["content"]["comm_id"] == comm)
        return {model: entry["state"] for model, entry in answer["content"]["data"]["states"].items()}


async def view_of(page: Session, cell: str) -> str:
    """Wait for a cell's view, and return its model's id."""
    shown = await page.wait(lambda m: m["msg_type"] == "display_data" and m["parent_header"]["msg_id"] == cell)
    return str(shown["content"]["data"]["application/vnd.jupyter.widget-view+json"]["model_id"])


class Follower:
    """A view in a page: messages in their order. It asks if one is missing or nothing comes."""

    def __init__(self, page: Session, model: str, state: dict[str, Any] | None = None) -> None:
        self.page, self.model = page, model
        self.seq = state["seq"] if state else 0
        self.text = state["text"] if state else ""
        self.outcome = state["outcome"] if state else None
        self._read = 0
        self._synced = asyncio.Event()

    async def follow(self) -> str:
        """Follow to the end and return the text. TimeoutError: nothing new came for a long time."""
        await self.page.say(self.model, {"op": "sync", "page": self.page.session})
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(START) as limit:
            while self.outcome is None:
                before = self.seq
                await asyncio.sleep(0.1)
                asks = self._take()
                if self.seq != before:
                    limit.reschedule(loop.time() + START)
                if asks or self.seq == before:
                    await self.page.say(self.model, {"op": "sync", "page": self.page.session})
        return self.text

    def _take(self) -> bool:
        said = self.page.said(self.model)
        fresh, self._read = said[self._read :], len(said)
        missing = False
        for message in fresh:
            if message["op"] == "snapshot" and message["seq"] >= self.seq:
                assert message["text"].startswith(self.text)
                self.seq, self.text, self.outcome, missing = message["seq"], message["text"], message["outcome"], False
            elif message["seq"] == self.seq + 1:
                self.seq += 1
                self.text += message.get("text", "") if message["op"] == "delta" else ""
                self.outcome = message.get("outcome")
            elif message["seq"] > self.seq:
                missing = True
        return missing
