"""Serving a connection: its requests one after another, the routes, and a client that leaves."""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import Any

from streamwidget.demo._faults import FAULTS
from streamwidget.demo._http import Connection, Request, WatchedReader
from streamwidget.demo._json import RequestError, error_body
from streamwidget.demo._records import RequestLog, RequestRecord, masked
from streamwidget.demo._reply import StreamReply, WholeReply
from streamwidget.demo._request import parse_chat, parse_json

_MAX_KEYS = 10_000


class Service:
    """Serves all connections. Keeps the records, the counts of failures and the pace."""

    def __init__(self, tokens_per_second: float, first_delta: float) -> None:
        self.log = RequestLog()
        self._tokens_per_second = tokens_per_second
        self._first_delta = first_delta
        self._failures: dict[tuple[str, str], int] = {}
        self._numbers = itertools.count(1)
        self._connection_numbers = itertools.count(1)

    def reset(self) -> None:
        """Forget the records and the counts of failures."""
        self.log.clear()
        self._failures.clear()

    async def serve(self, reader: WatchedReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(reader, writer, next(self._connection_numbers))
        try:
            while connection.keep_alive:
                try:
                    request = await connection.read_request()
                except RequestError as refusal:
                    connection.keep_alive = False
                    await self._refuse(connection, refusal)
                    await connection.read_out()
                    break
                if request is None:
                    break
                await self._answer(connection, request)
        except ConnectionError:
            pass  # the client left between two answers
        except asyncio.CancelledError:
            writer.transport.abort()  # the server stops, and a client that does not read must not delay that
            raise
        finally:
            writer.close()

    async def _answer(self, connection: Connection, request: Request) -> None:
        """Answer one request. Give up as soon as the client leaves."""
        record = RequestRecord(
            number=next(self._numbers),
            connection=connection.number,
            method=request.method,
            path=request.path,
            headers=masked(request.headers),
            body=parse_json(request.body),
            body_bytes=len(request.body),
        )
        connection.request_id = f"req_demo_{record.number:06}"
        connection.meter = record
        if request.path not in ("/", "/health", "/demo/requests", "/demo/reset"):
            self.log.add(record)
        answer = asyncio.ensure_future(self._route(connection, request, record))
        gone = asyncio.ensure_future(connection.reader.gone.wait())
        try:
            await asyncio.wait((answer, gone), return_when=asyncio.FIRST_COMPLETED)
            if not answer.done() or isinstance(answer.exception(), ConnectionError):
                record.leave(connection.reader.gone_at or time.monotonic())
        finally:
            answer.cancel()
            gone.cancel()
            await asyncio.wait((answer, gone))
            connection.meter = None
            record.end()
        if record.client_left is not None:
            connection.keep_alive = False
        else:
            answer.result()  # asyncio reports a mistake in a fault, and the connection closes

    async def _route(self, connection: Connection, request: Request, record: RequestRecord) -> None:
        methods = _ROUTES.get(request.path)
        if methods is None:
            message = f"Invalid URL ({request.method} {request.path})"
            await connection.send_json(404, error_body(message, code="unknown_url"))
            return
        if request.method not in methods:
            message = f"Not allowed to {request.method} on {request.path} (HINT: use {methods[0]})."
            await connection.send_json(405, error_body(message), {"allow": ", ".join(methods)})
            return
        match request.path:
            case "/v1/chat/completions":
                try:
                    await self._chat(connection, request, record)
                except RequestError as refusal:
                    await self._refuse(connection, refusal)
            case "/v1/models":
                await connection.send_json(200, _models())
            case "/demo/requests":
                await connection.send_json(200, {"requests": [seen.to_json() for seen in self.log.snapshot()]})
            case "/demo/reset":
                self.reset()
                await connection.send_json(200, {"status": "ok"})
            case _:
                await connection.send_json(200, {"status": "ok", "server": "streamwidget demo"})

    @staticmethod
    async def _refuse(connection: Connection, refusal: RequestError) -> None:
        body = error_body(str(refusal), param=refusal.param, code=refusal.code)
        await connection.send_json(refusal.status, body)

    async def _chat(self, connection: Connection, request: Request, record: RequestRecord) -> None:
        chat = parse_chat(record.body, request.headers)
        kind = StreamReply if chat.stream else WholeReply
        reply = kind(connection, chat, record, self._tokens_per_second, self._first_delta)
        fault = FAULTS.get(chat.fault)
        if chat.demo.fault and fault is None:
            raise RequestError(400, f"Unknown fault. Known faults: {', '.join(FAULTS)}.", param="demo.fault")
        if fault is None or not self._fails(chat.fault, chat.demo.key, chat.demo.times):
            await reply.play()
        else:
            reply.after = fault.after if chat.demo.after is None else chat.demo.after
            await fault.act(reply)

    def _fails(self, name: str, key: str, times: int | None) -> bool:
        """Count a failure. True as long as there were at most ``times`` of them."""
        if times is None:
            return True
        if len(self._failures) >= _MAX_KEYS:
            self._failures.clear()
        done = self._failures[name, key] = self._failures.get((name, key), 0) + 1
        return done <= times


_ROUTES: dict[str, tuple[str, ...]] = {
    "/": ("GET", "HEAD"),
    "/health": ("GET", "HEAD"),
    "/v1/models": ("GET", "HEAD"),
    "/v1/chat/completions": ("POST",),
    "/demo/requests": ("GET", "HEAD"),
    "/demo/reset": ("POST",),
}


def _models() -> dict[str, Any]:
    names = ["demo", "demo-long", *(f"demo-{name}" for name in FAULTS)]
    return {
        "object": "list",
        "data": [{"id": name, "object": "model", "created": 0, "owned_by": "streamwidget-demo"} for name in names],
    }
