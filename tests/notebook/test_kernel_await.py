"""The cell awaits: what Run All, variables and history see, on each generation of kernel."""

from __future__ import annotations

import pytest

from tests.support.chat_kernels import ChatKernel

pytestmark = pytest.mark.kernel


def test_run_all_gives_the_next_cell_the_whole_answer(chat: ChatKernel) -> None:
    """Of three cells queued at once the second sees the first one's whole answer, and all end in their order."""
    cells = [
        chat.execute_async("%%chat\nrun all, a long answer"),
        chat.execute_async("print(_chat.outcome, _chat.timing.deltas, len(_chat.text))"),
        chat.execute_async("y = %chat run all, a long answer\nprint(y.text == _chat.text)"),
    ]
    for cell in cells:
        cell.wait()
    assert [cell.status for cell in cells] == ["ok"] * 3
    assert cells[0].replied_at < cells[1].replied_at < cells[2].replied_at
    outcome, deltas, length = cells[1].stdout.split()
    assert (outcome, deltas) == ("complete", "1200")
    assert len(chat.view(cells[0]).replay()) == int(length)
    assert cells[2].stdout == "True\n"


def test_a_cell_shows_its_answer_once(chat: ChatKernel) -> None:
    """One display with the answer as its text. No Out and no printed text, in both forms of the magic."""
    for number, code in enumerate(("%%chat\nshown once", "%chat shown once", "x = %chat shown once")):
        cell = chat.execute(code)
        assert [output["output_type"] for output in cell.outputs] == ["display_data"], code
        assert not [message for message in cell.messages if message.type == "execute_result"], code
        answer = chat.value("_chat.text")
        assert cell.text.count(answer) == 1, code
        assert cell.text.startswith(answer)
        assert number + 1 == sum(
            record.body["messages"][-1]["content"].strip() == "shown once" for record in chat.server.requests
        )


def test_the_answer_is_in_chat_and_in_the_variables_that_were_named(chat: ChatKernel) -> None:
    """``_chat``, ``x = %chat`` and ``-o NAME`` hold the same ChatCompletion."""
    chat.execute("%%chat -o named\nfor a name")
    assert chat.value("[type(_chat).__name__, named is _chat, named.outcome]") == ["ChatCompletion", True, "complete"]
    chat.execute("assigned = %chat -o also for another")
    assert chat.value("[assigned == _chat, also is _chat, named is _chat, assigned.outcome]") == [
        True,
        True,
        False,
        "complete",
    ]


def test_a_reassigned_variable_is_never_a_coroutine(chat: ChatKernel) -> None:
    """Code in the same cell can use the value at once."""
    cell = chat.execute("length = len((get_ipython().run_line_magic('chat', 'a value')).text)\nprint(length > 100)")
    assert (cell.status, cell.stdout) == ("ok", "True\n")


def test_history_shows_what_was_typed(chat: ChatKernel) -> None:
    """``_i``, ``In`` and %history hold the cell as it was typed, without the await."""
    typed = "%%chat -t 0.5\nas {typed}"
    chat.execute(typed)
    assert chat.execute("print(_i)").stdout.strip() == typed
    chat.execute("z = %chat a line")
    history = chat.execute("%history -l 3").stdout
    assert "z = %chat a line" in history
    assert typed.splitlines()[0] in history
    assert "await" not in history
    assert "await" not in chat.execute("print(In[-2])").stdout


def test_two_cells_streams_never_mix(chat: ChatKernel) -> None:
    """Queued cells stream one after the other, each into its own view."""
    cells = [chat.execute_async(f"%%chat\nqueue number {number}") for number in range(3)]
    for number, cell in enumerate(cells):
        cell.wait()
        text = chat.view(cell).replay()
        assert f"queue number {number}" in text
        assert cell.text.startswith(text)


def test_gather_runs_streams_side_by_side(chat: ChatKernel) -> None:
    """Streams from Python run at the same time in one cell, beside an awaited magic."""
    cell = chat.execute(
        "import asyncio, streamwidget as sw\n"
        "client = sw.ChatClient()\n"
        "both = asyncio.gather(*(client.stream(f'gather {i}', demo={'tokens': 50 + i}) for i in range(2)))\n"
        "r = %chat gather beside\n"
        "print([c.timing.deltas for c in await both], r.outcome)"
    )
    assert (cell.status, cell.stdout) == ("ok", "[50, 51] complete\n")
