"""Tools of real MCP servers, over stdio and over HTTP: the SDK's own server in a process of its own."""

from __future__ import annotations

import gc
import inspect
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

import streamwidget as sw
from tests.support import mcp_tools
from tests.support.children import end
from tests.support.deadlines import START, until
from tests.support.native import Server
from tests.support.tool_models import Call, Says, check, says

TOKEN = "canary-0123456789-abcdefghij"
COMMAND = shlex.join([sys.executable, str(Path(mcp_tools.__file__))])


def listens(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    yield from serve()


@pytest.fixture(scope="module")
def guarded() -> Iterator[str]:
    yield from serve(TOKEN)


def serve(*arguments: str) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = subprocess.Popen([*shlex.split(COMMAND), str(port), *arguments], stderr=subprocess.DEVNULL)
    try:
        until(lambda: listens(port), "the MCP server listens", START)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        end(server)


@pytest.fixture(params=["stdio", "http"])
def target(request: pytest.FixtureRequest) -> str:
    found: str = COMMAND if request.param == "stdio" else request.getfixturevalue("address")
    return found


def servers() -> set[psutil.Process]:
    """The servers that run for this process, and no other child of it."""
    found = set()
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):
            if mcp_tools.__file__ in child.cmdline():
                found.add(child)
    return found


async def test_a_server_gives_its_tools(target: str) -> None:
    """Names that the APIs take, schemas, results, images and failures. All at once, and each asks for consent."""
    tools = sw.mcp(target)
    assert [tool.name for tool in tools] == ["length", "files_read", "picture", "repeats"]
    assert [tool.safe for tool in tools] == [False] * 4
    assert tools[0].arguments.schema["required"] == ["river"]
    calls = (
        Call("length", '{"river": "Elbe"}', "a"),
        Call("length", '{"river": "Po"}', "b"),
        Call("files_read", '{"path": "x"}', "c"),
        Call("picture", "{}", "d"),
    )
    server = Server(says("ollama", Says("", calls), Says("Long.")) * 2)
    client = server.client("ollama")
    completion = await client.stream("x", tools=tools, confirm="never")
    by_id = {result.id: result for result in completion.tool_results}
    assert (by_id["a"].text, by_id["c"].text, by_id["d"].text) == ("1094", "read x", "[image 1]")
    assert by_id["d"].images[0].startswith("data:image/png;base64,")
    assert by_id["b"].error
    assert [name for name, _ in check("ollama", server.bodies[1])] == ["length", "length", "files_read", "picture"]
    refused = await client.stream("x", tools=tools)
    assert all("nobody could be asked" in result.text for result in refused.tool_results)


def test_the_servers_process_ends_with_the_last_tool() -> None:
    """It lives as long as one of its tools is kept."""
    before = servers()
    tools = sw.mcp(COMMAND)
    (started,) = servers() - before
    last = tools[-1]
    del tools
    gc.collect()
    assert started.is_running()
    del last
    gc.collect()
    until(lambda: not started.is_running() or started.status() == psutil.STATUS_ZOMBIE, "the server has ended", 30)


@pytest.mark.parametrize(
    ("server", "says"),
    [
        ("no-such-command-anywhere", "did not start"),
        (shlex.join([sys.executable, "-c", "raise SystemExit('no key was given')"]), "no key was given"),
        ("http://127.0.0.1:9/mcp", "did not start"),
        ("  ", "takes a command or an address"),
    ],
)
@pytest.mark.fault("T15", "a sentence names the command or the address, and what it said")
def test_a_server_that_does_not_start_is_named(server: str, says: str) -> None:
    """With its last words."""
    with pytest.raises(sw.ConfigurationError, match=says):
        sw.mcp(server)


async def test_a_server_that_wants_a_token_gets_it(guarded: str) -> None:
    """It is sent and never shown, also where the server repeats it. Without it the message says what to type."""
    tools = sw.mcp(guarded, headers={"Authorization": f"Bearer {TOKEN}"})
    calls = (Call("repeats", '{"fails": false}', "a"), Call("repeats", '{"fails": true}', "b"))
    server = Server(says("ollama", Says("", calls), Says("Yes.")))
    completion = await server.client("ollama").stream("x", tools=tools, confirm="never")
    told, failed = sorted(completion.tool_results, key=lambda result: result.id or "")
    assert (told.text, failed.error) == ("you are [key]", True)
    assert "wrong scope for [key]" in failed.text
    assert TOKEN not in repr(completion) + repr(tools) + repr(server.bodies)
    with pytest.raises(sw.ConfigurationError, match=r"HTTP 401.*It wants a token"):
        sw.mcp(guarded)
    with pytest.raises(sw.ConfigurationError, match="HTTP 401") as wrong:
        sw.mcp(f"{guarded}?key={TOKEN}", headers={"Authorization": f"Bearer {TOKEN}x"})
    frames = [repr(frame.frame.f_locals) for frame in inspect.getinnerframes(wrong.tb)]
    assert TOKEN not in str(wrong.value) + "".join(frame for frame in frames if "test_mcp" not in frame)


@pytest.mark.parametrize(
    ("server", "headers", "told"),
    [
        ("some-command", {"Authorization": "Bearer x"}, "headers go to an address"),
        ("http://127.0.0.1:9/mcp", {"Author ization": "x"}, "A name in headers contains a character"),
        ("http://127.0.0.1:9/mcp", {"Authorization": "x\ny"}, "contains a character that cannot be sent"),
        (f"http://user:{TOKEN}@127.0.0.1:9/mcp", {}, "Pass it in headers"),
        ("http://127.0.0.1:9/mcp", "Bearer x", "headers is a mapping"),
    ],
)
def test_a_header_that_cannot_be_sent_is_refused(server: str, headers: Any, told: str) -> None:
    """Nothing is started."""
    with pytest.raises(sw.ConfigurationError, match=told):
        sw.mcp(server, headers=headers)
