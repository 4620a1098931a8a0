"""Keys, and untrusted pages, in real kernels."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamwidget.demo import DemoServer
from tests.support.chat_kernels import CANARY, ChatKernel, View, start_chat_kernel
from tests.support.deadlines import SOON
from tests.support.notebooks import execute, notebook

pytestmark = pytest.mark.kernel

#: The key as it is, in base64, and in hexadecimal, as a careless dump could hold it.
FORMS = [CANARY, base64.b64encode(CANARY.encode()).decode()[:24], CANARY.encode().hex()]


@pytest.fixture(scope="module", params=["latest", "6.x"])
def chat(request: pytest.FixtureRequest) -> Iterator[ChatKernel]:
    """A kernel of the newest and of the oldest generation."""
    with start_chat_kernel(request.param) as started:
        yield started


DEBUG = """
import logging, io, asyncio
captured = io.StringIO()
logging.basicConfig(level=logging.DEBUG, stream=captured, force=True)
for name in ("httpx", "httpcore", "asyncio", "streamwidget", "comm", "traitlets"):
    logging.getLogger(name).setLevel(logging.DEBUG)
asyncio.get_running_loop().set_debug(True)
"""

#: Things that a person may look at, each in its own cell.
LOOKS = [
    "client = __import__('streamwidget').ChatClient(); client",
    "client.__dict__, vars(type(client))",
    "stream = client.stream('x'); stream",
    "vars(stream), vars(stream._work), stream._work.request",
    "_chat, vars(type(_chat))",
    "view = __import__('streamwidget').StreamView(stream); view.get_state()",
    "view.stop(); view.close()",
    "%config ChatMagics",
    "get_ipython().magics_manager.registry['ChatMagics'].__dict__",
    "%chat --traceback",
    "import json, pickle\npickle.dumps(_chat); str(_chat); _chat._repr_mimebundle_()",
]


def clean(text: str) -> bool:
    return not any(form in text for form in FORMS)


@pytest.mark.fault("S2", "absent from tracebacks in Plain, Context and Verbose, DEBUG logs, reprs and iopub")
@pytest.mark.parametrize(
    ("chat", "mode"),
    [("latest", "Plain"), ("latest", "Context"), ("latest", "Verbose"), ("6.x", "Verbose")],
    indirect=["chat"],
)
def test_the_key_is_in_nothing_that_a_kernel_shows(chat: ChatKernel, mode: str) -> None:
    """Failures of each kind in the person's own code, with all logs at DEBUG. Then everything is looked at."""
    chat.execute(DEBUG)
    chat.execute(f"%xmode {mode}")
    try:
        for model in ("demo-401-echo", "demo-500", "demo-drop", "demo-error", "demo-html", "nope"):
            for code in (
                f"%chat -m {model} x",
                f"import streamwidget as sw\nawait sw.ChatClient().stream('x', {model!r})",
            ):
                cell = chat.execute(code)
                assert cell.status == "error", code
                assert clean("\n".join(cell.traceback) + cell.stderr + cell.stdout), code
        # A failure in the midst of our own frames, with all their locals.
        broken = (
            "import streamwidget._client.exchange as e\nkept = e.StreamParser.feed\n"
            "def broken(self, chunk): raise LookupError('a bug')\n"
            "e.StreamParser.feed = broken\n"
            "try:\n    await sw.ChatClient().stream('x')\nfinally:\n    e.StreamParser.feed = kept"
        )
        bug = chat.execute(broken)
        assert "a bug" in "\n".join(bug.traceback)
        assert clean("\n".join(bug.traceback))
        for code in LOOKS:
            cell = chat.execute(code)
            assert clean(repr([cell.outputs, cell.traceback, cell.stdout, cell.stderr])), code
        logs: str = chat.value("captured.getvalue()")
        assert "httpcore" in logs  # they were written
        assert clean(logs)
    finally:
        chat.execute("%xmode Context")
        chat.execute("logging.basicConfig(force=True, level='WARNING'); asyncio.get_running_loop().set_debug(False)")


def test_the_net_has_no_hole(chat: ChatKernel) -> None:
    """The search of these tests finds a key in a traceback with locals."""
    chat.execute("%xmode Verbose")
    try:
        cell = chat.execute("def careless(key):\n    1 / 0\ncareless(__import__('os').environ['STREAMWIDGET_API_KEY'])")
    finally:
        chat.execute("%xmode Context")
    assert not clean("\n".join(cell.traceback))
    # Only this message of the kernel may hold it.
    chat.iopub[:] = [message for message in chat.iopub if message.parent_id != cell.msg_id]


