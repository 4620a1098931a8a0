"""Consent on a kernel that receives nothing from the page while a cell runs."""

from __future__ import annotations

import pytest

from tests.support.chat_kernels import ChatKernel
from tests.support.deadlines import SOON
from tests.support.tool_models import MODEL_IN_CELL

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("chat", ["6.x"], indirect=True)
def test_a_deaf_kernel_says_so_at_once(chat: ChatKernel) -> None:
    """The model and the person are told what to do. In the background the page can answer."""
    chat.execute(MODEL_IN_CELL)
    chat.execute("from streamwidget._client import tool_loop\ntool_loop.PAGE_PATIENCE = 600")
    cell = chat.execute_async("%%chat --once --client it --tools remove\nRemove it.", cell_id="c-1").wait(SOON)
    assert (cell.status, chat.value("ran")) == ("ok", [])
    assert "The tool said: Not run: nobody could be asked: ipykernel 6" in cell.text
    assert "remove did not run: nobody could be asked: ipykernel 6" in chat.value("_chat.warnings[0].detail")
    cell = chat.execute_async("%%chat --bg --once --client it --tools remove\nRemove it.", cell_id="c-2")
    view = chat.view(cell)
    cell.wait(SOON)
    view.send({"op": "sync", "page": "p"})
    asks = view.wait("asks")["asks"]
    view.send({"op": "confirm", "key": asks[0]["key"], "decision": "once"})
    view.wait("end")
    assert chat.value("ran") == ["x"]
