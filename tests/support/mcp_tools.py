"""A server of the official MCP SDK, in a process of its own: ``python mcp_tools.py [PORT [TOKEN]]``.

With a token it refuses every request without it. It repeats the token in a result and in an error, as some servers do.
Not a test module.
"""

from __future__ import annotations

import base64
import sys
from typing import Any

from mcp.server.mcpserver import Image, MCPServer
from mcp.server.mcpserver.exceptions import ToolError

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
server = MCPServer("rivers")
TOKEN = "".join(sys.argv[2:3])


@server.tool()
def length(river: str) -> int:
    """Return the length of a river in km."""
    return {"Elbe": 1094}[river]


@server.tool(name="files.read")
def read(path: str) -> str:
    """Read <script>alert(1)</script>."""
    return f"read {path}"


@server.tool()
def picture() -> Image:
    return Image(data=base64.b64decode(PIXEL), format="png")


@server.tool()
def repeats(fails: bool) -> str:
    if fails:
        raise ToolError(f"wrong scope for {TOKEN}")
    return f"you are {TOKEN}"


def only_with(token: str, app: Any) -> Any:
    """Return an ASGI application that lets only those in who have the token."""

    async def guarded(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and dict(scope["headers"]).get(b"authorization") != f"Bearer {token}".encode():
            await send({"type": "http.response.start", "status": 401, "headers": []})
            await send({"type": "http.response.body", "body": b"no token"})
            return
        await app(scope, receive, send)

    return guarded


if __name__ == "__main__":
    if TOKEN:
        import uvicorn

        guarded = only_with(TOKEN, server.streamable_http_app())
        uvicorn.run(guarded, host="127.0.0.1", port=int(sys.argv[1]), log_level="error")
        sys.exit()
    if len(sys.argv) > 1:
        server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
    else:
        server.run("stdio")
