"""What a view says to the page, what it hears from it, and what it leaves in the notebook."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from streamwidget._saved.kept_turn import TURNS
from tests.support.chat_kernels import ChatKernel, View
from tests.support.deadlines import SOON
from tests.support.kernels import Execution

pytestmark = pytest.mark.kernel


def about(chat: ChatKernel, view: View, kind: str) -> list[dict[str, Any]]:
    """The contents of the messages of one type on the view's comm."""
    return [m.content for m in list(chat.iopub) if m.type == kind and m.content["comm_id"] == view.model_id]


def states_of(chat: ChatKernel) -> dict[str, dict[str, Any]]:
    """All widgets' states, asked for as a page does that was reloaded."""
    comm = chat.comm_open("jupyter.widget.control", metadata={"version": "1.0.0"})
    chat.comm_send(comm, {"method": "request_states"})
    answer = chat.wait_for(lambda m: m.type == "comm_msg" and m.content["comm_id"] == comm, SOON)
    return {model: entry["state"] for model, entry in answer.content["data"]["states"].items()}


@pytest.fixture
def running(chat: ChatKernel) -> Iterator[View]:
    """The view of a ``--bg`` stream in mid-answer. It is stopped afterwards."""
    with chat.in_background("mid-stream") as view:
        yield view


def test_the_messages_of_a_view_are_numbered_and_join_to_the_text(chat: ChatKernel) -> None:
    """``seq`` counts from 1 without a gap, the deltas join to the text, and the last message is the only ``end``."""
    cell = chat.execute("%%chat\na long answer, numbered")
    view = chat.view(cell)
    messages = view.messages
    assert [message["seq"] for message in messages] == list(range(1, len(messages) + 1))
    assert [message["op"] for message in messages] == ["snapshot", *["delta"] * (len(messages) - 2), "end"]
    text = chat.value("_chat.text")
    assert messages[0]["text"] + "".join(message["text"] for message in messages[1:-1]) == text == view.replay()
    end = messages[-1]
    assert (end["outcome"], end["timing"]["deltas"], end["tokens"]) == ("complete", 1200, 1200)
    # Letters that may begin the key wait. Such a delta counts when it comes, and is shown with the next one.
    assert messages[0]["timing"]["deltas"] + sum(m["deltas"] for m in messages[1:-1]) >= 1180
    assert len(messages) <= 20 * end["timing"]["total"] + 4


def test_the_first_message_tells_what_the_headers_told(chat: ChatKernel) -> None:
    """The first text comes as a snapshot with the model, the stream's id and the demo mark."""
    view = chat.view(chat.execute("%%chat -m demo\nwho answers?"))
    first = view.messages[0]
    assert (first["phase"], first["model"], first["demo"], first["outcome"]) == ("streaming", "demo", True, None)
    assert first["id"] == view.opened["state"]["id"]


def test_comm_open_carries_a_state_of_a_stream_that_waits(chat: ChatKernel) -> None:
    """The view is in the page before the request is answered, with an empty snapshot."""
    view = chat.view(chat.execute("%%chat\nopened"))
    state = view.opened["state"]
    assert (state["seq"], state["phase"], state["text"], state["outcome"]) == (0, "waiting", "", None)


def test_no_trait_changes_while_it_runs(chat: ChatKernel) -> None:
    """Deltas are messages: no state update goes out. A swapped view sends none at its end either."""
    view = chat.view(chat.execute("%%chat\nno updates"))
    methods = {content["data"]["method"] for content in about(chat, view, "comm_msg")}
    assert methods == {"custom"}


def test_sync_is_answered_with_all_that_was_sent(chat: ChatKernel, running: View) -> None:
    """A snapshot's text is the text of the messages up to its ``seq``. It uses up no number."""
    for count in (2, 3):
        running.send({"op": "sync"})
        snapshot = running.wait("snapshot", count=count)
        assert snapshot["phase"] == "streaming"
        assert snapshot["text"]
        running.replay()
        before = [message for message in running.messages if message["seq"] <= snapshot["seq"]]
        assert snapshot["text"].startswith(before[0]["text"])
    running.wait("delta", count=2)


def test_request_states_in_mid_stream_gives_the_text_so_far(chat: ChatKernel, running: View) -> None:
    """A page that was reloaded learns the text and the number of the last message that it contains."""
    running.wait("delta")
    state = states_of(chat)[running.model_id]["state"]
    assert state["phase"] == "streaming"
    upto = [message for message in running.messages if message["seq"] <= state["seq"]]
    assert state["text"] == "".join(message.get("text", "") for message in upto)
    assert len(upto) >= 2
    assert state["seq"] == upto[-1]["seq"]


HOSTILE: list[Any] = [
    {"op": "x"},
    {"op": ["stop"]},
    {"op": None},
    {"op": "retry"},
    {"op": "continue"},
    {"op": "sync", "page": ["x"]},
    {"stop": "op"},
    {},
    [],
    ["stop"],
    "stop",
    None,
    7,
    {"op": "x" * 3_000_000},
]


@pytest.mark.fault("S9", "ignored: nothing changes, raises or stops")
def test_unknown_messages_are_ignored(chat: ChatKernel, running: View) -> None:
    """Whatever a page says beside the known words changes nothing, raises nothing, and stops nothing."""
    for content in HOSTILE:
        running.send(content)
        chat.control(content)
    for data in (
        {"op": "stop"},
        {"op": "stop", "id": None},
        {"op": "stop", "id": ["x"]},
        {"op": "stop", "id": "x" * 99},
    ):
        chat.control(data)
    assert chat.execute("1 + 1").text == "2"
    assert chat.asked("mid-stream").ended is None
    running.wait("delta", count=2)