@pytest.mark.fault("S2", "absent from the saved notebook and its widget state")
def test_the_key_is_not_in_a_saved_notebook(tmp_path: Path) -> None:
    """A notebook of answers, failures, kept views and looks at everything, run by nbclient and written to disk."""
    cells = [
        "%load_ext streamwidget",
        "%%chat\nan answer",
        "%%chat --keep\na kept view",
        "try:\n    %chat -m demo-401-echo x\nexcept Exception as exc:\n    print(exc, repr(exc), vars(exc))",
        *LOOKS,
    ]
    with DemoServer(tokens_per_second=0, first_delta=0) as server:
        run = notebook(*cells)
        execute(run, tmp_path, {"STREAMWIDGET_BASE_URL": server.url, "STREAMWIDGET_API_KEY": CANARY})
        assert all(record.headers["authorization"].endswith(CANARY[-4:]) for record in server.requests)
    saved = nbformat.writes(run)
    assert "a kept view" in saved
    assert "application/vnd.jupyter.widget-state+json" in saved
    assert clean(saved)


@pytest.fixture
def running(chat: ChatKernel) -> Iterator[View]:
    """The view of a ``--bg`` stream in mid-answer. It is stopped afterwards."""
    with chat.in_background("under attack") as view:
        yield view


SETTINGS = ["base_url", "api_key", "headers", "model", "http_client", "stream", "_stream", "timeout", "api_key_env"]


@pytest.mark.fault("S8", "address, headers and key are no synced traits; an update of them is ignored")
def test_the_page_cannot_change_where_requests_go(chat: ChatKernel, running: View) -> None:
    """Widgets have no such trait. Updates for them change nothing, and the next request goes to the same address."""
    for data in chat.comm_opens().values():
        assert not set(SETTINGS) & set(data["state"])
        assert chat.server.url not in repr(data["state"])
    for name in SETTINGS:
        state = {name: "http://127.0.0.1:9/evil"}
        chat.comm_send(running.model_id, {"method": "update", "state": state, "buffer_paths": []})
        running.send({"op": "retry", **state})
        running.send({"op": "sync", **state})
        chat.control({"op": "stop", "id": "x", **state})
    before = len(chat.server.requests)
    assert chat.execute("%%chat\nstill here").status == "ok"
    assert len(chat.server.requests) == before + 1
    assert chat.asked("under attack").ended is None
    assert "evil" not in repr([message.content for message in list(chat.iopub)])


TRAITS = ["state", "_esm", "bundle", "max_height", "layout", "_dom_classes", "tooltip", *SETTINGS]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=8), children, max_size=3),
    max_leaves=6,
)
OPS = st.sampled_from(["sync", "retry", "continue", "stop ", "Stop", "delta", "end", "state", "x" * 5000])
CONTENTS = JSON | st.fixed_dictionaries({"op": OPS | JSON}, optional={"page": JSON, "id": JSON, "text": JSON})
DATA = st.fixed_dictionaries({"method": st.just("custom"), "content": CONTENTS}) | st.fixed_dictionaries(
    {"method": st.sampled_from(["update", "request_state", "echo_update", "", "close"]) | JSON},
    optional={"state": JSON | st.dictionaries(st.sampled_from(TRAITS), JSON | st.text(), min_size=1)},
)


@pytest.mark.fault("S9", "unknown, oversized and ill-typed messages change nothing and raise nothing that is seen")
def test_no_message_of_a_page_does_harm(chat: ChatKernel, running: View) -> None:
    """Any JSON, on the view's comm and on the control comm: the stream goes on, no trait changes, the kernel lives."""
    before = len(chat.server.requests)
    opened = dict(chat.comm_opens())

    @settings(max_examples=150, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(DATA, CONTENTS)
    def attack(data: Any, content: Any) -> None:
        chat.comm_send(running.model_id, data)
        chat.control(content)

    attack()
    for trait in TRAITS:
        chat.comm_send(running.model_id, {"method": "update", "state": {trait: "evil"}, "buffer_paths": []})
    running.send({"op": "x" * 10_000_000})
    chat.control({"op": "stop", "id": "x" * 10_000_000})
    cell = chat.execute("6 * 7", timeout=60)
    assert (cell.text, cell.stderr) == ("42", "")
    assert chat.asked("under attack").ended is None
    assert len(chat.server.requests) == before
    assert dict(chat.comm_opens()) == opened
    said = [message.content["data"] for message in list(chat.iopub) if message.type == "comm_msg"]
    assert {data["method"] for data in said if data.get("method") not in ("custom", "update")} == set()
    running.wait("delta", count=2)
    chat.control({"op": "stop", "id": running.opened["key"]})
    assert running.wait("end")["outcome"] == "cancelled"
    assert chat.asked("under attack").left.wait(SOON)
