"""``%%chat -m a -m b`` and ``sw.compare`` in a real kernel: the saved table, the turn, the choice, and an interrupt."""

from __future__ import annotations

import pytest

from streamwidget._saved.kept_turn import TURNS as KEPT
from tests.support.chat_kernels import WIDGET, ChatKernel, View
from tests.support.kernels import Message

pytestmark = pytest.mark.kernel

#: The models on the line, the outcomes of their answers, and the place of the one that is kept.
CASES = (
    ("-m demo -m demo", ["complete", "complete"], 0),
    ("-m demo-401 -m demo", ["http_error", "complete"], 1),
    ("-m demo-drop -m demo -m demo-401", ["interrupted", "complete", "http_error"], 1),
    ("-m demo-length -m demo-401", ["length", "http_error"], 0),
)
TABLE = "[one.outcome for one in result.answers], [one is result.kept for one in result.answers].index(True)"
TURNS = "[(turn.user.text, turn.answer.text) for turn in _conversation.turns]"
OFFERS = "list(__import__('streamwidget._notebook.side_by_side', fromlist=['_offered'])._offered)"
WITH_CODE = """
import streamwidget as sw
models = [lambda messages: f"{len(messages)} messages", sw.ChatClient()]
result = await sw.compare("And now?", models, conversation=_conversation)
"""


def choose(chat: ChatKernel, place: int, says: str) -> None:
    """Choose as the page does, by the control comm, and wait for the table with these words.

    The page's tools get it too, for a reloaded page.
    """
    name = chat.value(f"{OFFERS}[-1]")
    chosen = f"streamwidget-compared-{name}-"
    shown: list[object] = []
    chat.iopub.clear()
    chat.control({"op": "keep", "id": name, "place": place})

    def both(one: Message) -> bool:
        data = one.content.get("data", {})
        if one.type == "update_display_data" and chosen in data["text/html"]:
            shown.append(data)
        sent = data.get("content", {}) if one.type == "comm_msg" else {}
        return bool(shown) and sent == {"chosen": chosen, "data": shown[-1]}

    chat.wait_for(both)
    assert len(shown) == 1  # a second one would take the focus from the button
    assert says in str(shown[0])


def views_in(chat: ChatKernel, box: str) -> list[View]:
    """Return the views in a box. Their comms came before its own."""
    state = chat.comm_opens()[box]["state"]
    if state.get("_model_module") == "anywidget":
        return [View(chat, box)]
    return [view for child in state.get("children", ()) for view in views_in(chat, child.removeprefix("IPY_MODEL_"))]


@pytest.mark.fault("T16", "the others go on, and the first complete answer is kept")
@pytest.mark.parametrize("chat", ["latest"], indirect=True)
def test_models_beside_each_other(chat: ChatKernel) -> None:
    """Each ends by its own rules. The kept one is the turn, and a choice replaces it while that is the last."""
    for line, outcomes, kept in CASES:
        cell = chat.execute(f"%%chat --new {line} -o result\ncount to 50")
        assert (cell.status, cell.stderr, chat.value(TABLE)) == ("ok", "", (outcomes, kept)), line
        assert chat.value("_chat is result.kept")
        assert chat.value(TURNS) == [("count to 50", chat.value("result.kept.text"))]
        (output,) = cell.outputs
        assert set(output["data"]) == {"text/html", "text/plain", KEPT}
        assert WIDGET not in str(output)
        assert output["data"]["text/plain"].startswith(chat.value("str(result)"))
    choose(chat, 0, "Kept: 1. demo-length")

    cell = chat.execute("%%chat --new -m demo-401 -m demo-drop\ncount to 50")
    assert (cell.status, cell.traceback[0][:26]) == ("error", "HTTPStatusError (HTTP 401)")
    assert "Kept: none" in cell.outputs[0]["data"]["text/plain"]

    assert chat.execute("%%chat --new -m demo\ncount to 3").status == "ok"
    assert chat.execute(WITH_CODE).status == "ok"
    assert chat.value(TURNS)[1:] == [("And now?", "3 messages")]
    choose(chat, 1, "your choice")
    assert chat.value("result.kept is result.answers[1]")
    assert chat.value(TURNS)[1:] == [("And now?", chat.value("result.kept.text"))]
    choose(chat, 0, "Kept: 1. <lambda>(), your choice")
    assert chat.value(TURNS)[1:] == [("And now?", "3 messages")]
    assert chat.execute("%%chat -m demo\ncount to 3").status == "ok"
    choose(chat, 1, "after a later question, so nothing has changed")
    assert chat.value(TURNS)[1] == ("And now?", "3 messages")
    assert chat.value("result.kept is result.answers[0]")

    chat.iopub.clear()
    cell = chat.execute_async("%%chat --new -m demo-slow -m demo-slow\ncount to 50")
    box = chat.view(cell).model_id
    views = views_in(chat, box)
    for view in views:
        view.wait("snapshot")
        view.send({"op": "sync", "page": "first"})
        view.wait("snapshot", count=2)
    chat.interrupt()
    cell.wait()
    assert cell.traceback == ["Interrupted: all streams are closed. What came of the kept answer is in _chat."]
    assert chat.value("_chat.outcome") == "cancelled"
    assert cell.outputs[0]["data"]["text/plain"].count("stopped by you; the text so far is kept") == 2

    # A page has missed the update, so it shows the box still. It gets the saved form, and then all closes.
    for view in views:
        view.send({"op": "saved", "page": "first"})
    saved = views[0].wait("saved")
    assert saved == {"op": "saved", "view": box, "mimebundle": cell.outputs[0]["data"], "metadata": {}}
    assert "saved" not in {message["op"] for message in views[1].messages}
    for view in views:
        view.send({"op": "left", "page": "first"})
    closed: set[str] = set()

    def all_closed(one: Message) -> bool:
        if one.type == "comm_close":
            closed.add(one.content["comm_id"])
        return {box, *(view.model_id for view in views)} <= closed

    chat.wait_for(all_closed)
