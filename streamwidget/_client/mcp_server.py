"""Tools of an MCP server. The only file that imports the ``mcp`` SDK.

The session runs in a thread with a loop of its own, so that it serves cells, scripts and many loops. It lives as long
as one of its tools is referred to, and ends with the process. The server's process, if there is one, ends with it.
"""

from __future__ import annotations

import asyncio
import base64
import shlex
import sys
import tempfile
import threading
import weakref
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import Future
from contextlib import AsyncExitStack, asynccontextmanager
from typing import IO, Any

from streamwidget._client.headers import own_headers
from streamwidget._core.attachments import Image
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.loop import result_of
from streamwidget._core.secrets import Secrets, forget, mask
from streamwidget._core.tab import in_tab
from streamwidget._core.tool_schema import Arguments
from streamwidget._core.tools import Tool, tool_name
from streamwidget._core.visible import one_line

_STARTED = 60.0  # seconds. A first start may install the server
_ENDED = 3.0  # seconds to wait for its end, when the process ends
_PAGES = 100  # of a list of tools
_ADDRESSES = ("http://", "https://")


class ToolFailed(Exception):
    """The server says that its tool failed."""

    def __str__(self) -> str:
        return str(self.args[0])


def mcp(server: str, *, headers: Mapping[str, str] | None = None) -> list[Tool]:
    """Return the tools of an MCP server, for ``tools=`` and ``%%chat --tools``.

    Parameters
    ----------
    server : str
        A command that starts the server, such as ``"uvx mcp-server-time"``, or its address, such as
        ``"https://example.com/mcp"``. A command gets a few variables of the environment, such as ``PATH``, and no keys.
    headers : mapping of str to str, optional
        Headers of each request to an address, such as ``{"Authorization": "Bearer ..."}``. They are sent to it and
        never shown, like those of a :class:`~streamwidget.ChatClient`.

    Returns
    -------
    list of Tool
        The person is asked before one of them runs, whatever the server says about it. The server runs as long as
        you keep one of them, and it ends with the kernel.

    Raises
    ------
    ConfigurationError
        If the ``mcp`` package is not installed, a header cannot be sent, or the server does not start, does not
        answer or has no tools.

    Examples
    --------
    >>> import streamwidget as sw
    >>> sw.mcp("no-such-command")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    streamwidget...ConfigurationError: The MCP server no-such-command did not start: ...

    In a notebook: ``clock = sw.mcp("uvx mcp-server-time")``, and then ``%%chat --tools clock``.
    """
    try:
        if not isinstance(server, str) or not server.strip():
            raise ConfigurationError('mcp takes a command or an address. Example: sw.mcp("uvx mcp-server-time")')
        is_address = server.strip().startswith(_ADDRESSES)
        if is_address and "@" in server.partition("://")[2].partition("/")[0]:
            raise ConfigurationError("A user or a key in an address is seen by others. Pass it in headers.")
        if headers and not is_address:
            raise ConfigurationError("headers go to an address, and not to a command. Nothing was started.")
        session = _Session(server.strip(), Secrets(headers=own_headers(headers or {})))
    except ConfigurationError as exc:
        forget(exc)
        raise
    finally:
        del headers, server  # a traceback shows variables
    listed = session.start()
    handle = _Handle(session)
    tools = [_tool(handle, session.target, about) for about in listed]
    if not tools:
        raise ConfigurationError(f"The MCP server {session.name} has no tools.")
    return tools


class _Handle:
    """What the tools share. When the last of them is gone, or the process ends, the session ends."""

    def __init__(self, session: _Session) -> None:
        self.session = session
        weakref.finalize(self, session.close)


def _tool(handle: _Handle, target: str, about: Any) -> Tool:
    name = about.name

    async def call(**arguments: Any) -> Any:
        return await handle.session.call(name, arguments)

    return Tool(
        tool_name(name),
        about.description or about.title or "",
        Arguments(about.input_schema, lambda given: given),
        call,
        identity=("mcp", target, name),
    )


