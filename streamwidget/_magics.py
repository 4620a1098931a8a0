"""``%%chat`` and ``%chat``: a prompt in a cell, its answer under it.

The cell awaits (see :mod:`streamwidget._cell_transform`): the magic returns a coroutine where its caller is one, and
waits where it is not. Both ways run the same stream, shown by the same view and stopped by the same method.
"""

# IPython ships its magic_arguments without types.
# mypy: disable-error-code="no-untyped-call, untyped-decorator"

from __future__ import annotations

import asyncio
import os
import re
import sys
import traceback
from argparse import Namespace
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, TypeVar

import traitlets
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand
from IPython.core.magic_arguments import argument, magic_arguments

from streamwidget import _cell_transform, _display
from streamwidget._advice import explain
from streamwidget._chat_line import split_line
from streamwidget._client import ChatClient
from streamwidget._code import find_code
from streamwidget._completion import ChatCompletion
from streamwidget._config import OPENAI_URL
from streamwidget._events import Finish, StreamEvent
from streamwidget._exceptions import ConfigurationError, StreamError
from streamwidget._interpolate import interpolate
from streamwidget._loop import interrupts
from streamwidget._secrets import mask
from streamwidget._stream import ChatStream

T = TypeVar("T")


class ChatInterrupted(KeyboardInterrupt):
    """The cell was interrupted; the stream is closed and its text kept."""

    def _render_traceback_(self) -> list[str]:
        return [f"Interrupted: {self}"]


