"""A real JupyterHub with its real proxy: three people stream, and nobody reaches another's kernel."""

from __future__ import annotations

import asyncio
import shutil
import sys
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from streamwidget.demo import DemoServer
from tests.faults.sessions import Follower, Session, view_of
from tests.support.children import Child, child
from tests.support.deadlines import SOON
from tests.support.deadlines import until_async as until
from tests.support.hub import Hub, ask
from tests.support.kernels import ROOT, clean_environment
from tests.support.ports import closed_port

pytest.importorskip("jupyterhub", reason="jupyterhub is not installed")
PROXY = ROOT / "js/node_modules/configurable-http-proxy/bin/configurable-http-proxy"
if not PROXY.exists() or shutil.which("node") is None:
    pytest.skip("configurable-http-proxy is not installed (npm ci in js/)", allow_module_level=True)

CONFIG = """
import sys
c = get_config()
c.JupyterHub.bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.hub_ip = "127.0.0.1"
c.JupyterHub.hub_port = {hub_port}
c.ConfigurableHTTPProxy.command = ["node", "{proxy}"]
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api_port}"
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.Spawner.cmd = [sys.executable, "-m", "jupyterhub.singleuser"]
c.Spawner.args = ["--allow-root"]
c.Spawner.ip = "127.0.0.1"
# A plain server, without the extensions that are installed beside it: they take longer to load than all the rest.
plain = {{"JUPYTERHUB_SINGLEUSER_APP": "jupyter_server.serverapp.ServerApp", "JUPYTER_NO_CONFIG": "1"}}
c.Spawner.environment = {{"STREAMWIDGET_BASE_URL": "{demo}", **plain}}
c.JupyterHub.services = [{{"name": "tests", "api_token": "{token}"}}]
scopes = ["admin:users", "admin:servers", "tokens"]
c.JupyterHub.load_roles = [{{"name": "tests", "services": ["tests"], "scopes": scopes}}]
"""
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}
PEOPLE = ("alice", "bob", "carol")


@contextmanager
def running(directory: Path, demo: DemoServer) -> Iterator[People]:
    """Start a hub with a server for each person, everything in ``directory``, and end it afterwards."""
    port, api_port, hub_port = (closed_port() for _ in range(3))
    token = uuid.uuid4().hex
    ports = {"port": port, "api_port": api_port, "hub_port": hub_port}
    (directory / "config.py").write_text(CONFIG.format(**ports, proxy=PROXY, demo=demo.url, token=token))
    env = clean_environment({"HOME": str(directory), "CONFIGPROXY_AUTH_TOKEN": uuid.uuid4().hex})
    command = [sys.executable, "-m", "jupyterhub", "-f", "config.py"]
    with child(command, directory / "hub.log", directory=directory, env=env) as process:
        hub = People(port, token)
        hub.process = process
        process.wait_until(hub.ready, "the hub answers")
        for name in PEOPLE:
            hub.add(name)
        with ThreadPoolExecutor() as threads:
            list(threads.map(hub.start, PEOPLE))
        yield hub
        with ThreadPoolExecutor() as threads:
            list(threads.map(hub.take_server_away, PEOPLE))


class People(Hub):
    """The hub of these tests."""

    process: Child

    def start(self, name: str) -> None:
        """Start a person's server."""
        self.start_server(name, self.process)

    async def page(self, name: str) -> tuple[str, Session]:
        """Start a kernel for a person, with the extension loaded."""
        kernel, page = await super().page(name)
        await page.execute("%load_ext streamwidget")
        return kernel, page


@pytest.fixture(scope="module")
def demo_server() -> Iterator[DemoServer]:
    with DemoServer(tokens_per_second=150, first_delta=0.01) as server:
        yield server


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, demo_server: DemoServer) -> Iterator[People]:
    with running(tmp_path_factory.mktemp("hub"), demo_server) as started:
        yield started


