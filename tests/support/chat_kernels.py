"""Kernels with the extension loaded, each beside a demo server, and the rules that hold for all that they publish.

``start_chat_kernel`` looks at everything its kernel published when it ends it: the key is nowhere, no widget speaks
after it is closed, each view's messages are numbered without a gap, and nothing raised behind the cells' backs.
"""

from __future__ import annotations

import ast
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from streamwidget.demo import DemoServer
from streamwidget.demo._records import RequestRecord
from tests.support.deadlines import SOON, until
from tests.support.kernels import AS_NEW, Execution, Kernel, Message

CANARY = "sk-canary-5e1f0b7a9c2d4e6f8a1b"
WIDGET = "application/vnd.jupyter.widget-view+json"
UNSEEN = ("Traceback", "never retrieved", "never awaited", "subscriber of a stream raised")


@dataclass(frozen=True, slots=True)
class View:
    """One StreamView as a page knows it."""

    kernel: ChatKernel
    model_id: str

    @property
    def messages(self) -> list[dict[str, Any]]:
        """Its custom messages so far: its own, and its part of the shared ones."""
        said = self._reader()
        return [content for message in list(self.kernel.iopub) for content in said(message)]

    @property
    def opened(self) -> dict[str, Any]:
        """Its state as comm_open carried it."""
        state: dict[str, Any] = self.kernel.comm_opens()[self.model_id]["state"]
        return state

    def wait(self, *ops: str, count: int = 1) -> dict[str, Any]:
        """Wait for the ``count``-th message of one of these kinds (any kind by default) and return it."""
        found: list[dict[str, Any]] = []
        said = self._reader()

        def fits(message: Message) -> bool:
            found.extend(content for content in said(message) if not ops or content["op"] in ops)
            return len(found) >= count

        self.kernel.wait_for(fits)
        return found[count - 1]

    def _reader(self) -> Callable[[Message], list[dict[str, Any]]]:
        opened = self.kernel.comm_opens().get(self.model_id)
        bundle, key = (None, None) if opened is None else (opened["state"].get(of) for of in ("bundle", "key"))

        def read(message: Message) -> list[dict[str, Any]]:
            content = message.content
            if message.type != "comm_msg" or content["data"]["method"] != "custom":
                return []
            said = content["data"]["content"]
            if content["comm_id"] == self.model_id:
                return [said]
            return said["views"].get(key, []) if content["comm_id"] == bundle else []

        return read

    def send(self, content: Any, *, subshell: bool = False) -> None:
        """Send a custom message, as ``model.send`` does."""
        self.kernel.widget_send(self.model_id, content, subshell_id=self.kernel.subshell if subshell else None)

    def replay(self) -> str:
        """Return the text of a page that took every message. AssertionError if the messages do not fit together."""
        text, seq, over = "", 0, False
        for message in self.messages:
            if message["op"] in ("saved", "ping"):
                continue  # no part of the view's text
            op, number = message["op"], message["seq"]
            repeats = op == "snapshot" and number == seq
            holds_all = op == "snapshot" and number > seq and not over  # all messages up to its number
            if not repeats and not holds_all and (over or number != seq + 1):
                raise AssertionError(f"{op} {number} after {seq}{' and the end' if over else ''} in {self.model_id}")
            if op == "snapshot" and not message["text"].startswith(text):
                raise AssertionError(f"snapshot {number} takes back text of {self.model_id}")
            text = message["text"] if op == "snapshot" else text + message.get("text", "")
            seq, over = number, over or op == "end"
        return text


