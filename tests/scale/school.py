"""A hub, its proxy, a gateway and a model, as the guide starts them, and people in it. Not a test module."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil
from tornado.httpclient import HTTPError

from streamwidget.demo import DemoServer
from tests.faults.sessions import Follower, Session, view_of
from tests.scale.guide import Guide
from tests.support import watchdog
from tests.support.children import Child, child
from tests.support.deadlines import START
from tests.support.hub import Hub, ask
from tests.support.kernels import ROOT, clean_environment

GATEWAY = ROOT / ".venv-scale" / "bin"
PROXY = ROOT / "js/node_modules/configurable-http-proxy/bin/configurable-http-proxy"
_OF_THE_HUB = ("CONFIGPROXY_AUTH_TOKEN",)
# Beside the guide's: a token for the tests, root may start servers, and a server loads no extensions but its own. It
# ends with the tests, and homes are in the directory of the tests.
FOR_TESTS = """
import sys
c.Spawner.cmd = [sys.executable, "-m", "jupyterhub.singleuser"]
c.Spawner.args = ["--allow-root"]
c.Spawner.environment = {{"JUPYTERHUB_SINGLEUSER_APP": "jupyter_server.serverapp.ServerApp", "JUPYTER_NO_CONFIG": "1"}}
c.Spawner.env_keep.append("{mark}")
c.SimpleLocalProcessSpawner.home_dir_template = "{directory}/home/{{username}}"
c.Spawner.start_timeout = c.Spawner.http_timeout = 240
c.JupyterHub.concurrent_spawn_limit = 4
c.JupyterHub.services = [{{"name": "tests", "api_token": "{token}"}}]
scopes = ["admin:users", "admin:servers", "tokens"]
c.JupyterHub.load_roles = [{{"name": "tests", "services": ["tests"], "scopes": scopes}}]
"""


class School(Hub):
    """Everything that the guide starts, in one directory. Each program can be ended and started again."""

    def __init__(self, directory: Path, people: list[str], model: DemoServer) -> None:
        self.stop_gateway, self.stop_proxy, self.stop_hub = ExitStack(), ExitStack(), ExitStack()
        self.guide = Guide()
        super().__init__(self.guide.ports["8000"], uuid.uuid4().hex)
        self.people = people
        self._directory = directory
        self.guide.write_files(directory)
        self.python = self._environment(directory / "class")
        values = {
            "MODEL_URL": model.url,
            "MODEL_KEY": "sk-of-the-provider-0123456789",
            "MODEL_NAME": "openai/demo",
            "LITELLM_MASTER_KEY": f"sk-{uuid.uuid4().hex}{uuid.uuid4().hex}",
            "CONFIGPROXY_AUTH_TOKEN": uuid.uuid4().hex,
        }
        assert self.guide.exported() == values.keys()
        # The hub has not the provider's key. LiteLLM's table of prices comes from the network otherwise.
        self._env = clean_environment({"HOME": str(directory)} | {name: values[name] for name in _OF_THE_HUB})
        self._gateway_env = clean_environment({**values, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "PYTHONPATH": ""})
        subprocess.run([self.python, "make_keys.py", *people], cwd=directory, check=True)
        with (directory / "jupyterhub_config.py").open("a") as file:
            file.write(FOR_TESTS.format(token=self.token, mark=watchdog.MARK, directory=directory))

    def _environment(self, prefix: Path) -> str:
        # The packages are the tests'. The prefix is another one, so that the guide's settings are in etc/ of that one.
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", prefix], check=True)
        packages = next(path for path in sys.path if path.endswith("site-packages"))
        (here,) = (prefix / "lib").glob("python*/site-packages")
        (here / "tests.pth").write_text(f"{ROOT}\n{packages}\n")
        (prefix / "etc").mkdir()
        (self._directory / "etc" / "ipython").rename(prefix / "etc" / "ipython")
        return str(prefix / "bin" / "python")

    @contextmanager
    def gateway(self) -> Iterator[Child]:
        """Run LiteLLM's proxy."""
        command = [str(GATEWAY / "python"), str(GATEWAY / "litellm"), *self.guide.command("litellm")]
        with self._run(command, "gateway.log", self._gateway_env) as process:
            url = f"http://127.0.0.1:{self.guide.ports['4000']}/health/liveliness"
            process.wait_until(lambda: ask(url, "")[0] == 200, "the gateway answers")
            yield process

    @contextmanager
    def proxy(self) -> Iterator[Child]:
        """Run the hub's proxy."""
        command = ["node", str(PROXY), *self.guide.command("configurable-http-proxy")]
        with self._run(command, "proxy.log", self._env) as process:
            yield process

    @contextmanager
    def hub(self) -> Iterator[Child]:
        """Run the hub."""
        command = [self.python, "-m", "jupyterhub", *self.guide.command("jupyterhub")]
        with self._run(command, "hub.log", self._env) as process:
            process.wait_until(self.ready, "the hub answers")
            yield process

    @contextmanager
    def _run(self, command: list[str], log: str, env: dict[str, str]) -> Iterator[Child]:
        with child(command, self._directory / log, directory=self._directory, env=env) as process:
            yield process

    def come(self, hub: Child, name: str) -> None:
        """Let a person come: they log in, and their server starts."""
        self.add(name)
        self.start_server(name, hub)

    def key(self, name: str) -> str:
        """Return the key that a person was given."""
        return str(json.loads((self._directory / "keys.json").read_text())[name]["key"])

    def limit(self, name: str, requests_a_minute: int) -> None:
        """Change a person's limit in the file of the keys, as the guide says."""
        path = self._directory / "keys.json"
        keys = json.loads(path.read_text())
        keys[name]["rpm_limit"] = requests_a_minute
        path.write_text(json.dumps(keys))


