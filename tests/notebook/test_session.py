"""The session behind the magics: conversations and settings without the magics class."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from streamwidget._core.completion import ChatCompletion
from streamwidget._notebook.session import ChatSettings, Session
from tests.support import wings


@pytest.fixture
def session() -> Iterator[Session]:
    """A session of a shell without the extension."""
    InteractiveShell.clear_instance()
    shell = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))
    yield Session(shell, ChatSettings(system="terse", max_turns=3))
    InteractiveShell.clear_instance()


def test_only_the_extension_imports_the_magics() -> None:
    """Requests, commands and the session do not know the class in front of them."""
    importers = {one.importer for one in wings.imports() if one.imported == "_notebook.magics"}
    assert importers == {"_notebook.extension"}


def test_a_conversation_is_made_once_with_the_settings(session: Session) -> None:
    """``""`` and ``"default"`` are the main one."""
    main = session.conversation()
    assert session.conversation("default") is main
    assert session.conversation("side") is not main
    assert (main.system, main.max_turns, main.max_tokens) == ("terse", 3, None)


def test_a_conversation_gets_only_the_changed_settings(session: Session) -> None:
    """An imported system prompt stays when another setting changes."""
    main = session.conversation()
    main.system = "imported"
    session.configure(replace(session.settings, max_turns=5, max_history_tokens=100))
    assert (main.system, main.max_turns, main.max_tokens) == ("imported", 5, 100)
    session.configure(replace(session.settings, system=None))
    assert main.system is None


def test_the_last_answer_is_an_answer(session: Session) -> None:
    """A person may put anything into ``_chat``."""
    assert session.last_answer is None
    session.variables["_chat"] = "text"
    assert session.last_answer is None
    answer = session.variables["_chat"] = ChatCompletion("text")
    assert session.last_answer is answer
