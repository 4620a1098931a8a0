"""A hub, its proxy, a gateway and a model, as the guide starts them, and people in it. Not a test module."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil
from tornado.httpclient import HTTPError

from tests.faults.sessions import Follower, Session, view_of
from tests.scale.guide import Guide
from tests.support import watchdog
from tests.support.children import Child, child
from tests.support.deadlines import START, until_async
from tests.support.hub import Hub, ask
from tests.support.kernels import ROOT, clean_environment

CONSTRAINTS = Path(__file__).with_name("constraints.txt")
# Beside the guide's: a token for the tests, and root may start servers. They end with the tests, and homes are in the
# directory of the tests.
FOR_TESTS = """
c.Spawner.args = ["--allow-root"]
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

    gateway_process: psutil.Process

    def __init__(self, directory: Path, people: list[str], variables: Mapping[str, str]) -> None:
        self.stop_gateway, self.stop_proxy, self.stop_hub = ExitStack(), ExitStack(), ExitStack()
        self.guide = Guide(variables)
        super().__init__(self.guide.ports["8000"], uuid.uuid4().hex)
        self._directory = directory
        # streamwidget is the wheel of this tree. LiteLLM's table of prices comes from the network otherwise.
        self._env = clean_environment(
            {
                "HOME": str(directory),
                "PIP_FIND_LINKS": str(directory / "wheels"),
                "PIP_CONSTRAINT": str(CONSTRAINTS),
                "PIP_DISABLE_PIP_VERSION_CHECK": "1",
                "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            }
        )
        self._env.pop("PYTHONPATH", None)
        build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", directory / "wheels"]
        subprocess.run(build, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        self.guide.write_files(directory)
        self.run(self.guide.commands("npm install"))
        self.run(self.guide.commands("make_keys.py").replace("anna ben carla", " ".join(people)))
        self.run(self.guide.commands("> proxy_token"))
        settings = FOR_TESTS.format(token=self.token, mark=watchdog.MARK, directory=directory)
        self.configure_hub(settings)

    def run(self, commands: str) -> None:
        """Run commands to their end, in a terminal with the guide's way to the programs."""
        log = self._directory / "install.log"
        with log.open("ab") as output:
            status = subprocess.run(
                self._shell(commands), check=False, cwd=self._directory, env=self._env, stdout=output, stderr=output
            )
        assert status.returncode == 0, log.read_text(errors="replace")[-5000:]

    def _shell(self, commands: str) -> list[str]:
        return ["bash", "-ec", self.guide.commands("export PATH") + commands]

    def configure_hub(self, settings: str) -> None:
        """Append settings to the hub's file. It reads them when it starts."""
        with (self._directory / "jupyterhub_config.py").open("a") as file:
            file.write(settings)

    def add_models(self, models: str) -> None:
        """Put more models into the gateway's list. It reads them when it starts."""
        path = self._directory / "litellm.yaml"
        path.write_text(path.read_text().replace("general_settings:", f"{models}general_settings:"))

    @contextmanager
    def gateway(self) -> Iterator[Child]:
        """Run LiteLLM's proxy."""
        with self._serve("litellm --config", "gateway.log") as process:
            url = f"http://127.0.0.1:{self.guide.ports['4000']}/health/liveliness"
            process.wait_until(lambda: ask(url, "")[0] == 200, "the gateway answers")
            self.gateway_process = psutil.Process(process.process.pid)
            yield process

    @contextmanager
    def proxy(self) -> Iterator[Child]:
        """Run the hub's proxy."""
        with self._serve("configurable-http-proxy --ip", "proxy.log") as process:
            yield process

    @contextmanager
    def hub(self) -> Iterator[Child]:
        """Run the hub."""
        with self._serve("jupyterhub -f", "hub.log") as process:
            process.wait_until(self.ready, "the hub answers")
            yield process

    @contextmanager
    def _serve(self, words: str, log: str) -> Iterator[Child]:
        # exec: the process is the program itself, so that a signal reaches it.
        commands = self.guide.commands(words).replace(words, f"exec {words}")
        with child(self._shell(commands), self._directory / log, directory=self._directory, env=self._env) as process:
            yield process

    def come(self, hub: Child, name: str) -> None:
        """Let a person come: they log in, and their server starts."""
        self.add(name)
        self.start_server(name, hub)

    def give_one_key_to_all(self, name: str) -> None:
        """Change the hub's file to one key for all, as the guide says. Start the hub and a person's server again."""
        self.run("python make_keys.py everybody")
        self.configure_hub(self.guide.code('["everybody"]'))
        self.stop_hub.close()
        hub = self.stop_hub.enter_context(self.hub())
        self.take_server_away(name)
        gone = lambda: not ask(f"{self.api}/users/{name}", self.token)[1]["servers"]  # noqa: E731
        hub.wait_until(gone, f"the server of {name} ends")
        self.start_server(name, hub)

    def go_offline(self) -> None:
        """Let all kernels that start from now on ask the model on their machine, as the guide says."""
        path = self._directory / "class/etc/ipython/ipython_config.py"
        offline = self.guide.code("c.ChatMagics.provider")
        path.write_text(re.sub(r"^c\.ChatMagics\.base_url.*\n", offline, path.read_text(), flags=re.MULTILINE))

    def key(self, name: str) -> str:
        """Return the key that a person was given."""
        return str(json.loads((self._directory / "keys.json").read_text())[name]["key"])

    def costs(self, name: str) -> Path:
        """Return the file with the costs of a person's answers."""
        return self._directory / "spent" / name

    def limit(self, name: str, **limits: float) -> None:
        """Change a person's limits in the file of the keys, as the guide says."""
        with self._keys() as keys:
            keys[name].update(limits)

    @contextmanager
    def without(self, name: str) -> Iterator[None]:
        """Take a person off the file of the keys for a while."""
        with self._keys() as keys:
            person = keys.pop(name)
        yield
        with self._keys() as keys:
            keys[name] = person

    @contextmanager
    def _keys(self) -> Iterator[dict[str, Any]]:
        path = self._directory / "keys.json"
        keys = json.loads(path.read_text())
        yield keys
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
        return await self.page.came(self.view.model, "outcome") - at

    async def printed(self, code: str) -> str:
        """Run a cell to its end, and return all that it shows."""
        cell = await self.page.send_cell(code)
        ours = lambda m: m["parent_header"].get("msg_id") == cell  # noqa: E731
        reply = await self.page.wait(lambda m: ours(m) and m["msg_type"] == "execute_reply")
        await self.page.wait(lambda m: ours(m) and m["content"].get("execution_state") == "idle")
        shown = [message["content"] for message in self.page.messages if ours(message)]
        return json.dumps([reply["content"], shown], ensure_ascii=False)

    async def type_in(self, code: str, secret: str) -> None:
        """Run a cell to its end. Type this when it asks."""
        cell = await self.page.send_cell(code, asks=True)
        await self.page.wait(lambda m: m["msg_type"] == "input_request" and m["parent_header"]["msg_id"] == cell)
        await self.page.send("input_reply", {"value": secret}, channel="stdin")
        await self.page.wait(lambda m: m["msg_type"] == "execute_reply" and m["parent_header"]["msg_id"] == cell)

    async def first_text(self) -> float:
        """Return the seconds from the run of the cell to the first text in the page."""
        return await self.page.came(self.view.model, "text") - self.asked

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
    """A page that keeps the messages of each view by itself, and knows when its first text and its end came."""

    def __init__(self, *args: Any) -> None:
        self._of_view: dict[str, list[dict[str, Any]]] = {}
        self._times: dict[tuple[str, str], float] = {}
        super().__init__(*args)

    def said(self, model: str) -> list[dict[str, Any]]:
        """The view's messages to this page."""
        return self._of_view.get(model, [])

    async def _read(self) -> None:
        while (text := await self._websocket.read_message()) is not None:
            message = json.loads(text)
            if message["msg_type"] == "comm_msg" and message["content"]["data"].get("method") == "custom":
                self._keep(message["content"]["comm_id"], message["content"]["data"]["content"])
            else:
                self.messages.append(message)
            self._changed.set()

    def _keep(self, model: str, said: dict[str, Any]) -> None:
        self._of_view.setdefault(model, []).append(said)
        for field in ("text", "outcome"):
            if said.get(field):
                self._times.setdefault((model, field), time.monotonic())

    async def came(self, model: str, field: str) -> float:
        """Wait for the first message of a view with this field. Return when it came."""
        await until_async(lambda: (model, field) in self._times, f"{field} of a view", START)
        return self._times[model, field]


@contextmanager
def school_of(directory: Path, people: list[str], guest: str, variables: Mapping[str, str]) -> Iterator[School]:
    """Start everything, let all people come, and end it. The guest has no key."""
    school = School(directory, people, variables)
    with ExitStack() as stack, ThreadPoolExecutor(4) as threads:
        for part in (school.stop_gateway, school.stop_proxy, school.stop_hub):
            stack.enter_context(part)
        school.stop_gateway.enter_context(school.gateway())
        school.stop_proxy.enter_context(school.proxy())
        hub = school.stop_hub.enter_context(school.hub())
        list(threads.map(lambda name: school.come(hub, name), [*people, guest]))
        yield school
        list(threads.map(school.take_server_away, [*people, guest]))