class Desk:
    """A person with a kernel, and the page they look at."""

    def __init__(self, school: School, name: str) -> None:
        self.name = name
        self._school = school
        self.page: Page
        self.view: Follower
        self.kernel_id = ""
        self.kernel: psutil.Process

    async def sit_down(self) -> None:
        """Start a kernel and open a page."""
        url, token = self._school.kernels(self.name), self._school.tokens[self.name]
        status, kernel = await asyncio.to_thread(ask, url, token, "POST")
        assert status == 201
        self.kernel_id = kernel["id"]
        self.page = await self._page()
        (pid,) = await self.page.execute("import os", "os.getpid()")
        self.kernel = psutil.Process(pid)

    async def _page(self) -> Page:
        path, token = f"/user/{self.name}", self._school.tokens[self.name]
        return await Page.open(self._school.port, self.kernel_id, path, token)

    async def ask(self, prompt: str) -> None:
        """Run a cell, and wait for its view."""
        self.asked = time.monotonic()
        self.cell = await self.page.send_cell(f"%%chat --once\n{prompt}")
        self._look(await view_of(self.page, self.cell))

    def _look(self, model: str) -> None:
        self.view = Follower(self.page, model)
        self._reading = asyncio.create_task(self.view.follow())

    async def look_away(self) -> None:
        """Read the answer no longer."""
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)

    async def read(self) -> str:
        """Read the answer to its end."""
        return await self._reading

    async def stop(self) -> float:
        """Press Stop. Return the seconds until the page shows the end."""
        at = time.monotonic()
        await self.page.say(self.view.model, {"op": "stop"})
        return await self.page.when(lambda: self._said("outcome") - at)

    async def printed(self, code: str) -> str:
        """Run a cell to its end, and return all that it shows."""
        cell = await self.page.send_cell(code)
        ours = lambda m: m["parent_header"].get("msg_id") == cell  # noqa: E731
        reply = await self.page.wait(lambda m: ours(m) and m["msg_type"] == "execute_reply")
        await self.page.wait(lambda m: ours(m) and m["content"].get("execution_state") == "idle")
        shown = [message["content"] for message in self.page.messages if ours(message)]
        return json.dumps([reply["content"], shown], ensure_ascii=False)

    async def first_text(self) -> float:
        """Return the seconds from the run of the cell to the first text in the page."""
        return await self.page.when(lambda: self._said("text") - self.asked)

    def _said(self, field: str) -> float:
        """Return when the view's first message with this field came. 0 if none came yet."""
        for message, at in zip(self.page.messages, self.page.times, strict=True):
            content = message["content"]
            if message["msg_type"] == "comm_msg" and content["comm_id"] == self.view.model:
                said = content["data"].get("content") or {}
                if said.get(field):
                    return at
        return 0

    async def come_back(self) -> None:
        """Open the page again, as soon as the server is reached again. The view takes its state from the kernel."""
        await self.look_away()
        async with asyncio.timeout(START):
            while True:
                try:
                    self.page = await self._page()
                    break
                except (HTTPError, OSError):  # no proxy yet, or one that does not know the way to the server yet
                    await asyncio.sleep(0.2)
        self._look(self.view.model)


class Page(Session):
    """A page that knows when each message came."""

    def __init__(self, *args: Any) -> None:
        self.times: list[float] = []
        super().__init__(*args)

    async def _read(self) -> None:
        while (text := await self._websocket.read_message()) is not None:
            self.times.append(time.monotonic())
            self.messages.append(json.loads(text))
            self._changed.set()

    async def when(self, seconds: Callable[[], float]) -> float:
        """Wait until a time is known, and return it."""
        async with asyncio.timeout(START):
            while (found := seconds()) < 0:
                self._changed.clear()
                await self._changed.wait()
        return found


@contextmanager
def school_of(directory: Path, people: list[str], guests: list[str], model: DemoServer) -> Iterator[School]:
    """Start everything, let all people come, and end it. Guests have no key."""
    school = School(directory, people, model)
    with ExitStack() as stack, ThreadPoolExecutor(4) as threads:
        for part in (school.stop_gateway, school.stop_proxy, school.stop_hub):
            stack.enter_context(part)
        school.stop_gateway.enter_context(school.gateway())
        school.stop_proxy.enter_context(school.proxy())
        hub = school.stop_hub.enter_context(school.hub())
        list(threads.map(lambda name: school.come(hub, name), [*people, *guests]))
        yield school
        list(threads.map(school.take_server_away, [*people, *guests]))
