"""A server of the official MCP SDK, in a process of its own: ``python mcp_tools.py [PORT]``. Not a test module."""

from __future__ import annotations

import base64
import sys

from mcp.server.mcpserver import Image, MCPServer

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
server = MCPServer("rivers")


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


if __name__ == "__main__":
    if len(sys.argv) > 1:
        server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
    else:
        server.run("stdio")
