"""The demo server starts and stops, in a process and from the command line."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest

from streamwidget.demo import DemoServer, shared_server
from streamwidget.demo._faults import FAULTS
from tests.demo.wire import begin, body_of, raw_connection, raw_post, read_all, read_until
from tests.support.deadlines import SOON


def test_stop_closes_open_connections() -> None:
    """A stalled stream, an unread stream and an idle connection end with the server. A second stop does nothing."""
    server = DemoServer(first_delta=0, tokens_per_second=0).start()
    stalled, _ = begin(server, fault="stall")
    unread, _ = begin(server, fault="noline")
    idle = raw_connection(server, b"GET / HTTP/1.1\r\n\r\n")
    read_until(idle, b"\r\n\r\n{")
    port = server.port
    server.stop()
    server.stop()
    for sock in (stalled, unread, idle):
        with contextlib.suppress(ConnectionResetError):
            read_all(sock)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=SOON)


def test_a_connection_that_comes_as_the_server_stops_is_closed() -> None:
    """A connection that was accepted but not served yet is closed too. Otherwise its client would wait."""
    server = DemoServer().start()
    assert server._loop is not None and server._thread is not None and server._stopping is not None
    late: list[socket.socket] = []

    def stop_as_one_comes() -> None:  # the server's event loop accepts and stops in its next round
        late.append(raw_connection(server, b"GET / HTTP/1.1\r\n"))
        server._loop.call_soon(server._stopping.set)

    gc.disable()
    try:
        server._loop.call_soon_threadsafe(stop_as_one_comes)
        server._thread.join(10)
        with contextlib.suppress(ConnectionResetError):
            read_all(late[0])
    finally:
        gc.enable()


def test_a_port_in_use_is_told_by_start(server: DemoServer) -> None:
    """OSError is raised in the caller's thread, not in the server's."""
    with pytest.raises(OSError, match="in use"):
        DemoServer(server.port).start()


def test_shared_server_is_one() -> None:
    """Everything in a process uses the same server, and it answers."""
    assert shared_server() is shared_server()
    with urllib.request.urlopen(f"{shared_server().url}/models") as response:
        assert response.headers["server"] == "streamwidget-demo"


async def test_many_streams_at_once(server: DemoServer) -> None:
    """Each of two hundred clients gets the whole answer."""

    async def one() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(raw_post(body_of(demo={"tokens": 20, "tokens_per_second": 200})))
        data = await reader.readuntil(b"\r\n0\r\n\r\n")
        writer.close()
        return data

    assert all(b"[DONE]" in data for data in await asyncio.gather(*(one() for _ in range(200))))


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_command_line_serves_until_a_signal(how: signal.Signals) -> None:
    """It prints its address on one line, answers, and ends with status 0, even with an open stream."""
    command = [sys.executable, "-m", "streamwidget.demo", "--port", "0", "--first-delta", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        request = urllib.request.Request(f"{url}/chat/completions", body_of(model="demo-stall"))
        with urllib.request.urlopen(request, timeout=SOON) as response:
            assert response.readline().startswith(b"data: ")
            process.send_signal(how)
            assert process.wait(SOON) == 0
        assert process.stdout.read() == ""


def test_command_line_lists_the_faults() -> None:
    """Each line has the model name of a fault and its sentence."""
    listed = subprocess.run(
        [sys.executable, "-m", "streamwidget.demo", "--list"], capture_output=True, text=True, check=True
    )
    lines = dict(line.split(maxsplit=1) for line in listed.stdout.splitlines())
    assert set(lines) == {f"demo-{name}" for name in FAULTS}
