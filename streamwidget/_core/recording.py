"""A recording: what came over the wire of one stream, and when."""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from streamwidget._core import files
from streamwidget._core.completion import ErrorInfo
from streamwidget._core.events import Outcome, ToolResult
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.secrets import NO_SECRETS, Secrets, mask
from streamwidget._core.timeout import Timeout
from streamwidget._core.visible import one_line

_HARMLESS = frozenset(
    {
        "accept", "accept-encoding", "cache-control", "connection", "content-length", "content-type", "date",
        "openai-processing-ms", "retry-after", "retry-after-ms", "server", "transfer-encoding", "vary",
    }
)  # fmt: skip
#: What stands in place of a private header's value.
LEFT_OUT = "(left out)"


@dataclass(frozen=True, slots=True)
class RequestSent:
    """A request was sent.

    Attributes
    ----------
    at : float
        Seconds since the first request, here and in all records.
    method : str
        The HTTP method.
    url : str
        The address.
    headers : mapping of str to str
        The request's headers. Private ones say ``(left out)``.
    body : str
        JSON text.
    """

    at: float
    method: str
    url: str
    headers: Mapping[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class ResponseStarted:
    """The status line and the headers of a response arrived. Private headers say ``(left out)``."""

    at: float
    status: int
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ChunkReceived:
    """Bytes of a body arrived: one chunk of the transport.

    They are as the server sent them, and it may have repeated a secret. So the repr does not show them.
    """

    at: float
    data: bytes

    def __repr__(self) -> str:
        return f"ChunkReceived(at={self.at!r}, data=<{len(self.data)} bytes>)"


@dataclass(frozen=True, slots=True)
class ResponseEnded:
    """A response ended.

    Attributes
    ----------
    at : float
        Seconds since the first request.
    how : str
        ``whole``: it was read to its end. ``broken``: the connection broke. ``left``: the client closed it, because of
        a Stop, a limit, or because the answer was complete.
    detail : str
        One sentence about a broken connection.
    """

    at: float
    how: Literal["whole", "broken", "left"]
    detail: str = ""


@dataclass(frozen=True, slots=True)
class RequestFailed:
    """A request got no response."""

    at: float
    error: ErrorInfo
    retryable: bool


@dataclass(frozen=True, slots=True)
class ToolReturned:
    """A tool that the answer called has returned, or was refused or stopped. The next request has the result."""

    at: float
    result: ToolResult


WireRecord: TypeAlias = RequestSent | ResponseStarted | ChunkReceived | ResponseEnded | RequestFailed | ToolReturned


class Recording:
    """The records of one stream, in order. It grows while the stream runs.

    :meth:`ChatStream.record <streamwidget.ChatStream.record>` makes one, and :func:`~streamwidget.replay` plays it.

    Parameters
    ----------
    model : str or None
        The model that was asked for.
    limits : Timeout
        The limits of the stream.
    secrets : Secrets, optional
        The API key, and the client's own headers. They are kept out of the file.
    dialect : str, optional
        The name of the server's dialect.
    streamed : bool, default True
        False if one whole reply was asked for.

    Attributes
    ----------
    records : list of WireRecord
        Requests, responses, chunks, ends and the results of tools.
    outcome : Outcome or None
        How the stream ended. None while it runs.
    model : str or None
        The model that was asked for.
    limits : Timeout
        The limits of the stream.
    secrets : Secrets
        The API key, and the client's own headers.
    dialect : str or None
        The name of the server's dialect. None if the file does not have it.
    streamed : bool
        False if one whole reply was asked for.
    path : str, Path or None
        The file to write at the end.
    ended_at : float
        The end, in seconds since the first request.

    Examples
    --------
    >>> import streamwidget as sw
    >>> stream = sw.ChatClient().stream("Name three rivers.", max_tokens=3)
    >>> recording = stream.record()
    >>> completion = stream.wait()
    >>> recording.outcome
    'length'
    >>> sw.replay(recording, speed=100).wait().text == completion.text
    True
    """

    def __init__(
        self,
        model: str | None,
        limits: Timeout,
        secrets: Secrets = NO_SECRETS,
        *,
        dialect: str | None = None,
        streamed: bool = True,
    ) -> None:
        self.records: list[WireRecord] = []
        self.outcome: Outcome | None = None
        self.path: str | Path | None = None
        self.ended_at = 0.0
        self.model = model
        self.limits = limits
        self.secrets = secrets
        self.dialect = dialect
        self.streamed = streamed
        self._begun: float | None = None
        self._observers: list[Callable[[], None]] = []

    def __repr__(self) -> str:
        model = one_line(self.model or "default model", 100)
        return f"<Recording of {model}: {len(self.records)} records, {self.outcome or 'open'}>"

    def __reduce__(self) -> str:
        raise TypeError(
            "A Recording cannot be pickled or copied: it may hold a key. Write it with save(), and read it with load()."
        )

    @property
    def attempts(self) -> list[list[WireRecord]]:
        """The records, grouped by request."""
        attempts: list[list[WireRecord]] = []
        for record in self.records:
            if isinstance(record, RequestSent):
                attempts.append([])
            if attempts:
                attempts[-1].append(record)
        return attempts

    def now(self) -> float:
        """Return the seconds since the first request. The first call starts the clock."""
        if self._begun is None:
            self._begun = time.monotonic()
        return time.monotonic() - self._begun

    def add(self, record: WireRecord) -> None:
        """Append a record, and call the observers.

        Parameters
        ----------
        record : WireRecord
            What happened, with its time.
        """
        self.records.append(record)
        self._notify()

    def end(self, outcome: Outcome) -> None:
        """Set the outcome. Nothing may fail here, because the readers of the stream wait for it.

        Parameters
        ----------
        outcome : Outcome
            How the stream ended.
        """
        self.outcome, self.ended_at = outcome, self.now()
        self._notify()

    def keep(self) -> None:
        """Write the file, if there is one. A file that cannot be written gives a warning and no exception."""
        if self.path is not None:
            try:
                self.save(self.path)
            except Exception as exc:  # noqa: BLE001  (a full disk, a text that cannot be encoded, too little memory)
                why = str(exc) or type(exc).__name__
                _warn(f"The recording could not be written: {why}. It is in stream.recording. save() it elsewhere.")

    def observe(self, observer: Callable[[], None]) -> None:
        """Call ``observer()`` on the stream's loop after each new record, and at the end.

        If it raises, you get a warning, and it is not called again.

        Parameters
        ----------
        observer : callable
            Takes no argument.

        Examples
        --------
        >>> import streamwidget as sw
        >>> stream = sw.ChatClient().stream("Name three rivers.", max_tokens=3)
        >>> recording = stream.record()
        >>> counts = []
        >>> recording.observe(lambda: counts.append(len(recording.records)))
        >>> completion = stream.wait()
        >>> counts[0]
        1
        """
        self._observers.append(observer)

    def save(self, path: str | Path) -> None:
        """Write the recording to a file, without secrets and private headers.

        Parameters
        ----------
        path : str or Path
            The file. It is replaced if it exists.

        Raises
        ------
        OSError
            If it cannot be written, or is a device or a pipe. An old file keeps its content.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> import streamwidget as sw
        >>> stream = sw.ChatClient().stream("Name three rivers.", max_tokens=3)
        >>> recording = stream.record()
        >>> completion = stream.wait()
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "rivers.jsonl")
        ...     recording.save(path)
        ...     sw.Recording.load(path).outcome
        'length'
        """
        from streamwidget._core.recording_file import to_jsonl

        files.write_text(path, to_jsonl(self))

    @classmethod
    def load(cls, path: str | Path) -> Recording:
        """Read a recording from a file. :meth:`save` has an example.

        Parameters
        ----------
        path : str or Path
            The file.

        Returns
        -------
        Recording
            An ended one.

        Raises
        ------
        ConfigurationError
            If it is not a recording, or a line of it cannot be read. The message names the line.
        OSError
            If it cannot be opened.
        """
        from streamwidget._core.recording_file import from_jsonl

        try:
            text = files.read_text(path)
        except UnicodeDecodeError:
            raise ConfigurationError(f"{path} is not a recording of a stream: it is not UTF-8 text.") from None
        return from_jsonl(text, str(path))

    def _notify(self) -> None:
        for observer in tuple(self._observers):
            try:
                observer()
            except Exception as exc:  # noqa: BLE001  (a person's callback may raise anything)
                self._observers.remove(observer)
                _warn(f"An observer of a recording raised {exc!r}. It is not called again. The stream goes on.")


def _warn(message: str) -> None:
    with contextlib.suppress(RuntimeWarning):  # `python -W error` makes it an exception
        warnings.warn(message, RuntimeWarning, stacklevel=3)


def harmless(headers: Mapping[str, str], secrets: Secrets) -> dict[str, str]:
    """Return the headers. The value of each header that is not known to be harmless is ``(left out)``."""
    return {
        mask(name, secrets): mask(value, secrets) if name.lower() in _HARMLESS else LEFT_OUT
        for name, value in headers.items()
    }
