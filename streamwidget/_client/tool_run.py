"""One run of a tool: a coroutine on the stream's loop, or a function in a thread of its own.

A coroutine can be cancelled. A thread cannot, so it is left behind: it runs on, and its result is dropped. The thread
is a daemon, so that it does not keep the kernel alive.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading
from collections.abc import Awaitable
from typing import Any

from streamwidget._core.loop import settler
from streamwidget._core.secrets import Secrets, mask
from streamwidget._core.tool_result import Result, failure_of_tool, result_of
from streamwidget._core.tools import Tool

_SETTLED = 0.5  # seconds for a cancelled coroutine to end


class ToolRun:
    """A tool with its arguments. It runs once.

    Attributes
    ----------
    left_behind : bool
        It was stopped, and it runs on.
    """

    def __init__(self, tool: Tool, arguments: dict[str, Any], secrets: Secrets) -> None:
        self.left_behind = False
        self._tool = tool
        self._by_name = {name: value for name, value in arguments.items() if name not in tool.arguments.positional}
        self._by_place = [arguments[name] for name in tool.arguments.positional if name in arguments]
        self._secrets = secrets

    async def result(self) -> Result:
        """Run the tool. Its exception is a result too: the model is told.

        Raises
        ------
        asyncio.CancelledError
            If the task is cancelled. Then the tool was cancelled too, or is :attr:`left_behind`.
        """
        try:
            return result_of(await self._value())
        except (Exception, SystemExit) as exc:  # noqa: BLE001  (a person's function may raise anything)
            return failure_of_tool(mask(f"{type(exc).__name__}: {exc}", self._secrets))

    async def _value(self) -> Any:
        function = self._tool.function
        if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None)):  # noqa: B004
            return await self._cancelled_with_us(function(*self._by_place, **self._by_name))
        value = await self._in_thread()
        return await self._cancelled_with_us(value) if inspect.isawaitable(value) else value

    async def _cancelled_with_us(self, made: Awaitable[Any]) -> Any:
        task = asyncio.ensure_future(made)
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.wait([task], timeout=_SETTLED)
            self.left_behind = not task.done()
            raise
        if task.cancelled():
            raise RuntimeError("the tool cancelled itself")
        return task.result()

    async def _in_thread(self) -> Any:
        over: asyncio.Future[tuple[Any, BaseException | None]] = asyncio.get_running_loop().create_future()
        settle = settler(over)
        context = contextvars.copy_context()  # so that its prints go to the cell

        def run() -> None:
            value, raised = None, None
            try:
                value = context.run(self._tool.function, *self._by_place, **self._by_name)
            except BaseException as exc:  # noqa: BLE001
                raised = exc
            settle((value, raised))

        try:
            threading.Thread(target=run, name=f"tool {self._tool.name}", daemon=True).start()
        except RuntimeError:  # Pyodide, and a process without room for more threads
            run()
        try:
            value, raised = await over
        except asyncio.CancelledError:
            self.left_behind = True
            raise
        if raised is not None:
            raise raised if isinstance(raised, Exception | SystemExit) else RuntimeError(repr(raised))
        return value
