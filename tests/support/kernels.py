"""Real kernels of each supported generation, driven over the Jupyter protocol as a front end would.

``Kernel`` keeps every message that the kernel publishes (when it came, how many bytes it was), executes code without
waiting or with it, interrupts, and speaks to comms, on the main shell or on a subshell as JupyterLab does. It is
synchronous: its sockets live on an event loop in a thread of their own.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import zmq
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager

from tests.support.deadlines import SOON, START
from tests.support.ports import closed_port

ROOT = Path(__file__).resolve().parents[2]
GENERATIONS = ("latest", "7.3", "6.x")
COLAB = "colab"  # ipykernel 6.17, IPython 7.34, ipywidgets 7.7 and anywidget 0.9
# ipykernel 7.0 to 7.3 write each reply past the ZMQStream that reads the requests from that socket: a request that
# comes just then is never read, nor any after it (ipykernel pull request 1529, in 7.4). A hundred requests sent without
# waiting make such a kernel deaf, so the tests' kernels carry 7.4's line.
MENDED_7_3 = """
from ipykernel.kernelapp import IPKernelApp
from ipykernel.subshell_manager import SubshellManager
def send(_, reply):
    IPKernelApp.instance().kernel.shell_stream.send_multipart(reply)
SubshellManager._send_on_shell_channel = send
IPKernelApp.launch_instance()
"""
# Makes a kernel as if it had just started, for the next test: no names, streams, widgets or extension, and a clean
# environment. A `%r` takes the settings of the environment.
AS_NEW = """
import asyncio, gc, os, sys
shell = get_ipython()
if "streamwidget" in sys.modules:
    import streamwidget
    from ipywidgets import Widget
    streams = [o for o in gc.get_objects() if type(o) is streamwidget.ChatStream]
    for stream in streams:
        stream.cancel()
    if "streamwidget" in shell.extension_manager.loaded:
        shell.extension_manager.unload_extension("streamwidget")
    shell.config.pop("ChatMagics", None)  # settings that a cell made
    Widget.close_all()
    for _ in range(10):  # what was cancelled ends
        await asyncio.sleep(0.01)
    for stream in streams:  # those that run apart, too
        await stream._settled(1) if stream._delivery.is_relayed else None
    Widget.close_all()  # the extension, just loaded, may have made its bundles meanwhile
for name in [name for name in os.environ if name.startswith(("STREAMWIDGET_", "OPENAI_"))]:
    del os.environ[name]
