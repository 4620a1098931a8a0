"""Completion of ``%chat`` and ``%%chat``: their options with their help, models, providers and variables.

Tab after this shows that:

- ``%%chat -`` and ``%%chat --mo``: the options. A list shows their help in the place of a kind.
- ``%%chat -m ``: the models of a server, once it has listed them in this session.
- ``%%chat -p ``: the providers.
- ``%%chat -c ``: the conversations of this session.
- ``{{`` in a prompt, ``--client`` and ``-o``: the person's variables.

IPython asks each of its matchers. Ours speaks for a ``%chat`` alone, and is silent everywhere else. IPython before 8.6,
as in Colab, shows a matcher one word and not the cell, so there it is not added.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from IPython.core import completer

from streamwidget._client.servers import SERVERS
from streamwidget._notebook.commands import COMMANDS
from streamwidget._notebook.options import OPTIONS, Option
from streamwidget._notebook.session import Session

if TYPE_CHECKING:
    from IPython.core.completer import CompletionContext, SimpleMatcherResult

#: ``%chat``, ``x = %chat``, ``%time %chat``, ``%%chat`` and ``%%time`` with a line ``%chat`` below.
_CALL = re.compile(r"(?:^|=|\s)(?P<magic>%%?chat)\s(?P<line>.*)\Z", re.DOTALL)
_VARIABLE = re.compile(r"\{\{[ \t]*\w*\Z")
_TOKEN = re.compile(r"\"[^\"]*\"|'[^']*'|\S+")
_NAME = "streamwidget"

#: A completion and its kind.
Found = Iterable[tuple[str, str]]


def install(shell: Any, session: Session) -> None:
    """Add our matcher to the shell's completer. A second call replaces that of the first."""
    uninstall(shell)
    if not hasattr(completer, "context_matcher"):
        return

    @completer.context_matcher(identifier=_NAME, priority=1)  # type: ignore[untyped-decorator]
    def match(context: CompletionContext) -> SimpleMatcherResult:
        return _result(context, session)

    shell.Completer.custom_matchers.append(match)


def uninstall(shell: Any) -> None:
    """Undo :func:`install`."""
    matchers = shell.Completer.custom_matchers
    matchers[:] = [matcher for matcher in matchers if getattr(matcher, "matcher_identifier", None) != _NAME]


def _result(context: CompletionContext, session: Session) -> SimpleMatcherResult:
    before = context.text_until_cursor
    word, found = "", list[tuple[str, str]]()
    if _VARIABLE.search(before) and _is_prompt(context):
        word = re.split(r"\{\{[ \t]*", before)[-1]
        found = list(_variables(session))
    elif (call := _CALL.search(before)) is not None:
        word, candidates = _in_line(call["magic"], call["line"])
        found = list(candidates(session))
    # The completer replaces its own token. It may begin within the word: `llama3.2:la` has the token `la`.
    hidden = len(word) - len(context.token)
    fits = [(text[hidden:], kind) for text, kind in found if text.startswith(word)] if hidden >= 0 else []
    return {
        "completions": [completer.SimpleCompletion(text=text, type=kind) for text, kind in fits],
        "suppress": bool(fits),
        "ordered": True,
    }


def _is_prompt(context: CompletionContext) -> bool:
    return context.full_text.lstrip().startswith("%%chat") or _CALL.search(context.text_until_cursor) is not None


def _variables(session: Session) -> Found:
    """Return the variables that the person made, with their classes."""
    hidden = session.shell.user_ns_hidden
    return [
        (name, type(value).__name__)
        for name, value in session.variables.items()
        if not name.startswith("_") and name not in hidden
    ]


def _in_line(magic: str, line: str) -> tuple[str, Callable[[Session], Found]]:
    """Return the word before the cursor, and what may stand in its place."""
    words = _TOKEN.findall(line)
    word = words.pop() if words and not line[-1:].isspace() else ""
    known = {flag: option for option in (*OPTIONS, *COMMANDS) for flag in option.flags}
    waits: Option | None = None  # an option before its value
    for earlier in words:
        option = None if waits else known.get(earlier.partition("=")[0])
        if waits is None and option is None:
            return word, lambda _: ()  # the prompt has begun
        waits = option if option and option.type is not None and "=" not in earlier else None
    if waits is None and word.startswith("-"):
        flag, has_value, value = word.partition("=")
        if has_value:
            return value, _VALUES.get(known[flag].name, _none) if flag in known else _none
        return word, lambda _: _options(COMMANDS if magic == "%chat" else ())
    return word, _none if waits is None else _VALUES.get(waits.name, _none)


def _options(commands: Iterable[Option]) -> Found:
    return [(flag, option.help) for option in (*OPTIONS, *commands) for flag in option.flags]


def _none(_: Session) -> Found:
    return ()


#: The values of an option, by its name.
_VALUES: dict[str, Callable[[Session], Found]] = {
    "model": lambda session: [(name, "model") for name in session.listed_models],
    "client": _variables,
    "out": _variables,
    "vars": _variables,
    "conversation": lambda session: [(name, "conversation") for name in session.conversations if name],
    "provider": lambda _: [(name, server.base_url or "provider") for name, server in SERVERS.items()],
}
