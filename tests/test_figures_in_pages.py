"""A figure of a guide that the code decides is the code's own: a changed limit leads to its sentence.

What a limit does is tested beside it. Figures that are measured are those of ``make bench`` and ``make scale``.
"""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest

import streamwidget as sw
from streamwidget._client import config, transport
from streamwidget._conversation import kept_answers, turn
from streamwidget._core import accumulator, attachments, data_text, tool_result
from streamwidget._dialects import anthropic_messages
from streamwidget._many import failures
from streamwidget._saved import kept_turn, wire
from streamwidget._sources import foreign, rich
from streamwidget._view import cut_answer
from streamwidget._view.chat import uploads
from streamwidget.doctor import _server
from tests.doctor.doctors import FAULTS, HEALTHY
from tests.support.kernels import ROOT
from tests.test_readme import GUIDES, README

KB, MB, MILLION = 2**10, 10**6, 2**20
PAGES = {**GUIDES, "README": README, "notes": (ROOT / "notebooks" / "README.md").read_text("utf-8")}
#: What ``make test`` adds to the faults of ``make doctors``: a kernel whose loop is blocked, and a slow websocket.
#: Without them the same two paths are healthy.
OF_A_KERNEL = 2


def source(path: str, assigned: str) -> float:
    """Return a number that is written in a file: ``source("js/src/grid/grid.ts", "KEPT")`` -> 120.0."""
    found = re.findall(rf"\b{assigned} ?[=:] ?\[?([\d_.]+)", (ROOT / path).read_text("utf-8"))
    assert len(found) == 1, (path, assigned)
    return float(found[0])


def default(function: object, name: str) -> float:
    """Return the default of an argument."""
    value: float = inspect.signature(function).parameters[name].default  # type: ignore[arg-type]
    return value


LESSONS = list((ROOT / "notebooks").glob("[12]*.ipynb"))
SWITCHED = sorted(path.name[:2] for path in LESSONS if "REAL = False" in path.read_text("utf-8"))

#: A guide, a sentence of it, and the number that stands at its {}.
FIGURES = [
    (
        "what_you_send",
        "a Markdown table of at most {} rows and {} columns",
        (data_text.MAX_ROWS, data_text.MAX_COLUMNS),
    ),
    ("what_you_send", "an array a list of at most {} values", data_text.MAX_VALUES),
    ("what_you_send", "A prompt takes {} files and {} MB", (uploads.MAX_FILES, attachments.MAX_SIZE / MB)),
    ("what_you_send", "A prompt takes {} files", source("js/src/chat/attachments.ts", "MOST")),
    ("what_you_send", "files and {} MB", source("js/src/chat/files.ts", "MOST") / MB),
    ("what_you_send", "the first {} characters are sent", attachments.MAX_SENT),
    ("chat_in_a_cell", "The kernel knows its last {} cut answers", cut_answer._MOST),
    ("conversations", "({} bytes count as one token)", turn._BYTES_A_TOKEN),
    ("save_and_run_again", "of each output at most {} MB", kept_turn.LARGEST / MB),
    ("save_and_run_again", "at most {} answers", kept_answers._MOST),
    ("stopping", "by interrupting the kernel after {} s", source("js/src/kernel/kernel_link.ts", "UNHEARD_MS") / 1000),
    ("stopping", "If Stop is not answered within {} s", source("js/src/kernel/kernel_link.ts", "UNHEARD_MS") / 1000),
    ("tools_and_values", "of {} KiB at most", tool_result.MAX_RESULT / KB),
    (
        "tools_and_values",
        "After {} requests the answer is cut (`max_steps={}`)",
        (default(sw.ChatClient.stream, "max_steps"),) * 2,
    ),
    ("tools_and_values", "(`max_steps={}`)", default(sw.ChatWidget, "max_steps")),
    ("show_a_stream", "cut at {} million characters", accumulator.MAX_TEXT / MILLION),
    ("show_a_stream", "A format of more than {} MB is left out", rich.MAX_FORMAT / MB),
    ("from_python", "cut at {} million characters", default(sw.ChatClient, "max_text") / MILLION),
    ("watch_a_stream", "a table of the first {} rows", wire._MOST),
    ("watch_a_stream", "at {} to 8 times the speed", source("js/src/wire/player.ts", "SPEEDS")),
    ("providers", "Without `max_tokens` it is {} tokens beside the thinking", anthropic_messages._MAX_TOKENS),
    ("providers", "An answer ends after {} tokens", source("streamwidget/_client/local.py", "longest(?!:)")),
    ("when_something_is_wrong", "for {} tokens, at most twice", _server.TOKENS),
    ("when_something_is_wrong", "an answer stops {} s after the last page has gone", config._VOILA_UNSEEN),
    ("when_something_is_wrong", "With {} arranged faults", len(FAULTS) + OF_A_KERNEL),
    ("when_something_is_wrong", "On {} healthy paths", len(HEALTHY) + OF_A_KERNEL),
    ("options_and_settings", "gets {headers} s for its headers and {total} s in all", config._LOCAL_LIMITS),
    ("options_and_settings", "Default: {} in Voila, 0 (never) elsewhere", config._VOILA_UNSEEN),
]

#: The same, where the figure is a word.
WORDS = [
    ("show_a_stream", "If none arrives within half a second", foreign._PATIENCE == 0.5),
    ("many_at_once", "Ten failures of one kind in a row", failures._ALIKE == 10),
    ("many_at_once", "From the ninth stream at once on", transport._MANY == 8),
    ("providers", "with one thread", source("streamwidget/_client/llamacpp.py", "n_threads") == 1),
    ("providers", "After ten idle minutes", source("streamwidget/_client/llamacpp.py", "sleep_idle_seconds") == 600),
    ("README", "Thirteen [lessons]", len(LESSONS) == 13),
    ("notes", "Thirteen lessons", len(LESSONS) == 13),
    ("notes", f"a real model answers in lessons {', '.join(SWITCHED[:-1])} and {SWITCHED[-1]}", len(SWITCHED) > 1),
    ("when_something_is_wrong", "asked again, three times in all", sw.RetryPolicy().attempts == 3),
]  # fmt: skip


@pytest.mark.parametrize(("guide", "sentence", "value"), FIGURES)
def test_a_figure_is_the_codes(guide: str, sentence: str, value: Any) -> None:
    """``at most 50 rows``."""
    named = value if isinstance(value, dict) else {}
    numbers = value if isinstance(value, tuple) else () if named else (value,)
    shown = sentence.format(*(f"{each:,g}" for each in numbers), **named)
    assert shown in " ".join(PAGES[guide].split())


@pytest.mark.parametrize(("guide", "sentence", "holds"), WORDS)
def test_a_figure_in_words_is_the_codes(guide: str, sentence: str, holds: bool) -> None:
    """``Ten failures``."""
    assert sentence in " ".join(PAGES[guide].split())
    assert holds
