"""``%%chat`` and ``%chat``: a prompt in a cell, its answer under it.

Here are the settings, the options, and who does the work: :mod:`streamwidget._notebook.request` makes the request,
:mod:`streamwidget._notebook.wait` waits for it, :mod:`streamwidget._notebook.commands` is for what asks nothing.
The cell awaits (see :mod:`streamwidget._notebook.cell_transform`): the magic returns a coroutine where its caller is
one, and waits where it is not. Both ways run the same stream, shown by the same view and stopped by the same method.
"""

# IPython ships its magic_arguments without types.
# mypy: disable-error-code="no-untyped-call, untyped-decorator"

from __future__ import annotations

import re
import sys
from argparse import Namespace
from collections.abc import Callable
from typing import Any, TypeVar

import traitlets
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand
from IPython.core.magic_arguments import argument, magic_arguments

from streamwidget._client.servers import SERVERS, server_named
from streamwidget._conversation.conversation import Conversation
from streamwidget._core.completion import ChatCompletion
from streamwidget._core.events import Finish, StreamEvent
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.stream import ChatStream
from streamwidget._notebook import cell_transform, display
from streamwidget._notebook.cell_turns import CellTurns
from streamwidget._notebook.commands import COMMANDS
from streamwidget._notebook.magic_line import split_line
from streamwidget._notebook.request import make_client, make_stream
from streamwidget._notebook.wait import Waiting

T = TypeVar("T")


