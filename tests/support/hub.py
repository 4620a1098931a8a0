"""A client of a real JupyterHub: its people, their servers and their kernels. Not a test module."""

from __future__ import annotations

import asyncio
import http.client
import json
from typing import Any
from urllib.parse import urlsplit

from tests.faults.sessions import Session
from tests.support.children import Child
from tests.support.deadlines import START


def ask(url: str, token: str, method: str = "GET", **headers: str) -> tuple[int, Any]:
    """Return the status and the JSON of a response. Redirects are not followed."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=START)
    try:
        body = "{}" if method == "POST" else None
        connection.request(method, parts.path, body, {"Authorization": f"token {token}", **headers})
        response = connection.getresponse()
        text = b"" if response.status == http.client.SWITCHING_PROTOCOLS else response.read()
        is_json = "json" in (response.getheader("content-type") or "")
        return response.status, json.loads(text) if is_json and text else None
    finally:
        connection.close()


class Hub:
    """A JupyterHub that answers on a port of this machine.

    Attributes
    ----------
    port : int
        The proxy's. Everybody comes through it.
    tokens : dict of str to str
        Each person's.
    """

    def __init__(self, port: int, token: str) -> None:
        self.port = port
        self.api = f"http://127.0.0.1:{port}/hub/api"
        self.tokens: dict[str, str] = {}
        self.token = token

    def ready(self) -> bool:
        """Return whether the hub answers."""
        return ask(f"{self.api}/", self.token)[0] == 200

    def add(self, name: str) -> None:
        """Add a person, with a token."""
        assert ask(f"{self.api}/users/{name}", self.token, "POST")[0] == 201
        self.tokens[name] = ask(f"{self.api}/users/{name}/tokens", self.token, "POST")[1]["token"]

    def start_server(self, name: str, process: Child) -> None:
        """Start a person's server, as the button of the hub's page does. ``process`` is the hub's."""
        assert ask(f"{self.api}/users/{name}/server", self.token, "POST")[0] in (201, 202)
        server = lambda: ask(f"{self.api}/users/{name}", self.token)[1]["servers"].get("", {})  # noqa: E731
        process.wait_until(lambda: server().get("ready"), f"the server of {name} runs")

    def take_server_away(self, name: str) -> None:
        """Stop a person's server, as the hub does with one that it culls."""
        assert ask(f"{self.api}/users/{name}/server", self.token, "DELETE")[0] in (202, 204)

    def kernels(self, name: str) -> str:
        """Return the address of a person's kernels."""
        return f"http://127.0.0.1:{self.port}/user/{name}/api/kernels"

    async def page(self, name: str) -> tuple[str, Session]:
        """Start a kernel for a person. Return its id and a page that is connected to it."""
        status, kernel = await asyncio.to_thread(ask, self.kernels(name), self.tokens[name], "POST")
        assert status == 201
        return kernel["id"], await Session.open(self.port, kernel["id"], f"/user/{name}", self.tokens[name])
