"""A server under the control of a test, one step at a time, and a page with a lossy connection."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from typing import Any, Self

from comm.base_comm import BaseComm

from tests.support.deadlines import until

_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: a close sends RST


@dataclass(slots=True, eq=False)
class Call:
    """One request.

    ``text`` is the part of the answer sent so far. ``whole`` is true when all of it is sent. ``left`` is set when the
    client closes its side.
    """

    connection: socket.socket
    text: str = ""
    over: bool = False
    whole: bool = False
    answered: bool = False
    left: threading.Event = field(default_factory=threading.Event)
    left_at: float = 0.0

    def send(self, *chunks: Any) -> None:
        """Send events, and before the first ones the head. Nothing is sent after the client has left."""
        body = b"".join(b"data: " + (c if isinstance(c, bytes) else json.dumps(c).encode()) + b"\n\n" for c in chunks)
        head, self.answered = b"" if self.answered else _HEAD, True
        self._write(head + (b"%x\r\n%s\r\n" % (len(body), body) if body else b""))

    def delta(self, text: str) -> None:
        self.text += text
        self.send({"choices": [{"index": 0, "delta": {"content": text}}]})

    def finish(self) -> None:
        self.over = self.whole = True
        self.send({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}, b"[DONE]")
        self._write(b"0\r\n\r\n")

    def report_error(self) -> None:
        self.over = True
        self.send({"error": {"message": "no more"}})

    def drop(self, *, reset: bool) -> None:
        """End the connection, with RST or FIN."""
        self.over = True
        try:
            if reset:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                self.connection.shutdown(socket.SHUT_RD)  # wakes the reading thread. Its close sends the RST
            else:
                self.connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def _write(self, data: bytes) -> None:
        with contextlib.suppress(OSError):  # the client left
            self.connection.sendall(data)


class PuppetServer:
    """Accepts requests into ``calls`` and leaves their answers to the test."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"

    @property
    def client(self) -> str:
        """The code of a client of this server. It waits for as long as the test likes."""
        patient = "timeout=sw.Timeout(headers=None, first_delta=None, stall=None, progress=None, total=None)"
        return f"sw.ChatClient({self.url!r}, 'key', 'some-model', {patient})"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def wait_call(self, number: int) -> Call:
        """Wait for the request with this number, from 1."""
        return until(lambda: self.calls[number - 1 : number], f"request {number}")[0]

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        data, call = b"", None
        with connection:
            while True:
                head, separator, rest = data.partition(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0] or 0) if separator else 0
                if separator and len(rest) >= length:
                    call = Call(connection)
                    self.calls.append(call)
                    data = rest[length:]
                    continue
                try:
                    part = connection.recv(65536)
                except OSError:
                    part = b""
                if not part:
                    break
                data += part
        if call is not None:
            call.left_at = time.monotonic()
            call.left.set()


class PageComm(BaseComm):
    """A comm. The messages of all comms are kept together, in order, in ``sent``."""

    sent: list[tuple[str, str, dict[str, Any]]] = []  # noqa: RUF012  (one wire)

    def publish_msg(self, msg_type: str, data: Any = None, metadata: Any = None, buffers: Any = None, **_: Any) -> None:
        PageComm.sent.append((self.comm_id, msg_type, data or {}))


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a view's messages on the wire: its own comm, and its key in the messages of its bundle's comm."""

    model_id: str
    bundle: str
    key: str

    def said(self, comm_id: str, kind: str, data: dict[str, Any], *, together: bool = True) -> list[dict[str, Any]]:
        """Return what a message of the wire says of the view's text. ``together``: also the shared messages."""
        if kind != "comm_msg" or data["method"] != "custom":
            return []
        content: dict[str, Any] = data["content"]
        if comm_id == self.model_id:
            return [] if content["op"] == "ping" else [content]
        shared: list[dict[str, Any]] = content["views"].get(self.key, []) if comm_id == self.bundle else []
        return shared if together else []


class Page:
    """A view in one page: it appends the messages in order, and asks again if one is missing.

    With ``together`` it reads shared messages, and says so.
    """

    def __init__(self, place: Place, name: str, *, together: bool = False) -> None:
        self.name = name
        self.together = together
        self.text = ""
        self.outcome: str | None = None
        self.to_lose = 0
        self.asks = True  # it wants a snapshot
        self.heard = False  # a shared message has come
        self._place = place
        self._read = len(PageComm.sent)
        self._seq = 0

    def read(self) -> None:
        """Take the new messages from the wire, without the lost ones."""
        fresh, self._read = PageComm.sent[self._read :], len(PageComm.sent)
        for comm_id, kind, data in fresh:
            said = self._place.said(comm_id, kind, data, together=self.together)
            if said and self.to_lose:
                self.to_lose -= 1
                continue
            self.heard |= bool(said) and comm_id == self._place.bundle
            for message in said:
                self._take(message)

    def _take(self, message: dict[str, Any]) -> None:
        if message["op"] == "snapshot":
            if message["seq"] >= self._seq:
                self._seq, self.text, self.outcome = message["seq"], message["text"], message["outcome"]
                self.asks = False
        elif message["seq"] == self._seq + 1:
            self._seq += 1
            self.text += message.get("text", "") if message["op"] == "delta" else ""
            self.outcome = message.get("outcome", self.outcome)
        elif message["seq"] > self._seq:
            self.asks = True
