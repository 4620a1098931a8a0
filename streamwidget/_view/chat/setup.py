"""How a chat begins: its greeting, its prompts to choose from, and its slash commands."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.surrogates import well_formed
from streamwidget._core.visible import one_line
from streamwidget._view.transcript import JSON

#: A prompt, or a function that makes one of the words after the command. It may return None: nothing is asked.
Command: TypeAlias = str | Callable[[str], str | None]

_NAME = re.compile(r"/?([^\s/]+)")
_TYPED = re.compile(r"/(\S+)\s*(.*)", re.DOTALL)
_INPUT = re.compile(r"\{\{\s*input\s*\}\}")
_ABOUT = 80  # characters of a description


class NotACommand(Exception):
    """A prompt begins with a slash, and no command has that name. Or the command failed."""


@dataclass(frozen=True, slots=True)
class Setup:
    """The greeting, the prompts and the commands of one chat. They do not change.

    Attributes
    ----------
    greeting : str
        Markdown. It is shown above the conversation, and never sent.
    prompts : sequence of str
        Each may have variables. Example: ``"Translate {{text}}."``
    commands : mapping
        Names without their slash.
    rates : bool
        True if people can rate answers.

    Raises
    ------
    ConfigurationError
        If something is not of its type.
    """

    greeting: str = ""
    prompts: Sequence[str] = ()
    commands: Mapping[str, Command] = field(default_factory=dict)
    rates: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.greeting, str):
            raise ConfigurationError(f"greeting is Markdown text, not {type(self.greeting).__name__}.")
        if isinstance(self.prompts, str) or not all(
            isinstance(prompt, str) and prompt.strip() for prompt in self.prompts
        ):
            raise ConfigurationError('prompts is a list of texts. Example: prompts=["Explain {{term}}."]')
        if not isinstance(self.commands, Mapping):
            raise ConfigurationError('commands is a dict. Example: commands={"fix": "Fix this: {{input}}"}')
        named: dict[str, Command] = {}
        for name, command in self.commands.items():
            found = _NAME.fullmatch(name) if isinstance(name, str) else None
            if found is None:
                raise ConfigurationError(f"The command {name!r} needs a name of one word. Example: 'fix'")
            if not isinstance(command, str) and (not callable(command) or inspect.iscoroutinefunction(command)):
                raise ConfigurationError(
                    f"The command /{found[1]} is a prompt or a function(text) that returns one, not "
                    f"{type(command).__name__}."
                )
            named[found[1]] = command
        object.__setattr__(self, "prompts", tuple(self.prompts))
        object.__setattr__(self, "commands", named)

    def for_page(self) -> JSON:
        """Return what the page shows."""
        return {
            "greeting": well_formed(self.greeting),
            "prompts": [well_formed(prompt) for prompt in self.prompts],
            "commands": [
                {"name": f"/{name}", "about": well_formed(_about(command))} for name, command in self.commands.items()
            ],
            "feedback": self.rates,
        }

    def expand(self, typed: str) -> str | None:
        r"""Return the prompt for a typed text. None if a command was run that asks nothing.

        Raises
        ------
        NotACommand
            If there is no such command, or its function fails.

        Examples
        --------
        >>> setup = Setup(commands={"fix": "Fix this: {{input}}", "sum": "Sum up our talk."})
        >>> setup.expand("/fix 1 + = 2"), setup.expand("/sum In German."), setup.expand("Hello")
        ('Fix this: 1 + = 2', 'Sum up our talk.\n\nIn German.', 'Hello')
        """
        found = _TYPED.fullmatch(typed)
        if found is None or not self.commands:
            return typed
        name, rest = found[1], found[2].strip()
        if name not in self.commands:
            known = ", ".join(f"/{one}" for one in self.commands)
            raise NotACommand(
                f"There is no command /{name}. Commands: {known}. To send it as text, begin with a space."
            )
        command = self.commands[name]
        if isinstance(command, str):
            if _INPUT.search(command):
                return _INPUT.sub(lambda _: rest, command)
            return "\n\n".join(filter(None, [command, rest]))
        try:
            prompt = command(rest)
        except Exception as exc:  # a person's function may raise anything
            raise NotACommand(f"/{name} failed with {type(exc).__name__}: {exc}. Nothing was sent.") from exc
        if prompt is not None and not isinstance(prompt, str):
            raise NotACommand(f"/{name} returned {type(prompt).__name__}, not a prompt. Nothing was sent.")
        return prompt


def _about(command: Command) -> str:
    text = command if isinstance(command, str) else inspect.getdoc(command) or ""
    return one_line(text, _ABOUT)
