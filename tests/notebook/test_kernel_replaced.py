"""When a view that was replaced by the saved answer is closed: not before the page that shows it can do without."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.chat_kernels import ChatKernel, View
from tests.support.deadlines import SOON

pytestmark = pytest.mark.kernel


def shown_to_its_end(chat: ChatKernel) -> View:
    """A ``--bg`` stream that a page has spoken to, and that is over."""
    cell, view = chat.streaming("%%chat --bg -m demo-slow\nreplaced")
    cell.wait()
    view.send({"op": "sync", "page": "first"})
    view.wait("snapshot", count=2)
    view.send({"op": "stop"})
    view.wait("end")
    return view


def wait_closed(chat: ChatKernel, view: View) -> None:
    chat.wait_for(lambda m: m.type == "comm_close" and m.content["comm_id"] == view.model_id, SOON)


def is_closed(chat: ChatKernel, view: View) -> bool:
    chat.execute("None")  # what was sent before it has been handled
    return any(m.type == "comm_close" and m.content["comm_id"] == view.model_id for m in list(chat.iopub))


def test_a_page_that_shows_the_saved_answer_lets_the_view_go(chat: ChatKernel) -> None:
    """The view is open until the page says that it has left, and closed then."""
    view = shown_to_its_end(chat)
    assert not is_closed(chat, view)
    view.send({"op": "left", "page": "another"})
    assert not is_closed(chat, view)
    view.send({"op": "left", "page": "first"})
    wait_closed(chat, view)


def set_limit(chat: ChatKernel, module: str, name: str, value: float) -> None:
    """Set a limit in a module of the package."""
    cell = f"import streamwidget.{module} as module\nassert module.{name}\nmodule.{name} = {value}"
    assert chat.execute(cell).status == "ok"


@pytest.fixture
def waits_briefly(chat: ChatKernel) -> Iterator[None]:
    """A page has half a second, instead of ten, to answer after another page has left."""
    set_limit(chat, "_view.audience", "_ANSWERS", 0.5)
    yield
    set_limit(chat, "_view.audience", "_ANSWERS", 10)


@pytest.mark.usefixtures("waits_briefly")
def test_a_reloaded_page_is_given_the_saved_answer(chat: ChatKernel) -> None:
    """It asks, gets the mime bundle of the missed update, and its leave closes the view.

    The kernel asks whether the first page still shows the view. Nobody answers.
    """
    view = shown_to_its_end(chat)
    view.send({"op": "saved", "page": "second"})
    saved = view.wait("saved")
    updates = [m.content for m in list(chat.iopub) if m.type == "update_display_data"]
    bundles = [{"mimebundle": update["data"], "metadata": update["metadata"]} for update in updates]
    assert saved in [{"op": "saved", "view": view.model_id, **bundle} for bundle in bundles]
    view.send({"op": "left", "page": "second"})
    assert view.wait("ping")["view"] == view.model_id
    wait_closed(chat, view)


@pytest.mark.parametrize("second", ["", "\nsw.StreamView(_chat._stream)"], ids=["cut", "in two views"])
def test_each_view_hears_its_pages_beside_the_cells(chat: ChatKernel, second: str) -> None:
    """The offer to continue, and another view of the same stream, take nothing of what is said to the first view."""
    view = shown_to_its_end(chat)
    if second:
        chat.execute(second)
    name = view.opened["key"]
    chat.control({"op": "saved", "id": name, "page": "second"})
    assert view.wait("saved")["view"] == view.model_id
    for page in ("first", "second"):
        chat.control({"op": "left", "id": name, "page": page})
    wait_closed(chat, view)


def test_a_view_that_left_before_the_end_is_closed_at_the_end(chat: ChatKernel) -> None:
    """A cell whose output was cleared meanwhile leaves no widget behind."""
    cell, view = chat.streaming("%%chat --bg -m demo-slow\ncleared")
    cell.wait()
    view.send({"op": "sync", "page": "first"})
    view.send({"op": "left", "page": "first"})
    view.send({"op": "stop"})
    wait_closed(chat, view)


@pytest.fixture
def keeps_two(chat: ChatKernel) -> Iterator[None]:
    """Only two replaced views stay open without a page that asks about them, instead of 200."""
    set_limit(chat, "_notebook.live_then_static", "_KEPT", 2)
    yield
    set_limit(chat, "_notebook.live_then_static", "_KEPT", 200)


@pytest.mark.usefixtures("keeps_two")
def test_views_of_pages_that_never_came_back_are_closed_in_time(chat: ChatKernel) -> None:
    """A page that was closed never says that it left. The oldest of its views are closed."""
    views = [shown_to_its_end(chat) for _ in range(3)]
    wait_closed(chat, views[0])
    assert not is_closed(chat, views[1])


@pytest.mark.usefixtures("keeps_two")
def test_a_view_that_a_page_still_shows_is_never_closed(chat: ChatKernel) -> None:
    """In an Output the page cannot replace it. It asks in vain, and the answer stays there until the page leaves it."""
    shown = shown_to_its_end(chat)
    shown.send({"op": "saved", "page": "first"})
    shown.wait("saved")
    later = [shown_to_its_end(chat) for _ in range(3)]
    wait_closed(chat, later[0])
    assert not is_closed(chat, shown)
    shown.send({"op": "left", "page": "first"})
    wait_closed(chat, shown)


def test_an_output_that_is_shown_after_many_answers_has_its_answer(chat: ChatKernel) -> None:
    """25 answers ran since, and nothing asked about the first before."""
    first = shown_to_its_end(chat)
    cell = "for n in range(25):\n    await sw.show([str(n)])"
    assert chat.execute(f"import streamwidget as sw\n{cell}").status == "ok"
    assert not is_closed(chat, first)


def test_a_kept_view_has_no_saved_answer(chat: ChatKernel) -> None:
    """What a page may ask of it changes nothing: it stays."""
    cell, view = chat.streaming("%%chat --bg --keep -m demo-slow\nkept")
    cell.wait()
    view.send({"op": "stop"})
    view.wait("end")
    view.send({"op": "saved", "page": "first"})
    view.send({"op": "left", "page": "first"})
    assert not is_closed(chat, view)
    assert "saved" not in {message["op"] for message in view.messages}


def test_an_answer_in_an_output_is_there_although_no_page_had_spoken(chat: ChatKernel) -> None:
    """It is over before the page can say anything, and the page does not replace it there. So the view stays."""
    cell = chat.execute(
        "import ipywidgets, streamwidget as sw\nout = ipywidgets.Output()\nwith out:\n    await sw.show(['at once'])"
    )
    assert cell.status == "ok"
    view = chat.view(cell)
    assert not is_closed(chat, view)
    view.send({"op": "sync", "page": "first"})
    view.send({"op": "left", "page": "first"})
    wait_closed(chat, view)
    outside = chat.execute("await sw.show(['at once'])")
    assert is_closed(chat, chat.view(outside))
