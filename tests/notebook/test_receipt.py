"""``--receipt``: the request, under the answer, with the variables of the notebook by name and size."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from streamwidget.demo import DemoServer
from tests.support.pictures import PNG
from tests.support.shells import chat_shell, run


@pytest.fixture
def shell(server: DemoServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    monkeypatch.setenv("STREAMWIDGET_BASE_URL", server.url)
    with chat_shell() as made:
        yield made


def test_it_names_the_variables_and_shows_all_texts(shell: InteractiveShell) -> None:
    """The second turn sends the first one too, so its variable leaves again."""
    shell.user_ns.update(river="Elbe", dot=PNG)
    run(shell, "%chat -m demo How long is the {{river}}?")
    with capture_output() as printed:
        completion = run(shell, "%%chat -m demo --receipt\nAnd {{dot}}, {{len(river)}} of it?")
    receipt = completion.receipt
    assert [str(one) for one in receipt.variables] == [
        "river (4 characters)",
        f"dot ({len(PNG)} bytes)",
        "len(river) (1 character)",
    ]
    assert printed.stdout.rstrip().endswith(str(receipt).rstrip())
    assert "How long is the Elbe?" in printed.stdout
    assert "And [image 1], 4 of it?" in printed.stdout


def test_a_function_of_the_person_has_none(shell: InteractiveShell) -> None:
    """Its request is not ours, and the cell says so."""
    shell.user_ns["answer"] = lambda messages: f"{len(messages)} message"
    with capture_output() as printed:
        run(shell, "%chat --client answer --receipt Hello")
    assert "There is no receipt" in printed.stdout