class ChatKernel(Kernel):
    """A kernel with the extension loaded. ``server`` is its demo server. ``subshell`` is one as JupyterLab makes it."""

    def __init__(self, generation: str, server: DemoServer) -> None:
        self._settings = {"STREAMWIDGET_BASE_URL": server.url, "STREAMWIDGET_API_KEY": CANARY}
        super().__init__(generation, self._settings)
        self.server = server
        self.subshell = self.create_subshell() if self.has_subshells else None
        self._control: str | None = None

    def load(self) -> None:
        """Load the extension, which prints nothing."""
        loaded = self.execute("%load_ext streamwidget")
        if (loaded.status, loaded.stdout, loaded.stderr) != ("ok", "", ""):
            raise AssertionError(f"%load_ext: {loaded.traceback} {loaded.stdout} {loaded.stderr}")

    def renew(self) -> None:
        """Forget all that was done, and load the extension again."""
        cell = self.execute(AS_NEW % self._settings)
        if cell.status != "ok":
            raise AssertionError(cell.traceback)
        self.iopub.clear()
        self.replies.clear()
        self.server.reset()
        self._control = None
        self.load()

    def value(self, expression: str) -> Any:
        """Return the value of an expression whose repr is a literal. History, ``_`` and ``_i`` do not see it."""
        content = {"code": "", "silent": True, "store_history": False, "user_expressions": {"value": expression}}
        found = self.request("execute_request", {**content, "allow_stdin": False})["user_expressions"]
        if found["value"]["status"] != "ok":
            raise AssertionError(f"{expression}: {found['value']['ename']}: {found['value']['evalue']}")
        return ast.literal_eval(found["value"]["data"]["text/plain"])

    def until(self, expression: str) -> None:
        """Wait until an expression is true in the kernel. Each look also lets the kernel's loop run."""
        until(lambda: self.value(f"bool({expression})"), expression)

    def view(self, cell: Execution, number: int = 0) -> View:
        """Wait for a cell's ``number``-th view and return it."""
        shown: list[str] = []

        def fits(message: Message) -> bool:
            if (
                message.parent_id == cell.msg_id
                and message.type == "display_data"
                and WIDGET in message.content["data"]
            ):
                shown.append(message.content["data"][WIDGET]["model_id"])
            return len(shown) > number

        self.wait_for(fits)
        return View(self, shown[number])

    def streaming(self, code: str, cell_id: str | None = None) -> tuple[Execution, View]:
        """Run a cell up to the first text of its stream."""
        cell = self.execute_async(code, cell_id=cell_id)
        view = self.view(cell)
        view.wait("snapshot")
        return cell, view

    @contextmanager
    def in_background(self, prompt: str) -> Iterator[View]:
        """Give the view of a ``--bg`` stream in mid-answer, whose cell has ended. It is stopped afterwards."""
        cell, view = self.streaming(f"%%chat --bg -m demo-slow\n{prompt}")
        cell.wait()
        yield view
        view.send({"op": "stop"})
        view.wait("end")

    def asked(self, prompt: str) -> RequestRecord:
        """Wait for a request with this prompt and return the newest."""
        deadline = time.monotonic() + SOON
        while True:
            seen = self.server.requests
            for record in reversed(seen):
                if record.body["messages"][-1]["content"].strip() == prompt:
                    return record
            self.server.wait_for_requests(len(seen) + 1, deadline - time.monotonic())

    def control(self, data: Any) -> None:
        """Send on the control comm, opened on a subshell as JupyterLab does."""
        if self._control is None:
            self._control = self.comm_open("streamwidget.control", subshell_id=self.subshell)
        self.comm_send(self._control, data, subshell_id=self.subshell)

    def check(self) -> None:
        """Look at all that was published. AssertionError if it breaks a rule."""
        closed: set[str] = set()
        for message in list(self.iopub):
            said = repr((message.content, message.metadata, message.buffers))
            if CANARY[:16] in said:
                raise AssertionError(f"the key is in {message.type}: {said[:500]}")
            if message.type == "comm_close":
                closed.add(message.content["comm_id"])
            elif message.type == "comm_msg" and message.content["comm_id"] in closed:
                raise AssertionError(f"a message after the close: {said[:500]}")
            if message.type == "stream" and any(sign in said for sign in UNSEEN) and not _asked_for(said):
                raise AssertionError(f"something raised unseen: {said[:2000]}")
        for comm_id, data in self.comm_opens().items():
            if "StreamView" in str(data["state"].get("_anywidget_id")):
                View(self, comm_id).replay()


def _asked_for(said: str) -> bool:
    return "The full traceback" in said or "_core.exceptions." in said  # what `%chat --traceback` prints


@contextmanager
def start_chat_kernel(generation: str) -> Iterator[ChatKernel]:
    """Start a kernel and its server, load the extension, and check at the end what was published."""
    with DemoServer(tokens_per_second=1000, first_delta=0.01) as server:
        kernel = ChatKernel(generation, server)
        try:
            kernel.load()
            yield kernel
            kernel.check()
        finally:
            kernel.shutdown()
