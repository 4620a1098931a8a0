"""Serving a connection: its requests one after another, the routes, and a client that leaves."""

from __future__ import annotations

import asyncio
import itertools
import re
import secrets
import socket
import time
from ipaddress import ip_address
from typing import Any

from streamwidget.demo._faults import FAULTS
from streamwidget.demo._http import Connection, Request, WatchedReader
from streamwidget.demo._json import RequestError, error_body
from streamwidget.demo._records import RequestLog, RequestRecord, masked
from streamwidget.demo._reply import StreamReply, WholeReply
from streamwidget.demo._request import parse_chat, parse_json

_MAX_KEYS = 10_000
#: A host and perhaps a port: ``[::1]:80`` -> ``::1``, ``a.localhost.:80`` -> ``a.localhost.``
_HOST = re.compile(r"(?:\[([0-9a-f:.]+)(?:%[\w.-]+)?\]|((?:[\w-]+\.)*[\w-]+\.?))(?::[0-9]{0,5})?", re.ASCII)


class Service:
    """Serves all connections. Keeps the records, the counts of failures and the pace.

    Attributes
    ----------
    log : RequestLog
    token : str
        The secret part of the addresses under which the records are read and cleared. Another user of the machine can
        connect too, and must not read the prompts.
    keeps_bodies : bool
        False: the records have no prompts.
    """

    def __init__(self, tokens_per_second: float, first_delta: float, host: str) -> None:
        self.log = RequestLog()
        self.token = secrets.token_urlsafe(16)
        self.keeps_bodies = True
        self._host = host
        self._requests_path, self._reset_path = f"/demo/{self.token}/requests", f"/demo/{self.token}/reset"
        self._routes = {**_ROUTES, self._requests_path: ("GET", "HEAD"), self._reset_path: ("POST",)}
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
        body = parse_json(request.body)
        record = RequestRecord(
            number=next(self._numbers),
            connection=connection.number,
            method=request.method,
            path=request.path,
            headers=masked(request.headers),
            body=body if self.keeps_bodies else None,
            body_bytes=len(request.body) if self.keeps_bodies else 0,
        )
        connection.request_id = f"req_demo_{record.number:06}"
        connection.meter = record
        unrecorded = ("/", "/health", self._requests_path, self._reset_path)
        if sender_problem(request, self._host) is None and request.path not in unrecorded:
            self.log.add(record)
        answer = asyncio.ensure_future(self._route(connection, request, record, body))
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

    async def _route(self, connection: Connection, request: Request, record: RequestRecord, body: Any) -> None:
        problem = sender_problem(request, self._host)
        if problem is not None:
            connection.keep_alive = False
            await connection.send_json(403, error_body(problem, code="forbidden"))
            return
        methods = self._routes.get(request.path)
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
                    await self._chat(connection, request, record, body)
                except RequestError as refusal:
                    await self._refuse(connection, refusal)
            case "/v1/models":
                await connection.send_json(200, _models())
            case self._requests_path:
                await connection.send_json(200, {"requests": [seen.to_json() for seen in self.log.snapshot()]})
            case self._reset_path:
                self.reset()
                await connection.send_json(200, {"status": "ok"})
            case _:
                await connection.send_json(200, {"status": "ok", "server": "streamwidget demo"})

    @staticmethod
    async def _refuse(connection: Connection, refusal: RequestError) -> None:
        body = error_body(str(refusal), param=refusal.param, code=refusal.code)
        await connection.send_json(refusal.status, body)

    async def _chat(self, connection: Connection, request: Request, record: RequestRecord, body: Any) -> None:
        chat = parse_chat(body, request.headers)
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
}


def sender_problem(request: Request, host: str) -> str | None:
    """Return why a request is refused, or None.

    A page that a person visits can send requests to this machine too. Its browser says so, by ``Origin``, ``Referer``
    or ``Sec-Fetch-Site``. A page whose name is made to lead to this machine (DNS rebinding) is known by its name in
    ``Host``. An address of numbers cannot be made to lead elsewhere, so any is allowed.
    """
    headers = request.headers
    if "origin" in headers or "referer" in headers or headers.get("sec-fetch-site", "none") != "none":
        return "The demo server does not answer the scripts and forms of web pages."
    if "host" not in headers:
        return "The request has no Host."
    ours = ("localhost", host.lower(), socket.gethostname().lower())
    if not all(_is_of_this_machine(name.lower(), ours) for name in request.hosts):
        return "The demo server answers under the names of this machine only."
    return None


def _is_of_this_machine(name: str, ours: tuple[str, ...]) -> bool:
    """Return True for ``a.localhost:80`` and ``127.1``. False for ``localhost@a.example`` and ``localhost/x``."""
    found = _HOST.fullmatch(name)
    if found is None:
        return False
    known = found[1] or found[2].removesuffix(".")
    return known in ours or known.endswith(".localhost") or _is_numeric(known)


def _is_numeric(name: str) -> bool:
    """Return True for an IP address, also in a short form: ``127.1``."""
    try:
        ip_address(name)
    except ValueError:
        try:
            return bool(re.fullmatch(r"[0-9a-fx.]+", name) and socket.inet_aton(name))
        except OSError:
            return False
    return True


def _models() -> dict[str, Any]:
    names = ["demo", "demo-long", *(f"demo-{name}" for name in FAULTS)]
    return {
        "object": "list",
        "data": [{"id": name, "object": "model", "created": 0, "owned_by": "streamwidget-demo"} for name in names],
    }
