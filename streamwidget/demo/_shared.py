"""The demo server of this process: where requests go when nothing else is configured."""

from __future__ import annotations

import os
import threading

from streamwidget.demo._server import DemoServer

_lock = threading.Lock()
_servers: dict[int, DemoServer] = {}  # by process id: a forked child has the object, but not its thread


def shared_server() -> DemoServer:
    """The process's own demo server, started at the first call; it ends with the process."""
    with _lock:
        server = _servers.get(os.getpid())
        if server is None:
            server = _servers[os.getpid()] = DemoServer()
            server.start()
        return server
