"""The line of %chat: options, then text as it was typed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.error import UsageError
from IPython.core.magic_arguments import MagicArgumentParser

from streamwidget._notebook.magic_line import split_line
from tests.support.servers import CANARY


def parser() -> MagicArgumentParser:
    """Return a parser with the magic's kinds of options."""
    made = MagicArgumentParser()
    made.add_argument("-m", "--model")
    made.add_argument("-t", "--temperature", type=float)
    made.add_argument("--max-tokens", type=int)
    made.add_argument("--bg", action="store_true")
    return made


def split(line: str) -> tuple[dict[str, object], str]:
    options, text = split_line(parser(), line)
    return {name: value for name, value in vars(options).items() if value not in (None, False)}, text


@pytest.mark.parametrize(
    ("line", "options", "text"),
    [
        ("", {}, ""),
        ("what's up?  two  spaces", {}, "what's up?  two  spaces"),
        ("-m demo what's up?", {"model": "demo"}, "what's up?"),
        ("-m=demo x", {"model": "demo"}, "x"),
        ("--model demo --bg x -m y", {"model": "demo", "bg": True}, "x -m y"),
        ("--model=demo -t 0.5 --max-tokens 7 x", {"model": "demo", "temperature": 0.5, "max_tokens": 7}, "x"),
        ("-t -1 x", {"temperature": -1.0}, "x"),
        ('-m "two words" x', {"model": "two words"}, "x"),
        ("-m 'two words'", {"model": "two words"}, ""),
        ("--bg -- -m is an option", {"bg": True}, "-m is an option"),
        ("- a list item", {}, "- a list item"),
        ('"quoted" text', {}, '"quoted" text'),
        ("x --bg", {}, "x --bg"),
        ("$5 and {x} \\n", {}, "$5 and {x} \\n"),
    ],
)
def test_options_end_at_the_first_other_word(line: str, options: dict[str, object], text: str) -> None:
    """The rest is the prompt, character by character."""
    assert split(line) == (options, text)


@pytest.mark.parametrize(
    ("typed", "near"),
    [
        ("--modle", "--model"),
        ("-model", "--model"),
        ("--Model", "--model"),
        ("-M", "-m"),
        ("--temp", "--temperature"),
        ("--max_tokens", "--max-tokens"),
        ("--maxtokens=5", "--max-tokens"),
        ("--background", None),
        ("-x", None),
    ],
)
def test_a_mistyped_option_names_the_near_one(typed: str, near: str | None) -> None:
    """Only where one is near."""
    with pytest.raises(UsageError) as refused:
        split(f"{typed} hello")
    assert f"Did you mean {near}?" in str(refused.value) if near else "mean" not in str(refused.value)


@pytest.mark.parametrize("typed", ["--help", "-h"])
def test_a_typed_help_names_the_help(typed: str) -> None:
    """It is not taken for the misspelling of another option."""
    with pytest.raises(UsageError, match=r"^`%chat\?` shows the help"):
        split(typed)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=1))
def test_text_after_two_dashes_is_kept(text: str) -> None:
    """The text may look like an option."""
    assert split(f"--bg -- {text}") == ({"bg": True}, text)


@given(st.text())
def test_no_line_raises_anything_but_a_usage_error(line: str) -> None:
    """A line is understood or refused with one line of text."""
    try:
        split(line)
    except UsageError as refused:
        assert len(str(refused)) < 300  # noqa: PT017  (most lines are fine)


@pytest.mark.parametrize("line", ["--nope x", "-x", "-m", "--model", "-t warm x", "--max-tokens 1.5 x"])
def test_an_option_that_cannot_be_used_is_refused(line: str) -> None:
    """Unknown, without its value, or of the wrong kind."""
    with pytest.raises(UsageError):
        split(line)


@pytest.mark.parametrize(
    "line",
    [
        f"--api-key {CANARY} x",
        f"--api-key={CANARY} x",
        f"--api_key={CANARY}",
        f"--key {CANARY}",
        f"-key {CANARY}",
        f"--API-KEY={CANARY}",
        f"--token {CANARY} x",
        f"--secret={CANARY}",
        f"-m {CANARY} x",
        f"--model={CANARY} x",
        f"--{CANARY}",
    ],
)
@pytest.mark.fault("S4", "refused, the variable named, the key not repeated")
def test_a_key_on_the_line_is_refused_and_not_repeated(line: str) -> None:
    """The refusal names the environment variable instead (S4)."""
    with pytest.raises(UsageError, match="STREAMWIDGET_API_KEY") as caught:
        split(line)
    assert CANARY not in str(caught.value)


def test_words_about_keys_are_no_keys() -> None:
    """A prompt may speak of them."""
    assert split("what is an api-key? --key sk-") == ({}, "what is an api-key? --key sk-")