@pytest.mark.kernel
@pytest.mark.fault("S13", "403 to another person's token, for the kernel's REST address and for its websocket")
def test_another_persons_token_reaches_no_kernel(hub: People, seen: Callable[[str], None]) -> None:
    """Bob's token lists, starts and speaks to Bob's kernels. Alice's token and an invented one get 403 for each."""
    alice, bob = hub.tokens["alice"], hub.tokens["bob"]
    kernels = hub.kernels("bob")
    status, kernel = ask(kernels, bob, "POST")
    assert status == 201
    one = f"{kernels}/{kernel['id']}"
    assert ask(f"{one}/channels", bob, **UPGRADE)[0] == 101
    for token in (alice, uuid.uuid4().hex):
        refused = [
            ask(kernels, token)[0],
            ask(kernels, token, "POST")[0],
            ask(f"{one}/interrupt", token, "POST")[0],
            ask(one, token, "DELETE")[0],
            ask(f"{one}/channels", token, **UPGRADE)[0],
        ]
        assert refused == [403] * 5
    assert ask(one, bob)[0] == 200
    seen("10 of 10 requests: 403")


@pytest.mark.kernel
@pytest.mark.fault("F12", "a real hub: the others stream on, the provider's connection is closed with the server")
async def test_three_people_stream_one_stops_and_one_loses_the_server(
    hub: People, demo_server: DemoServer, seen: Callable[[str], None]
) -> None:
    """Alice's answer comes whole. Bob stops his. The hub takes Carol's server away: she keeps what had come.

    Her page is told 424 while the server is away, which is what JupyterLab waits on, and 404 when another server is
    there, which is how it knows that the kernel is gone.
    """
    prompts = {"alice": "count to 250", "bob": "count to 9000", "carol": "count to 8000"}
    opened = dict(zip(PEOPLE, await asyncio.gather(*map(hub.page, PEOPLE)), strict=True))
    pages = {name: page for name, (_, page) in opened.items()}
    cells = {name: await page.send_cell(f"%%chat\n{prompts[name]}") for name, page in pages.items()}
    views = {name: Follower(page, await view_of(page, cells[name])) for name, page in pages.items()}
    following = {name: asyncio.create_task(views[name].follow()) for name in PEOPLE}
    await until(lambda: all(len(view.text) > 30 for view in views.values()))
    asked = {record.body["messages"][-1]["content"].strip(): record for record in demo_server.requests}
    assert set(asked) == set(prompts.values())

    await asyncio.to_thread(hub.take_server_away, "carol")
    await pages["carol"].closed()
    assert await asyncio.to_thread(asked[prompts["carol"]].left.wait, SOON)
    following["carol"].cancel()
    kernel = f"{hub.kernels('carol')}/{opened['carol'][0]}"
    # The hub itself answers for a server that is away: the proxy redirects there.
    away = ask(kernel.replace("/user/", "/hub/user/"), hub.tokens["carol"])[0]

    await pages["bob"].say(views["bob"].model, {"op": "stop"})
    whole = {name: await following[name] for name in ("alice", "bob")}
    assert [views[name].outcome for name in PEOPLE] == ["complete", "cancelled", None]
    assert whole["alice"] == "\n".join(map(str, range(1, 251)))
    for name in ("bob", "carol"):
        assert "\n".join(map(str, range(1, 9001))).startswith(views[name].text.rstrip("\n"))
    assert await asyncio.to_thread(asked[prompts["bob"]].left.wait, SOON)
    assert asked[prompts["alice"]].client_left is None
    (kept,) = await pages["bob"].execute("", "[_chat.text, _chat.outcome]")
    assert kept == [whole["bob"], "cancelled"]

    await asyncio.to_thread(hub.start, "carol")
    assert [away, ask(kernel, hub.tokens["carol"])[0]] == [424, 404]
    seen(f"alice {len(whole['alice'])} characters, bob {len(whole['bob'])}, carol keeps {len(views['carol'].text)}")
    for page in pages.values():
        await page.drop()
