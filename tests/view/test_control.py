"""The comms by which pages reach a kernel beside its cells."""

from __future__ import annotations

from typing import Any

import pytest
from comm import DummyComm

from streamwidget._view import control


class Receiver:
    """A view. It counts what it hears."""

    heard = 0

    def hear(self, _message: Any) -> None:
        self.heard += 1


def test_a_speaking_page_is_heard_however_often_another_one_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each load of a page leaves a comm behind. The last speakers are kept, and no more."""
    monkeypatch.setattr(control, "_comms", {})
    monkeypatch.setattr(control, "_KEPT", 3)
    manager = control._manager()
    view = Receiver()
    control.register("view", view.hear)

    def load(name: str) -> None:
        comm = DummyComm(target_name=control.TARGET, comm_id=name, primary=False)
        manager.register_comm(comm)
        control._opened(comm, {})

    load("first")
    for number in range(10):
        load(f"second {number}")
        manager.comm_msg(None, None, {"content": {"comm_id": "first", "data": {"op": "stop", "id": "view"}}})
        assert view.heard == number + 1
    assert [*control._comms] == ["second 8", "second 9", "first"]
    kept = [name for name in manager.comms if name == "first" or name.startswith("second")]
    assert set(kept) == set(control._comms)
    for name in kept:
        manager.unregister_comm(manager.comms[name])