@magics_class
class ChatMagics(Magics):
    """Defaults of ``%%chat`` and ``%chat``; see and set them with ``%config ChatMagics``."""

    model = traitlets.Unicode(None, allow_none=True, help="The model, where -m names none.").tag(config=True)
    system = traitlets.Unicode(None, allow_none=True, help="The system prompt, where -s gives none.").tag(config=True)
    temperature = traitlets.Float(None, allow_none=True, help="Sampling temperature.").tag(config=True)
    max_tokens = traitlets.Int(None, allow_none=True, help="The longest answer, in tokens.").tag(config=True)
    max_turns = traitlets.Int(
        None, allow_none=True, min=0, help="How many earlier turns a request carries, the newest; None: all."
    ).tag(config=True)
    max_history_tokens = traitlets.Int(
        None, allow_none=True, min=0, help="About how many tokens of earlier turns a request carries; None: all."
    ).tag(config=True)
    keep = traitlets.Bool(False, help="Leave the live widget in place of the saved answer.").tag(config=True)
    provider = traitlets.Unicode(
        None, allow_none=True, help=f"The server by name, where -p names none: {', '.join(SERVERS)}."
    ).tag(config=True)
    base_url = traitlets.Unicode(
        None,
        allow_none=True,
        help="The server, such as http://localhost:11434/v1; else the provider's, the environment's.",
    ).tag(config=True)
    # Its name, never its value: what a trait holds can be printed, saved and synced.
    api_key_env = traitlets.Unicode(
        None, allow_none=True, help="The NAME of the environment variable that holds the key for base_url."
    ).tag(config=True)

    shell: InteractiveShell

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self.turns = CellTurns()
        self._execution: str | None = None
        self.waiting = Waiting(in_kernel=display.in_kernel(shell))
        #: What %chat and %%chat were before, for unloading.
        self.replaced: dict[str, Any] = {}

    @traitlets.validate("api_key_env")
    def _is_a_name(self, proposal: dict[str, Any]) -> str | None:
        name: str | None = proposal["value"]
        if name is not None and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            # The value is not repeated: it may be a key.
            raise traitlets.TraitError("api_key_env takes the name of an environment variable, not a key.")
        return name

    @traitlets.validate("provider")
    def _is_known(self, proposal: dict[str, Any]) -> str | None:
        name: str | None = proposal["value"]
        if name is not None:
            try:
                server_named(name)
            except ConfigurationError as exc:
                raise traitlets.TraitError(str(exc)) from None
        return name

    @traitlets.observe("system", "max_turns", "max_history_tokens")
    def _apply_to_conversations(self, change: dict[str, Any]) -> None:
        attribute = "max_tokens" if change["name"] == "max_history_tokens" else change["name"]
        for conversation in self.turns.conversations.values():
            setattr(conversation, attribute, change["new"])

    @no_var_expand
    @line_cell_magic
    @magic_arguments()
    @argument("-m", "--model", help="The model to ask.")
    @argument("-p", "--provider", metavar="NAME", help="The server to ask, by name; an unknown name lists those known.")
    @argument("-s", "--system", help="The system prompt of this request.")
    @argument("-t", "--temperature", type=float, help="Sampling temperature.")
    @argument("--max-tokens", type=int, help="The longest answer, in tokens.")
    @argument("-o", "--out", metavar="NAME", help="Put the ChatCompletion into this variable too.")
    @argument("-c", "--conversation", metavar="NAME", default="", help="Continue this conversation, not the main one.")
    @argument("--new", action="store_true", help="Start the conversation over.")
    @argument("--once", action="store_true", help="Stand alone: neither send the conversation nor join it.")
    @argument("--no-stream", action="store_true", help="Ask for the whole answer at once.")
    @argument("--bg", action="store_true", help="Do not wait: the stream goes on while other cells run.")
    @argument("--keep", action="store_true", help="Leave the live widget in place of the saved answer.")
    @argument("--wire", action="store_true", help="Show what comes over the wire beside the answer.")
    @argument("--timeline", action="store_true", help="Show under the answer when its text came.")
    @argument("--raw", action="store_true", help="Send {{name}} as it stands.")
    @argument("--show-prompt", action="store_true", help="Print the messages as they are sent.")
    @argument("--history", action="store_true", help="%%chat --history: show the conversation, its turns numbered.")
    @argument("--send", type=int, metavar="N", help="%%chat --send N: send turn N with the next requests.")
    @argument("--skip", type=int, metavar="N", help="%%chat --skip N: do not send it.")
    @argument("--reset", action="store_true", help="%%chat --reset: empty the conversation.")
    @argument("--export", metavar="FILE", help="%%chat --export FILE: write the conversation, as .json or .md.")
    @argument("--import", dest="import_file", metavar="FILE", help="%%chat --import FILE: read a .json back.")
    @argument("--models", action="store_true", help="%%chat --models: list what the server offers.")
    @argument("--last", action="store_true", help="%%chat --last: show the last answer again.")
    @argument("--code", action="store_true", help="%%chat --code: put the last answer's code into the next cell.")
    @argument("--traceback", action="store_true", help="%%chat --traceback: show the last failure in full.")
    def chat(self, line: str, cell: str | None = None) -> Any:
        """Send a prompt; the answer streams in below.

        The body of the cell (or the rest of the line) is the prompt. ``{{name}}`` in it is replaced by the variable's
        text, or attaches the figure or image that it holds; all other braces stay. The notebook's conversation goes
        along; a cell that is run again replaces its own turn. The answer is in ``_chat``, as a ChatCompletion;
        ``x = %chat ...`` has it too. Stop keeps what has come. Keys come from the environment, never from this line.
        """
        options, text = split_line(self.chat.parser, line)  # type: ignore[union-attr]
        awaits = cell_transform.caller_awaits(sys._getframe())
        try:
            return self._run(options, text, cell, awaits=awaits)
        except ConfigurationError as exc:
            raise UsageError(str(exc)) from None

    def conversation(self, name: str = "") -> Conversation:
        """Return the conversation of this name; ``""`` and ``"default"`` are that of a ``%%chat`` without ``-c``."""
        name = "" if name == "default" else name
        conversations = self.turns.conversations
        if name not in conversations:
            conversations[name] = Conversation(
                self.system, max_turns=self.max_turns, max_tokens=self.max_history_tokens
            )
        return conversations[name]

    def note_cell(self, info: Any) -> None:
        """Remember which cell runs (a ``pre_run_cell`` callback)."""
        execution = display.execution_id(self.shell)
        if execution is not None and execution == self._execution:
            return  # a cell within that cell: %%capture, run_cell
        self._execution = execution
        self.turns.begin(getattr(info, "cell_id", None), display.deleted_cells(self.shell))

    def _run(self, options: Namespace, text: str, cell: str | None, *, awaits: bool) -> Any:
        chosen = vars(options)
        commands = [name for name in (*COMMANDS, "models") if chosen[name] is not None and chosen[name] is not False]
        if commands:
            if text or (cell or "").strip():
                raise ConfigurationError(f"--{commands[0].removesuffix('_file')} takes no prompt; nothing was sent")
            if commands[0] == "models":
                models = make_client(self, options).list_models()
                return self._wait(models.stream, lambda _: _print_models(models.names), awaits=awaits)
            COMMANDS[commands[0]](self, options)
            return _at_once(None) if awaits else None
        if cell is not None and text:
            raise ConfigurationError(f"unexpected {text[:40]!r} after %%chat: the prompt goes below, a model after -m")
        if options.out is not None and not options.out.isidentifier():
            raise ConfigurationError(f"-o takes the name of a variable, not {options.out[:40]!r}")
        if options.bg and not display.in_kernel(self.shell):
            raise ConfigurationError("--bg needs a notebook: a terminal runs nothing between two cells")
        if options.wire and not display.in_kernel(self.shell):
            raise ConfigurationError("--wire needs a notebook; --timeline serves in a terminal too")
        asked = make_stream(self, options, text if cell is None else cell)
        stream = asked.stream
        self._remember(stream, options.out)

        def again(other: ChatStream) -> None:
            asked.again(other)
            self._remember(other, options.out)

        shown = {"background": options.bg, "wire": options.wire, "timeline": options.timeline}
        display.present(stream, self.shell, keep=options.keep or self.keep, asked_again=again, **shown)
        if options.bg:
            stream.start()
            self.turns.leave_running(stream)
            return _at_once(stream) if awaits else stream
        return self._wait(stream, _itself, awaits=awaits)

    def _wait(self, stream: ChatStream, result: Callable[[ChatCompletion], T], *, awaits: bool) -> Any:
        if not awaits:
            return result(self.waiting.blocked(stream))

        async def awaited() -> T:
            return result(await self.waiting.awaited(stream))

        return awaited()

    def _remember(self, stream: ChatStream, name: str | None) -> None:
        def ended(events: list[StreamEvent]) -> None:
            if isinstance(events[-1], Finish):
                completion = stream.completion
                self.shell.user_ns["_chat"] = completion
                if name is not None:
                    self.shell.user_ns[name] = completion

        stream.subscribe(ended)


def _itself(completion: ChatCompletion) -> ChatCompletion:
    return completion


def _print_models(names: list[str]) -> None:
    print("\n".join(names) or "The server names no models.")  # noqa: T201


async def _at_once(value: T) -> T:
    """Give a cell that awaits what there is nothing to wait for."""
    return value
