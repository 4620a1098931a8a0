"""A shared hub keeps one person out of another's kernel. Nothing of ours opens a way round it."""

from __future__ import annotations

import http.client
import json
import socket
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import pytest

from tests.support.children import child
from tests.support.deadlines import SOON
from tests.support.kernels import clean_environment

pytest.importorskip("jupyterhub", reason="jupyterhub is not installed")

# No proxy, because it only forwards. The people's servers check each request, so the test asks them directly.
CONFIG = """
import sys
from jupyterhub.proxy import Proxy
class Direct(Proxy):
    should_start = False
    routes = {{}}
    async def add_route(self, routespec, target, data):
        self.routes[routespec] = {{"routespec": routespec, "target": target, "data": data}}
    async def delete_route(self, routespec):
        self.routes.pop(routespec, None)
    async def get_all_routes(self):
        return dict(self.routes)
c = get_config()
c.JupyterHub.proxy_class = Direct
c.JupyterHub.ip = "127.0.0.1"
c.JupyterHub.port = {port}
c.JupyterHub.hub_ip = "127.0.0.1"
c.JupyterHub.hub_port = {hub_port}
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.Spawner.cmd = [sys.executable, "-m", "jupyterhub.singleuser"]
c.Spawner.args = ["--allow-root"]
c.Spawner.ip = "127.0.0.1"
c.JupyterHub.services = [{{"name": "tests", "api_token": "{token}"}}]
scopes = ["admin:users", "admin:servers", "tokens", "proxy"]
c.JupyterHub.load_roles = [{{"name": "tests", "services": ["tests"], "scopes": scopes}}]
"""
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ask(url: str, token: str, method: str = "GET", **headers: str) -> tuple[int, Any]:
    """Return the status and the JSON of a response. Redirects are not followed."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=SOON)
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
    """A JupyterHub of the test's own, everything in ``directory``."""

    def __init__(self, directory: Path) -> None:
        port = free_port()
        self.api = f"http://127.0.0.1:{port}/hub/api"
        self.token = uuid.uuid4().hex
        (directory / "config.py").write_text(CONFIG.format(port=free_port(), hub_port=port, token=self.token))
        self._directory = directory

    @contextmanager
    def running(self) -> Iterator[Self]:
        """Start it, and end it afterwards."""
        directory = self._directory
        env = clean_environment({"HOME": str(directory), "CONFIGPROXY_AUTH_TOKEN": uuid.uuid4().hex})
        command = [sys.executable, "-m", "jupyterhub", "-f", "config.py"]
        with child(command, directory / "hub.log", directory=directory, env=env) as self._child:
            self._child.wait_until(lambda: ask(f"{self.api}/", self.token)[0] == 200, "the hub answers")
            yield self

    def person(self, name: str) -> str:
        """Make a person, and return a token of theirs."""
        assert ask(f"{self.api}/users/{name}", self.token, "POST")[0] == 201
        return str(ask(f"{self.api}/users/{name}/tokens", self.token, "POST")[1]["token"])

    def start_server(self, name: str) -> str:
        """Start the person's server, and return its address."""
        assert ask(f"{self.api}/users/{name}/server", self.token, "POST")[0] in (201, 202)
        routes = f"{self.api}/proxy"
        target = self._child.wait_until(lambda: _of(ask(routes, self.token)[1] or {}, name), "the person's server runs")
        return str(target).rstrip("/") + f"/user/{name}/api"


def _of(routes: dict[str, Any], name: str) -> str | None:
    targets = (route["target"] for spec, route in routes.items() if f"/user/{name}/" in spec)
    return next(targets, None)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with Hub(tmp_path).running() as started:
        yield started
        ask(f"{started.api}/users/bob/server", started.token, "DELETE")


@pytest.mark.kernel
@pytest.mark.fault("S13", "403 to another person's token, for the kernel's REST address and for its websocket")
def test_another_persons_token_reaches_no_kernel(hub: Hub, seen: Callable[[str], None]) -> None:
    """Bob's token lists, starts and speaks to Bob's kernels. Alice's token and an invented one get 403 for each."""
    alice, bob = hub.person("alice"), hub.person("bob")
    address = hub.start_server("bob")
    status, kernel = ask(f"{address}/kernels", bob, "POST")
    assert status == 201
    one = f"{address}/kernels/{kernel['id']}"
    assert ask(f"{one}/channels", bob, **UPGRADE)[0] == 101
    for token in (alice, uuid.uuid4().hex):
        refused = [
            ask(f"{address}/kernels", token)[0],
            ask(f"{address}/kernels", token, "POST")[0],
            ask(f"{one}/interrupt", token, "POST")[0],
            ask(one, token, "DELETE")[0],
            ask(f"{one}/channels", token, **UPGRADE)[0],
        ]
        assert refused == [403] * 5
    assert ask(one, bob)[0] == 200
    seen("10 of 10 requests: 403")