os.environ.update(%r)
shell.reset(new_session=True)
"""
T = TypeVar("T")


def kernel_python(generation: str) -> Path:
    """Return the interpreter of a generation: "latest" is the environment of the tests themselves."""
    if generation == "latest":
        return Path(sys.executable)
    python = ROOT / ".venv-kernels" / generation / "bin" / "python"
    if not python.exists():
        raise FileNotFoundError(f"no ipykernel {generation} in {python.parent.parent}: run `make kernels`")
    return python


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return this process's environment without settings that choose a provider, plus ``extra``."""
    private = ("STREAMWIDGET_", "OPENAI_", "PYTEST_", "COV_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(private)}
    return kept | {"PYTHONUNBUFFERED": "1", **(extra or {})}


def kernel_ports() -> dict[str, int | bool]:
    """Return the settings of a kernel manager with ports that nobody takes while the kernel starts."""
    names = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")
    return {"cache_ports": False, **{name: closed_port() for name in names}}


def kernel_command(generation: str) -> list[str]:
    """Return the command that starts a kernel of a generation, as a kernelspec holds it."""
    launch = ["-c", MENDED_7_3] if generation == "7.3" else ["-m", "ipykernel_launcher"]
    return [str(kernel_python(generation)), *launch, "-f", "{connection_file}"]


def write_kernelspecs(kernels: Path, generations: tuple[str, ...] = GENERATIONS) -> None:
    """Write a kernelspec ``sw-<generation>`` for each generation into the directory ``kernels``."""
    for generation in generations:
        spec = {
            "argv": kernel_command(generation),
            "display_name": f"sw-{generation}",
            "language": "python",
            "metadata": {"debugger": False},
        }
        directory = kernels / f"sw-{generation}"
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Message:
    """One message from the kernel. ``at`` is ``time.monotonic()`` on arrival. Sizes are bytes."""

    at: float
    type: str
    parent_id: str
    content: dict[str, Any]
    header: dict[str, Any]
    metadata: dict[str, Any]
    buffers: list[bytes]
    size: int  # all frames on the wire
    content_size: int  # the content alone, as JSON


@dataclass(frozen=True, slots=True)
class Execution:
    """One execute request, finished or not. What it shows is read from the record at each look."""

    kernel: Kernel
    msg_id: str

    def wait(self, timeout: float = SOON) -> Execution:
        """Wait for the reply and for the kernel to be idle again, ``timeout`` seconds at most."""
        self.kernel.wait_reply(self.msg_id, timeout)
        self.kernel.wait_for(lambda message: message.parent_id == self.msg_id and _is_idle(message), timeout)
        return self

    @property
    def done(self) -> bool:
        """Whether the reply is there."""
        return self.msg_id in self.kernel.replies

    @property
    def reply(self) -> dict[str, Any]:
        """The content of the execute_reply."""
        return self.kernel.replies[self.msg_id].content

    @property
    def replied_at(self) -> float:
        """``time.monotonic()`` when the reply came."""
        return self.kernel.replies[self.msg_id].at

    @property
    def status(self) -> str:
        """One of "ok", "error", "aborted"."""
        return str(self.reply["status"])

    @property
    def ename(self) -> str | None:
        """The name of the exception, None without one."""
        return self.reply.get("ename")

    @property
    def evalue(self) -> str | None:
        """The message of the exception, None without one."""
        return self.reply.get("evalue")

    @property
    def messages(self) -> list[Message]:
        """What the kernel published for this request so far."""
        return [message for message in self.kernel.iopub if message.parent_id == self.msg_id]

    @property
    def outputs(self) -> list[dict[str, Any]]:
        """The cell's outputs as a front end holds them: displays updated by display_id, clear_output applied."""
        return _outputs(self.kernel.iopub, self.msg_id)

    @property
    def updates(self) -> list[Message]:
        """What replaced the cell's displays so far. The messages of other cells' displays may carry its name too."""
        published = list(self.kernel.iopub)
        shown = [m for m in published if m.type == "display_data" and m.parent_id == self.msg_id]
        named = [m.content["transient"] for m in shown if m.content["transient"]]
        return [m for m in published if m.type == "update_display_data" and m.content["transient"] in named]

    @property
    def stdout(self) -> str:
        """All that was printed."""
        return self._stream("stdout")

    @property
    def stderr(self) -> str:
        """All that was printed to standard error."""
        return self._stream("stderr")

    @property
    def text(self) -> str:
        """The text/plain of the cell's displays and results, one a line."""
        return "\n".join(output["data"].get("text/plain", "") for output in self.outputs if "data" in output)

    @property
    def traceback(self) -> list[str]:
        """The lines that the page shows for an error."""
        return [line for output in self.outputs if output["output_type"] == "error" for line in output["traceback"]]

    def _stream(self, name: str) -> str:
        streams = (output for output in self.outputs if output["output_type"] == "stream")
        return "".join(output["text"] for output in streams if output["name"] == name)


class Kernel:
    """A running kernel. Use ``start_kernel`` (or the ``kernel`` fixture) to get one."""

    def __init__(self, generation: str, env: Mapping[str, str] | None = None) -> None:
        self.generation = generation
        self.iopub: list[Message] = []
        self.replies: dict[str, Message] = {}
        self.features: list[str] = []
        self._changed = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"kernel {generation}", daemon=True)
        self._thread.start()
        self._directory = tempfile.TemporaryDirectory(prefix="sw-kernel-")
        directory = Path(self._directory.name)
        write_kernelspecs(directory / "kernels", (generation,))
        self._env = clean_environment({"IPYTHONDIR": str(directory / "ipython"), **(env or {})})
        self._run(self._start(directory), START + SOON)

    # -- requests

    def execute(self, code: str, timeout: float = SOON, *, silent: bool = False) -> Execution:
        """Run ``code`` and wait for its end."""
        return self.execute_async(code, silent=silent).wait(timeout)

    def execute_async(
        self,
        code: str,
        *,
        silent: bool = False,
        stop_on_error: bool = True,
        cell_id: str | None = None,
        stdin: bool = False,
    ) -> Execution:
        """Send ``code`` and return at once. Several may be queued, as Run All does. ``cell_id`` names the cell.

        With ``stdin`` it is a request as a console sends it.
        """
        content = {
            "code": code,
            "silent": silent,
            "store_history": not silent,
            "user_expressions": {},
            "allow_stdin": stdin,
            "stop_on_error": stop_on_error,
        }
        return Execution(self, self.send("execute_request", content, metadata={"cellId": cell_id} if cell_id else None))

    def request(
        self, msg_type: str, content: dict[str, Any], *, channel: str = "shell", timeout: float = SOON
    ) -> dict[str, Any]:
        """Send a request on "shell" or "control" and return the content of its reply."""
        return self.wait_reply(self.send(msg_type, content, channel=channel), timeout).content

    def send(
        self,
        msg_type: str,
        content: dict[str, Any],
        *,
        channel: str = "shell",
        subshell_id: str | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> str:
        """Send a message and return its id."""
        message = self._client.session.msg(msg_type, content, metadata=metadata)
        if subshell_id is not None:
            message["header"]["subshell_id"] = subshell_id
        self._run(self._send(channel, message), SOON)
        return str(message["header"]["msg_id"])

    def wait_reply(self, msg_id: str, timeout: float = SOON) -> Message:
        """Return the reply to the request ``msg_id``."""
        with self._changed:
            if not self._changed.wait_for(lambda: msg_id in self.replies, timeout):
                raise TimeoutError(f"no reply within {timeout} s; published last: {self.iopub[-5:]}")
            return self.replies[msg_id]

    def wait_for(self, predicate: Callable[[Message], bool], timeout: float = SOON, *, after: int = 0) -> Message:
        """Return the first published message, from index ``after`` of ``iopub`` on, that fits."""
        deadline = time.monotonic() + timeout
        looked = after
        with self._changed:
            while True:
                for message in self.iopub[looked:]:
                    if predicate(message):
                        return message
                looked = len(self.iopub)
                if not self._changed.wait(deadline - time.monotonic()) and time.monotonic() >= deadline:
                    raise TimeoutError(f"no such message within {timeout} s; published last: {self.iopub[-5:]}")

    # -- comms and subshells

    @property
    def has_subshells(self) -> bool:
        """Whether the kernel says that it serves subshells (ipykernel >= 7)."""
        return "kernel subshells" in self.features

    def create_subshell(self) -> str:
        """Start a subshell, as JupyterLab does for comms, and return its id."""
        return str(self.request("create_subshell_request", {}, channel="control")["subshell_id"])

    def comm_open(
        self,
        target: str,
        data: dict[str, Any] | None = None,
        *,
        subshell_id: str | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> str:
        """Open a comm from the page's side and return its id."""
        comm_id = uuid.uuid4().hex
        content = {"comm_id": comm_id, "target_name": target, "data": data or {}}
        self.send("comm_open", content, subshell_id=subshell_id, metadata=metadata)
        return comm_id

    def comm_send(self, comm_id: str, data: dict[str, Any], *, subshell_id: str | None = None) -> str:
        """Send ``data`` on a comm."""
        return self.send("comm_msg", {"comm_id": comm_id, "data": data}, subshell_id=subshell_id)

    def widget_send(self, model_id: str, content: dict[str, Any], *, subshell_id: str | None = None) -> str:
        """Send a custom message to a widget, as ``model.send`` does in the page."""
        return self.comm_send(model_id, {"method": "custom", "content": content}, subshell_id=subshell_id)

    def comm_close(self, comm_id: str) -> str:
        """Close a comm from the page's side."""
        return self.send("comm_close", {"comm_id": comm_id, "data": {}})

    def comm_opens(self, target: str = "jupyter.widget") -> dict[str, dict[str, Any]]:
        """Return the data of each comm that the kernel opened to ``target``, by comm id, oldest first."""
        opens = (message.content for message in list(self.iopub) if message.type == "comm_open")
        return {content["comm_id"]: content["data"] for content in opens if content["target_name"] == target}

    def widget_messages(self, model_id: str) -> list[dict[str, Any]]:
        """Return the custom messages that a widget sent to the page, in order."""
        contents = (message.content for message in list(self.iopub) if message.type == "comm_msg")
        sent = (content["data"] for content in contents if content["comm_id"] == model_id)
        return [data["content"] for data in sent if data["method"] == "custom"]

    # -- the process

    @property
    def pid(self) -> int:
        """The process id of the kernel."""
        provisioner: Any = self._manager.provisioner
        return int(provisioner.pid)

    def interrupt(self) -> None:
        """Interrupt the kernel, as the page's button does."""
        self._run(self._manager.interrupt_kernel(), SOON)

    def shutdown(self) -> None:
        """End the kernel and free what it took."""
        try:
            self._run(self._stop(), SOON)
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(SOON)
            self._directory.cleanup()

    # -- the loop's side

    def _run(self, coroutine: Coroutine[Any, Any, T], timeout: float) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout)

    async def _start(self, directory: Path) -> None:
        specs = KernelSpecManager(kernel_dirs=[str(directory / "kernels")], ensure_native_kernel=False)
        self._manager = AsyncKernelManager(
            kernel_name=f"sw-{self.generation}",
            kernel_spec_manager=specs,
            connection_file=str(directory / "connection.json"),
            **kernel_ports(),
        )
        self._log = (directory / "kernel.log").open("wb")
        await self._manager.start_kernel(env=self._env, cwd=str(directory), stdout=self._log, stderr=self._log)
        self._client: AsyncKernelClient = self._manager.client()
        self._client.start_channels(stdin=False, hb=False)
        self._readers = [
            asyncio.create_task(self._read(name)) for name in ("iopub_channel", "shell_channel", "control_channel")
        ]
        try:
            await asyncio.wait_for(self._ready(), START)
        except TimeoutError:
            log = (directory / "kernel.log").read_text(errors="replace")
            raise TimeoutError(f"kernel {self.generation} did not start:\n{log}") from None

    async def _ready(self) -> None:
        """Ask until a question is answered on both channels: iopub subscribes a little later than shell."""
        while True:
            question = self._client.session.msg("kernel_info_request", {})
            msg_id = question["header"]["msg_id"]
            await self._send("shell", question)
            for _ in range(40):
                await asyncio.sleep(0.05)
                published = any(message.parent_id == msg_id and _is_idle(message) for message in self.iopub)
                if published and msg_id in self.replies:
                    self.features = self.replies[msg_id].content.get("supported_features", [])
                    return

    async def _stop(self) -> None:
        for reader in self._readers:
            reader.cancel()
        self._client.stop_channels()
        await self._manager.shutdown_kernel(now=True)
        self._log.close()

    async def _send(self, channel: str, message: dict[str, Any]) -> None:
        # Not by the channel's own `send`, which writes past the asyncio socket that reads the replies: libzmq tells of
        # a reply once, and one that comes during such a write is never read, nor any after it.
        socket: Any = getattr(self._client, f"{channel}_channel").socket
        await socket.send_multipart(self._client.session.serialize(message))

    async def _read(self, channel: str) -> None:
        socket: Any = getattr(self._client, channel).socket
        session = self._client.session
        while True:
            try:
                frames = await socket.recv_multipart()
            except zmq.ZMQError:
                return  # the kernel is shut down
            at = time.monotonic()
            _, parts = session.feed_identities(frames)
            raw = session.deserialize(parts)
            message = Message(
                at=at,
                type=raw["msg_type"],
                parent_id=raw["parent_header"].get("msg_id", ""),
                content=raw["content"],
                header=raw["header"],
                metadata=raw["metadata"],
                buffers=[bytes(buffer) for buffer in raw["buffers"]],
                size=sum(len(frame) for frame in frames),
                content_size=len(parts[4]),
            )
            with self._changed:
                if channel == "iopub_channel":
                    self.iopub.append(message)
                else:
                    self.replies[message.parent_id] = message
                self._changed.notify_all()


@contextmanager
def start_kernel(generation: str = "latest", env: Mapping[str, str] | None = None) -> Iterator[Kernel]:
    """Start a kernel, its environment free of provider settings but for ``env``, and end it afterwards."""
    kernel = Kernel(generation, env)
    try:
        yield kernel
    finally:
        kernel.shutdown()


def _is_idle(message: Message) -> bool:
    return message.type == "status" and message.content["execution_state"] == "idle"


def _outputs(iopub: list[Message], msg_id: str) -> list[dict[str, Any]]:
    outputs: list[dict[str, Any]] = []
    displays: dict[str, list[dict[str, Any]]] = {}
    clear_first = False
    for message in list(iopub):
        content = message.content
        if message.type == "update_display_data":
            for shown in displays.get(content["transient"]["display_id"], []):
                shown.update(data=content["data"], metadata=content["metadata"])
        if message.parent_id != msg_id:
            continue
        if message.type == "clear_output":
            clear_first = content["wait"]
            if not clear_first:
                outputs.clear()
            continue
        if message.type not in ("stream", "display_data", "execute_result", "error"):
            continue
        if clear_first:
            outputs.clear()
            clear_first = False
        if message.type == "stream" and outputs and outputs[-1].get("name") == content["name"]:
            outputs[-1]["text"] += content["text"]
            continue
        output = {"output_type": message.type, **content}
        outputs.append(output)
        display_id = content.get("transient", {}).get("display_id")
        if display_id is not None:
            displays.setdefault(display_id, []).append(output)
    return outputs
