"""Ports of this machine that nobody takes in between: neither another test of this moment nor the system."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import re
import socket

# The system gives whoever asks for any port one of 32768 and above. So a port from there that was free a second ago may
# be another test's now, and the server or the kernel that was told to take it ends. These are below, and each worker of
# pytest-xdist has its own.
_LOWEST, _SHARE, _WORKERS = 20_000, 1_500, 8
_worker = int(re.sub(r"\D", "", os.environ.get("PYTEST_XDIST_WORKER", "")) or 0) % _WORKERS
_next = itertools.count(random.SystemRandom().randrange(_SHARE))


def closed_port() -> int:
    """Return an unused port of this machine. It stays unused until the test takes it."""
    while True:
        port = _LOWEST + _worker * _SHARE + next(_next) % _SHARE
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