class _Session:
    """One session, in its thread."""

    def __init__(self, target: str, secrets: Secrets) -> None:
        self.target = target
        self.name = one_line(mask(target.partition("?")[0], secrets), 80)
        self._secrets = secrets
        self._status = 0  # of the last response of an address
        self._loop: asyncio.AbstractEventLoop | None = None
        self._client: Any = None
        self._stop: asyncio.Event | None = None
        self._started: Future[list[Any]] = Future()
        self._thread = threading.Thread(target=self._run, name=f"mcp {self.name}", daemon=True)

    def start(self) -> list[Any]:
        """Start it, and return what the server says about its tools."""
        if in_tab():
            raise ConfigurationError(
                "An MCP server needs a thread, and Python in a browser tab has none. Pass functions as tools, or run "
                "the notebook in JupyterLab."
            )
        try:
            import mcp  # noqa: F401
        except ImportError:
            raise ConfigurationError('MCP servers need the mcp package: pip install "streamwidget[tools]"') from None
        self._thread.start()
        try:
            return result_of(self._started, _STARTED)
        except TimeoutError:
            self.close()
            raise ConfigurationError(
                f"The MCP server {self.name} did not start: it said nothing for {_STARTED:g} s."
            ) from None
        except KeyboardInterrupt:
            self.close()
            raise

    async def call(self, name: str, arguments: dict[str, Any]) -> Any:
        """Call a tool, from any loop. A cancellation reaches the server's session."""
        loop = self._loop
        if loop is None or loop.is_closed() or not self._thread.is_alive():
            raise ToolFailed(f"the MCP server {self.name} has ended")
        asked = asyncio.run_coroutine_threadsafe(self._client.call_tool(name, arguments), loop)
        try:
            return self._clean(_value(await asyncio.wrap_future(asked)))
        except Exception as exc:
            said = str(exc)
            if (clean := self._clean(said)) == said:
                raise
            forget(exc)
        raise ToolFailed(clean)

    def _clean(self, value: Any) -> Any:
        """Return what a tool returned, without the secrets that its server may repeat."""
        if isinstance(value, list):
            return [self._clean(one) for one in value]
        if isinstance(value, dict):
            return {self._clean(name): self._clean(one) for name, one in value.items()}
        return self._secrets.replace(value) if isinstance(value, str) else value

    def close(self) -> None:
        """End the session, and wait a moment for the end of its process."""
        loop, stop = self._loop, self._stop
        if loop is not None and stop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(stop.set)
        if threading.current_thread() is not self._thread and self._thread.is_alive():
            self._thread.join(_ENDED)

    def _run(self) -> None:
        try:
            with asyncio.Runner() as runner:  # not asyncio.run: nest_asyncio may have patched it
                runner.run(self._serve())
        except BaseException as exc:  # noqa: BLE001  (the SDK raises groups)
            if not self._started.done():
                self._started.set_exception(self._refusal(exc))

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
            try:
                async with self._connected(said) as client:
                    self._client = client
                    self._started.set_result(await _listed(client))
                    await self._stop.wait()
            except Exception as exc:  # noqa: BLE001
                if not self._started.done():
                    said.seek(0)
                    last = next(iter(said.read()[-2000:].strip().splitlines()[-1:]), "")
                    self._started.set_exception(self._refusal(exc, last))

    @asynccontextmanager
    async def _connected(self, said: IO[str]) -> AsyncIterator[Any]:
        from mcp import Client, StdioServerParameters, stdio_client
        from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client  # type: ignore[attr-defined]

        http_client = None
        if self.target.startswith(_ADDRESSES):
            sent = {name: value.reveal() for name, value in self._secrets.headers.items()}
            http_client = create_mcp_http_client(headers=sent)
            del sent
            http_client.event_hooks = {"response": [self._note_status]}
            server: Any = streamable_http_client(self.target, http_client=http_client)
        else:
            command, *arguments = _words(self.target)
            server = stdio_client(StdioServerParameters(command=command, args=arguments), errlog=said)  # type: ignore[arg-type]
        async with AsyncExitStack() as stack:
            if http_client is not None:
                await stack.enter_async_context(http_client)
            yield await stack.enter_async_context(Client(server))

    async def _note_status(self, response: Any) -> None:
        self._status = response.status_code

    def _refusal(self, exc: BaseException, said: str = "") -> ConfigurationError:
        while isinstance(exc, BaseExceptionGroup):
            exc = exc.exceptions[0]
        why = one_line(mask(str(exc) or type(exc).__name__, self._secrets), 300)
        words = f" ({one_line(mask(said, self._secrets), 200)})" if said else ""
        if self._status >= 400:  # the SDK does not say it
            words = f" (HTTP {self._status})"
        if self._status in (401, 403):
            words += '. It wants a token: sw.mcp(address, headers={"Authorization": "Bearer ..."})'
        return ConfigurationError(f"The MCP server {self.name} did not start: {why}{words}")


def _words(command: str) -> list[str]:
    r"""Return a program and its arguments. Windows has backslashes in paths: ``C:\tools\clock.exe --utc``."""
    if sys.platform == "win32":
        words = shlex.split(command, posix=False)
        return [word[1:-1] if word[0] in "\"'" and word[0] == word[-1] else word for word in words]
    return shlex.split(command)


async def _listed(client: Any) -> list[Any]:
    tools: list[Any] = []
    cursor = None
    for _ in range(_PAGES):
        page = await client.list_tools(cursor=cursor)
        tools += page.tools
        cursor = page.next_cursor
        if not cursor:
            break
    return tools


def _value(result: Any) -> Any:
    """Return what a tool of a server returned: text, or a list of texts and images."""
    parts = [_part(block) for block in result.content]
    if not parts and result.structured_content is not None:
        return result.structured_content
    texts = [part for part in parts if isinstance(part, str)]
    if result.is_error:
        raise ToolFailed("\n".join(texts) or "the server gave no reason")
    return parts if len(texts) < len(parts) else "\n".join(texts)


def _part(block: Any) -> Any:
    match block.type:
        case "text":
            return block.text
        case "image":
            return Image.of(base64.b64decode(block.data))
        case "resource" if isinstance(getattr(block.resource, "text", None), str):
            return block.resource.text
        case "resource_link":
            return f"{block.name}: {block.uri}"
        case _:
            return f"({block.type}: left out)"