@pytest.mark.parametrize("trait", ["state", "_esm", "bundle", "max_height", "_dom_classes", "layout", "code", "css"])
@pytest.mark.fault("S9", "updates of traits are ignored, and not echoed")
def test_the_page_sets_no_trait(chat: ChatKernel, running: View, trait: str) -> None:
    """An update of the state, the code or anything else is ignored, and not echoed to other pages."""
    before = states_of(chat)
    model = running.opened["bundle"] if trait in ("code", "css") else running.model_id
    for value in ("evil", {"text": "evil"}, ["evil"], 666):
        update = {"method": "update", "state": {trait: value}, "buffer_paths": []}
        chat.comm_send(model, update)
    assert chat.execute("1 + 1").stderr == ""
    assert "evil" not in repr([m.content for m in list(chat.iopub) if m.type == "comm_msg"])
    if trait != "state":
        assert states_of(chat)[model][trait] == before[model][trait]


def test_the_saved_output_is_static_and_its_comms_are_closed(chat: ChatKernel) -> None:
    """At the end the answer is in the view's place, with a footer. The widget has no layout, and is closed."""
    cell = chat.execute("%%chat\nsaved")
    (output,) = cell.outputs
    assert set(output["data"]) == {"text/html", "text/plain", "text/markdown", TURNS}
    text = chat.value("_chat.text")
    assert output["data"]["text/plain"].startswith(text)
    assert "demo" in output["data"]["text/plain"].splitlines()[-1]
    assert "<h2>saved</h2>" in output["data"]["text/html"]
    view = chat.view(cell)
    assert view.opened["layout"] is None
    assert view.model_id in closed_by(cell)  # and perhaps one that waited for the pages of a test before
    assert view.model_id not in states_of(chat)
    updates = cell.updates
    own = [m for m in cell.messages if m in updates or m.content.get("comm_id") == view.model_id]
    order = [m.type for m in own if m.type in ("update_display_data", "comm_close") or is_end(m.content)]
    assert order == ["comm_msg", "update_display_data", "comm_close"]


def test_keep_leaves_the_view(chat: ChatKernel) -> None:
    """With ``--keep`` the widget stays, and its whole state goes out once, for the page that saves the notebook."""
    cell = chat.execute("%%chat --keep\nkept alive")
    view = chat.view(cell)
    chat.wait_for(
        lambda m: (
            m.type == "comm_msg" and m.content["data"]["method"] == "update" and m.content["comm_id"] == view.model_id
        )
    )
    assert "application/vnd.jupyter.widget-view+json" in cell.outputs[0]["data"]
    assert not closed_by(cell)
    (update,) = [c["data"]["state"]["state"] for c in about(chat, view, "comm_msg") if c["data"]["method"] == "update"]
    assert (update["phase"], update["outcome"], update["text"]) == ("over", "complete", chat.value("_chat.text"))
    assert update["seq"] == view.messages[-1]["seq"]
    assert states_of(chat)[view.model_id]["state"] == update


def test_keep_can_be_the_default(chat: ChatKernel) -> None:
    """``%config ChatMagics.keep = True`` does what ``--keep`` does."""
    chat.execute("%config ChatMagics.keep = True")
    try:
        cell = chat.execute("%%chat\nkept by default")
    finally:
        chat.execute("%config ChatMagics.keep = False")
    assert not closed_by(cell)


def test_a_view_speaks_at_most_twenty_times_a_second(chat: ChatKernel) -> None:
    """At 200 deltas a second they travel together, and the flushes keep their distance in the kernel's own time."""
    cell = chat.execute(
        "import streamwidget as sw\n"
        "stream = sw.ChatClient().stream('pace', demo={'tokens': 300, 'tokens_per_second': 200})\n"
        "view = sw.StreamView(stream)\ndisplay(view)\nawait view; view.close()"
    )
    view = chat.view(cell)
    assert len(view.messages) <= 20 * view.messages[-1]["timing"]["total"] + 2
    assert len(view.messages) >= 5
    assert len(view.replay()) == chat.value("len(view.completion.text)")


def test_twelve_views_share_one_pace(chat: ChatKernel) -> None:
    """All views of a kernel together send at most about a hundred messages a second."""
    cell = chat.execute(
        "import asyncio, streamwidget as sw\nclient = sw.ChatClient()\n"
        "options = {'tokens': 200, 'tokens_per_second': 200}\n"
        "views = [sw.StreamView(client.stream(f'pace {i}', demo=options)) for i in range(12)]\n"
        "_ = await asyncio.gather(*(asyncio.ensure_future(v._stream._result()) for v in views))\n"
        "print(max(v.completion.timing.total for v in views))\n"
        "for v in views: v.close()"
    )
    said = [m for m in cell.messages if m.type == "comm_msg" and m.content["data"]["method"] == "custom"]
    assert len(said) <= 100 * float(cell.stdout) + 2 * 12
    assert all(earlier.at <= later.at for earlier, later in pairwise(said))


def closed_by(cell: Execution) -> set[str]:
    return {message.content["comm_id"] for message in cell.messages if message.type == "comm_close"}


def is_end(content: dict[str, Any]) -> bool:
    said = content.get("data", {}).get("content", {}) if "comm_id" in content else {}
    return isinstance(said, dict) and said.get("op") == "end"