@magics_class
class ChatMagics(Magics):
    """Defaults of ``%%chat`` and ``%chat``; see and set them with ``%config ChatMagics``."""

    model = traitlets.Unicode(None, allow_none=True, help="The model, where -m names none.").tag(config=True)
    system = traitlets.Unicode(None, allow_none=True, help="The system prompt, where -s gives none.").tag(config=True)
    temperature = traitlets.Float(None, allow_none=True, help="Sampling temperature.").tag(config=True)
    max_tokens = traitlets.Int(None, allow_none=True, help="The longest answer, in tokens.").tag(config=True)
    keep = traitlets.Bool(False, help="Leave the live widget in place of the saved answer.").tag(config=True)
    base_url = traitlets.Unicode(
        None, allow_none=True, help="The server, such as http://localhost:11434/v1; else the environment's."
    ).tag(config=True)
    # Its name, never its value: what a trait holds can be printed, saved and synced.
    api_key_env = traitlets.Unicode(
        None, allow_none=True, help="The NAME of the environment variable that holds the key for base_url."
    ).tag(config=True)

    shell: InteractiveShell

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self._last_failure: StreamError | None = None
        self._background: dict[str, ChatStream] = {}
        self._cell_id: str | None = None
        #: What %chat and %%chat were before, for unloading.
        self.replaced: dict[str, Any] = {}

    @traitlets.validate("api_key_env")
    def _is_a_name(self, proposal: dict[str, Any]) -> str | None:
        name: str | None = proposal["value"]
        if name is not None and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            # The value is not repeated: it may be a key.
            raise traitlets.TraitError("api_key_env takes the name of an environment variable, not a key.")
        return name

    @no_var_expand
    @line_cell_magic
    @magic_arguments()
    @argument("-m", "--model", help="The model to ask.")
    @argument("-s", "--system", help="The system prompt.")
    @argument("-t", "--temperature", type=float, help="Sampling temperature.")
    @argument("--max-tokens", type=int, help="The longest answer, in tokens.")
    @argument("-o", "--out", metavar="NAME", help="Put the ChatCompletion into this variable too.")
    @argument("--no-stream", action="store_true", help="Ask for the whole answer at once.")
    @argument("--bg", action="store_true", help="Do not wait: the stream goes on while other cells run.")
    @argument("--keep", action="store_true", help="Leave the live widget in place of the saved answer.")
    @argument("--raw", action="store_true", help="Send {{name}} as it stands.")
    @argument("--show-prompt", action="store_true", help="Print the messages as they are sent.")
    @argument("--last", action="store_true", help="%%chat --last: show the last answer again.")
    @argument("--code", action="store_true", help="%%chat --code: put the last answer's code into the next cell.")
    @argument("--traceback", action="store_true", help="%%chat --traceback: show the last failure in full.")
    def chat(self, line: str, cell: str | None = None) -> Any:
        """Send a prompt; the answer streams in below.

        The body of the cell (or the rest of the line) is the prompt. ``{{name}}`` in it is replaced by the variable's
        text; all other braces stay. The answer is in ``_chat``, as a ChatCompletion; ``x = %chat ...`` has it too.
        Stop keeps what has come. Keys come from the environment, never from this line.
        """
        options, text = split_line(self.chat.parser, line)  # type: ignore[union-attr]
        awaits = _cell_transform.caller_awaits(sys._getframe())
        if options.traceback:
            self._show_traceback()
            return _at_once(None) if awaits else None
        if options.last:
            self._show_last()
            return _at_once(None) if awaits else None
        if options.code:
            self._put_code()
            return _at_once(None) if awaits else None
        if cell is not None and text:
            raise UsageError(f"unexpected {text[:40]!r} after %%chat: the prompt goes below, a model after -m")
        try:
            stream = self._stream(options, text if cell is None else cell)
        except ConfigurationError as exc:
            raise UsageError(str(exc)) from None
        _display.present(stream, self.shell, keep=options.keep or self.keep)
        if options.bg:
            self._run_in_background(stream)
            return _at_once(stream) if awaits else stream
        return self._awaited(stream) if awaits else self._waited(stream)

    # ---- the request

    def _stream(self, options: Namespace, prompt: str) -> ChatStream:
        if options.out is not None and not options.out.isidentifier():
            raise UsageError(f"-o takes the name of a variable, not {options.out[:40]!r}")
        if options.bg and not _display.in_kernel(self.shell):
            raise UsageError("--bg needs a notebook: a terminal runs nothing between two cells")
        if not options.raw:
            prompt, undefined = interpolate(prompt, self.shell.user_ns)
            for name in undefined:
                print(f"{{{{{name}}}}} is no variable here; it is sent as it stands.", file=sys.stderr)  # noqa: T201
        messages: list[Mapping[str, Any]] = [{"role": "user", "content": prompt}]
        system = self.system if options.system is None else options.system
        if system:
            messages.insert(0, {"role": "system", "content": system})
        if not prompt.strip():
            raise UsageError("the prompt is empty; nothing was sent")
        if options.show_prompt:
            for message in messages:
                print(f"[{message['role']}]\n{message['content'].rstrip()}\n")  # noqa: T201
        client = ChatClient(self.base_url, self._key(), options.model or self.model)
        stream = client.request(messages, None, self._params(options, client), stream=not options.no_stream)
        stream.subscribe(lambda events: self._remember(stream, options.out, events))
        return stream

    def _params(self, options: Namespace, client: ChatClient) -> dict[str, Any]:
        params: dict[str, Any] = {}
        temperature = self.temperature if options.temperature is None else options.temperature
        max_tokens = self.max_tokens if options.max_tokens is None else options.max_tokens
        if temperature is not None:
            params["temperature"] = temperature
        if max_tokens is not None:
            # OpenAI's newer models refuse the old name; other servers know no other.
            params["max_completion_tokens" if client.base_url == OPENAI_URL else "max_tokens"] = max_tokens
        return params

    def _key(self) -> str | None:
        if self.api_key_env is None:
            return None
        key = os.environ.get(self.api_key_env)
        if not key:
            raise UsageError(f"the environment variable {self.api_key_env} (ChatMagics.api_key_env) is not set")
        return key

    def _remember(self, stream: ChatStream, name: str | None, events: list[StreamEvent]) -> None:
        if isinstance(events[-1], Finish):
            completion = stream.completion
            self.shell.user_ns["_chat"] = completion
            if name is not None:
                self.shell.user_ns[name] = completion

    # ---- waiting for it

    async def _awaited(self, stream: ChatStream) -> ChatCompletion:
        with self._reported(stream), self._terminal_interrupt(stream) as interrupted:
            try:
                completion = await stream
            except asyncio.CancelledError:
                raise KeyboardInterrupt from None
            if interrupted:
                raise KeyboardInterrupt
            return completion

    def _waited(self, stream: ChatStream) -> ChatCompletion:
        with self._reported(stream):
            try:
                return stream.wait()
            except RuntimeError as exc:  # uvloop
                stream.cancel()
                raise UsageError(str(exc)) from None

    def _terminal_interrupt(self, stream: ChatStream) -> AbstractContextManager[list[int]]:
        """In a terminal, let Ctrl-C cancel the stream; ipykernel turns an interrupt into a cancellation of the cell."""
        if _display.in_kernel(self.shell):
            return nullcontext([])
        return interrupts(lambda: asyncio.get_running_loop().call_soon_threadsafe(stream.cancel))

    @contextmanager
    def _reported(self, stream: ChatStream) -> Iterator[None]:
        """Turn a failure into one or two lines, and an interrupt into one."""
        try:
            yield
        except StreamError as exc:
            self._last_failure = exc
            lines = explain(exc)
            # IPython asks the exception itself how it is to be shown; its class stays what `except` clauses name.
            exc._render_traceback_ = lambda: lines  # type: ignore[attr-defined]
            raise
        except KeyboardInterrupt:
            kept = len(stream.completion.text)
            raise ChatInterrupted(f"the stream is closed; the {kept} characters that came are in _chat.") from None

    def _run_in_background(self, stream: ChatStream) -> None:
        """Start, and take the place of the stream that an earlier run of the same cell left running."""
        stream.start()
        if self._cell_id is not None:
            before = self._background.get(self._cell_id)
            if before is not None:
                before.cancel()
            self._background[self._cell_id] = stream

    def note_cell(self, info: Any) -> None:
        """Remember which cell runs (a ``pre_run_cell`` callback)."""
        self._cell_id = getattr(info, "cell_id", None)

    def _last(self) -> ChatCompletion:
        completion = self.shell.user_ns.get("_chat")
        if not isinstance(completion, ChatCompletion):
            raise UsageError("there is no answer yet")
        return completion

    def _show_last(self) -> None:
        _display.show_saved(self._last(), self.shell)

    def _put_code(self) -> None:
        code = find_code(self._last().text)
        if code is None:
            raise UsageError("the last answer has no code block")
        # The front end makes a cell of it under this one; nothing runs it.
        self.shell.set_next_input(code.text)
        if code.left_out:
            print(f"Left out, being in another language: {', '.join(code.left_out)}.")  # noqa: T201

    def _show_traceback(self) -> None:
        failure = self._last_failure
        if failure is None:
            print("No %chat has failed in this session.")  # noqa: T201
            return
        text = "".join(traceback.format_exception(failure))
        print(mask(text))  # noqa: T201


async def _at_once(value: T) -> T:
    """Give a cell that awaits what there is nothing to wait for."""
    return value
