"""The demo server: starting and stopping an event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import math
import socket
import threading
from typing import TYPE_CHECKING

from streamwidget.demo._http import WatchedReader
from streamwidget.demo._memory import Listener, give_to, in_tab
from streamwidget.demo._service import Service

if TYPE_CHECKING:
    from types import TracebackType

    from streamwidget.demo._records import RequestRecord


class DemoServer:
    r"""An OpenAI-compatible server on this machine. It needs no model, and it fails on request.

    The server runs in a daemon thread with its own event loop. Use it as a context manager, or call :meth:`start` and
    :meth:`stop`. In a browser tab (Pyodide) it runs on the kernel's loop, and only the clients of this tab reach it.

    Parameters
    ----------
    port : int, default 0
        The port to listen on. 0 takes a free one.
    tokens_per_second : float, default 60
        Deltas per second. 0 is as fast as possible.
    first_delta : float, default 0.35
        Seconds from the request to the first delta.
    host : str, default "127.0.0.1"
        The address to listen on.

    Raises
    ------
    ValueError
        If ``tokens_per_second`` or ``first_delta`` is negative or not finite.
    OSError
        If :meth:`start` cannot listen on the port.

    Examples
    --------
    A client asks a healthy server, and then one that breaks off after two deltas:

    >>> import streamwidget as sw
    >>> with DemoServer(tokens_per_second=0, first_delta=0) as server:
    ...     client = sw.ChatClient(server.url)
    ...     healthy = client.stream("count to 3").wait()
    ...     try:
    ...         client.stream("count to 3", model="demo-cut", demo={"after": 2}).wait()
    ...     except sw.StreamInterrupted as error:
    ...         cut = error.completion
    >>> healthy.text, healthy.outcome
    ('1\n2\n3', 'complete')
    >>> cut.text, cut.outcome
    ('1\n', 'interrupted')
    """

    def __init__(
        self, port: int = 0, *, tokens_per_second: float = 60, first_delta: float = 0.35, host: str = "127.0.0.1"
    ) -> None:
        for name, value in (("tokens_per_second", tokens_per_second), ("first_delta", first_delta)):
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{name} must be a finite number of at least 0, not {value!r}")
        self.host = host
        self.port = port
        self._asked_port = port
        self._service = Service(tokens_per_second, first_delta, host)
        self._in_memory: Listener | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """The base URL for a client, such as "http://127.0.0.1:8123/v1"."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/v1"

    @property
    def control_url(self) -> str:
        """The secret address of the records: ``GET .../requests`` reads them, ``POST .../reset`` clears them.

        Other users of this machine can reach the server, and do not know this address.
        """
        return f"{self.url.removesuffix('/v1')}/demo/{self._service.token}"

    @property
    def requests(self) -> list[RequestRecord]:
        """The newest 10,000 requests, oldest first, without those to ``/demo/...`` and ``/health``."""
        return self._service.log.snapshot()

    def wait_for_requests(self, count: int = 1, timeout: float = 5.0) -> list[RequestRecord]:
        """Wait for ``count`` requests and return all of them.

        Parameters
        ----------
        count : int, default 1
            Requests since the start or the last :meth:`reset`.
        timeout : float, default 5
            Seconds to wait.

        Returns
        -------
        list of RequestRecord
            All requests so far, oldest first.

        Raises
        ------
        TimeoutError
            If fewer requests came within ``timeout``.
        """
        return self._service.log.wait(count, timeout)

    def reset(self) -> None:
        """Forget the recorded requests and the counts of failures (``demo.times``)."""
        self._service.reset()

    def start(self) -> DemoServer:
        """Start listening. Does nothing if the server already listens.

        Returns
        -------
        DemoServer
            This server.

        Raises
        ------
        OSError
            If the server cannot listen on the port.
        """
        if self._thread is not None and self._thread.is_alive():  # after a fork the thread is missing in the child
            return self
        if in_tab():
            self._listen_in_memory()
            return self
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        listener = socket.create_server((self.host, self._asked_port), family=family, backlog=512)
        self.port = listener.getsockname()[1]
        ready = threading.Event()
        # A daemon thread does not keep a kernel alive that shuts down.
        self._thread = threading.Thread(target=self._run, args=(listener, ready), name="streamwidget-demo", daemon=True)
        self._thread.start()
        ready.wait()
        return self

    def stop(self) -> None:
        """Close the listener and every open connection. Returns within seconds, whatever the clients do."""
        if self._in_memory is not None:
            self._in_memory.close()
            self._in_memory = None
            for task in tuple(self._tasks):
                task.cancel()
        if self._thread is None:
            return
        assert self._loop is not None
        assert self._stopping is not None
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(5)
        self._thread = None

    def _listen_in_memory(self) -> None:
        if self._in_memory is None:
            loop = asyncio.get_running_loop()
            give_to(loop)
            self._in_memory = Listener(self._asked_port, lambda: self._protocol(loop))
            self.port = self._in_memory.port

    def __enter__(self) -> DemoServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self, listener: socket.socket, ready: threading.Event) -> None:
        # Not asyncio.run: a kernel may have patched it (nest_asyncio), or set another loop policy.
        loop = asyncio.SelectorEventLoop()
        self._loop = loop
        try:
            loop.run_until_complete(self._main(listener, ready))
        finally:
            loop.close()

    async def _main(self, listener: socket.socket, ready: threading.Event) -> None:
        loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()

        server = await loop.create_server(lambda: self._protocol(loop), sock=listener)
        ready.set()
        await self._stopping.wait()
        server.close()
        # In a loop: a connection that is just being accepted gets its task one round later, and would stay open.
        while left := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in left:
                task.cancel()
            _, stuck = await asyncio.wait(left, timeout=2)
            if stuck:
                break
        await asyncio.sleep(0)  # the closed transports close their sockets

    def _protocol(self, loop: asyncio.AbstractEventLoop) -> asyncio.StreamReaderProtocol:
        reader = WatchedReader(loop)
        return asyncio.StreamReaderProtocol(reader, lambda _, writer: self._connected(reader, writer), loop=loop)

    def _connected(self, reader: WatchedReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._service.serve(reader, writer))
        self._tasks.add(task)  # an event loop holds its tasks weakly
        task.add_done_callback(self._tasks.discard)


_shared: DemoServer | None = None
_shared_lock = threading.Lock()


def shared_server() -> DemoServer:
    """Return the demo server of this process. The first call starts it, and it runs as long as the process.

    Returns
    -------
    DemoServer
        The same server in each call.

    Examples
    --------
    >>> shared_server() is shared_server()
    True
    """
    global _shared  # noqa: PLW0603  (one for the process is the point)
    with _shared_lock:
        if _shared is None:
            _shared = DemoServer()
            _shared._service.keeps_bodies = False  # nobody asked for a record of the prompts of a notebook
        return _shared.start()
