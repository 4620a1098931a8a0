"""The memory of ``%chat`` from one cell to the next: the conversations, the settings and the last failure."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamwidget._client.config import Defaults, default_system, set_defaults
from streamwidget._conversation.conversation import Conversation
from streamwidget._conversation.kept_answers import KeptAnswers
from streamwidget._core.completion import ChatCompletion
from streamwidget._core.subscribers import at_end
from streamwidget._core.visible import visible
from streamwidget._notebook import front_end
from streamwidget._notebook.cell_record import CellRecord
from streamwidget._notebook.cell_turns import CellTurns
from streamwidget._notebook.place import answers_path
from streamwidget._notebook.terminal import write
from streamwidget._notebook.turn_outputs import TurnOutputs

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from streamwidget._core.exceptions import StreamError
    from streamwidget._core.stream import ChatStream
    from streamwidget._notebook.reuse import Asked


@dataclass(frozen=True, slots=True)
class ChatSettings:
    """The values of ``%config ChatMagics``, each under the name of its trait."""

    model: str | None = None
    system: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    max_turns: int | None = None
    max_history_tokens: int | None = None
    timeout: Mapping[str, float | None] = field(default_factory=dict)
    stop_unseen: float | None = None
    keep: bool = False
    provider: str | None = None
    base_url: str | None = None
    api_key_env: str | None = None
    headers_env: Mapping[str, str] = field(default_factory=dict)
    gguf: str | None = None
    reuse: bool = False
    client: str | None = None
    budget: str | float | None = None


class Session:
    """The state behind the magics of one shell. Its settings are the defaults of all clients of the process.

    Attributes
    ----------
    shell : InteractiveShell
    settings : ChatSettings
        Change it with :meth:`configure`.
    conversations : dict of str to Conversation
        By name. ``""`` is the name of the main conversation.
    cells : CellTurns
        The turns of the running cell.
    record : CellRecord
        The cells so far, and the last error.
    outputs : TurnOutputs
        The outputs with the turns.
    failure : StreamError or None
        The last one.
    """

    def __init__(self, shell: InteractiveShell, settings: ChatSettings) -> None:
        self.shell = shell
        self.settings = settings
        self.conversations: dict[str, Conversation] = {}
        self.cells = CellTurns(self.conversations)
        self.record = CellRecord(shell, self.cells.place)
        self.outputs = TurnOutputs()
        self.failure: StreamError | None = None
        #: The requests of the turns, by their keys.
        self.asked: dict[str, Asked] = {}
        self.offered_to_resume = False
        self._folder = Path.cwd()  # a cell may change it
        self._answers: KeptAnswers | None = None
        #: The names of models in the last list of a server.
        self.listed_models: list[str] = []
        #: The hosts and keys' variables in the notices so far.
        self.named: set[tuple[str, str]] = set()
        self._configured = settings  # by the config file
        self._execution: str | None = None
        self._notices: list[str] = []
        self._set_defaults()

    @property
    def variables(self) -> dict[str, Any]:
        """The person's variables."""
        variables: dict[str, Any] = self.shell.user_ns
        return variables

    @property
    def names_server(self) -> bool:
        """True if a cell set the server or the key's variable, and not the config file."""
        return any(
            getattr(self.settings, name) not in (None, getattr(self._configured, name))
            for name in ("base_url", "provider", "api_key_env", "headers_env")
        )

    @property
    def in_kernel(self) -> bool:
        """True in a notebook, False in a terminal."""
        return front_end.in_kernel(self.shell)

    @property
    def last_answer(self) -> ChatCompletion | None:
        """The value of ``_chat``, if it is an answer."""
        answer = self.variables.get("_chat")
        return answer if isinstance(answer, ChatCompletion) else None

    @property
    def kept_answers(self) -> KeptAnswers:
        """The file of the answers that ``reuse`` shows again."""
        path = answers_path(self.shell, self._folder)
        if self._answers is None or self._answers.path != path:
            self._answers = KeptAnswers(path)
        return self._answers

    def forget_asked(self) -> None:
        """Drop what turns were asked with that no conversation has any more."""
        keys = {turn.key for conversation in self.conversations.values() for turn in conversation.turns}
        self.asked = {key: asked for key, asked in self.asked.items() if key in keys}

    def configure(self, settings: ChatSettings) -> None:
        """Use these settings from now on.

        A conversation gets only the changed ones. Otherwise an imported conversation would lose its system prompt.
        """
        before, self.settings = self.settings, settings
        self._set_defaults()
        for conversation in self.conversations.values():
            if settings.system != before.system:
                conversation.system = default_system()
            if settings.max_turns != before.max_turns:
                conversation.max_turns = settings.max_turns
            if settings.max_history_tokens != before.max_history_tokens:
                conversation.max_tokens = settings.max_history_tokens

    def conversation(self, name: str = "") -> Conversation:
        """Return the conversation of this name, a new one if needed. ``""`` and ``"default"`` are the main one."""
        name = "" if name == "default" else name
        if name not in self.conversations:
            settings = self.settings
            self.conversations[name] = Conversation(
                default_system(), max_turns=settings.max_turns, max_tokens=settings.max_history_tokens
            )
        return self.conversations[name]

    def close(self) -> None:
        """Let the session's settings be the defaults of clients no longer."""
        set_defaults(Defaults())

    def notify(self, notices: list[str]) -> None:
        """Print lines for the person now, or in the next cell if none runs: a starting kernel has no place for them."""
        self._notices += notices
        if not self.in_kernel or front_end.execution_id(self.shell) is not None:
            self._print_notices()

    def begin_cell(self, info: Any) -> None:
        """Note the cell that runs. IPython calls this before each cell (``pre_run_cell``)."""
        execution = front_end.execution_id(self.shell)
        if execution is not None and execution == self._execution:
            return  # a cell inside of the running cell: %%capture, run_cell
        self._execution = execution
        self._print_notices()
        self.record.begin(getattr(info, "cell_id", None))
        self.cells.begin(getattr(info, "cell_id", None), front_end.deleted_cells(self.shell))

    def keep_answer(self, stream: ChatStream, name: str | None) -> None:
        """Put the stream's completion into ``_chat`` when it ends, and into the variable ``name`` if there is one."""

        def keep() -> None:
            completion = stream.completion
            self.variables["_chat"] = completion
            if name is not None:
                self.variables[name] = completion

        stream.subscribe(at_end(keep))

    def _set_defaults(self) -> None:
        set_defaults(Defaults(**{field.name: getattr(self.settings, field.name) for field in fields(Defaults)}))

    def _print_notices(self) -> None:
        for notice in self._notices:
            write(sys.stderr, f"{visible(notice)}\n")
        self._notices.clear()
