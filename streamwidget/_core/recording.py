"""What came over the wire and when: the records of one stream, in order."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from streamwidget._core.completion import ErrorInfo
from streamwidget._core.events import Outcome
from streamwidget._core.secrets import ApiKey
from streamwidget._core.timeout import Timeout

_HARMLESS = frozenset(
    {
        "accept", "accept-encoding", "cache-control", "connection", "content-length", "content-type", "date",
        "openai-processing-ms", "retry-after", "retry-after-ms", "server", "transfer-encoding", "vary",
    }
)  # fmt: skip
_LEFT_OUT = "(left out)"


@dataclass(frozen=True, slots=True)
class RequestSent:
    """A request. ``at`` is in seconds since the first one, here and below; ``body`` is JSON text."""

    at: float
    method: str
    url: str
    headers: Mapping[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class ResponseStarted:
    """The status line and the headers of a response; private headers say that they are left out."""

    at: float
    status: int
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ChunkReceived:
    """Bytes of a body, as the transport gave them."""

    at: float
    data: bytes


@dataclass(frozen=True, slots=True)
class ResponseEnded:
    """The end of a response: read to its end, broken, or left by the client (Stop, a limit, nothing more to read)."""

    at: float
    how: Literal["whole", "broken", "left"]
    detail: str = ""


@dataclass(frozen=True, slots=True)
class RequestFailed:
    """There was no response."""

    at: float
    error: ErrorInfo
    retryable: bool


WireRecord: TypeAlias = RequestSent | ResponseStarted | ChunkReceived | ResponseEnded | RequestFailed


class Recording:
    """The records of one stream, in order; it grows while the stream runs.

    Attributes
    ----------
    records : list of WireRecord
    outcome : Outcome or None
        How the stream ended; None while it runs.
    model : str or None
        The model that was asked for.
    limits : Timeout
        The stream's limits.
    key : ApiKey or None
        What must not get into the file.
    path : str, Path or None
        The file that is written at the end.
    ended_at : float
        Seconds since the first request.
    """

    def __init__(self, model: str | None, limits: Timeout, key: ApiKey | None = None) -> None:
        self.records: list[WireRecord] = []
        self.outcome: Outcome | None = None
        self.path: str | Path | None = None
        self.ended_at = 0.0
        self.model = model
        self.limits = limits
        self.key = key
        self._begun: float | None = None
        self._observers: list[Callable[[], None]] = []

    def __repr__(self) -> str:
        return f"<Recording of {self.model or 'default model'}: {len(self.records)} records, {self.outcome or 'open'}>"

    @property
    def attempts(self) -> list[list[WireRecord]]:
        """The records of each request by itself."""
        attempts: list[list[WireRecord]] = []
        for record in self.records:
            if isinstance(record, RequestSent):
                attempts.append([])
            if attempts:
                attempts[-1].append(record)
        return attempts

    def now(self) -> float:
        """Seconds since the first request."""
        if self._begun is None:
            self._begun = time.monotonic()
        return time.monotonic() - self._begun

    def add(self, record: WireRecord) -> None:
        self.records.append(record)
        self._notify()

    def end(self, outcome: Outcome) -> None:
        """Note how the stream ended, and write the file; one that cannot be written is warned of, and ends nothing."""
        self.outcome, self.ended_at = outcome, self.now()
        self._notify()
        if self.path is not None:
            try:
                self.save(self.path)
            except OSError as exc:
                warnings.warn(
                    f"The recording could not be written: {exc}. It is in stream.recording still: save() it elsewhere.",
                    RuntimeWarning,
                    stacklevel=2,
                )

    def observe(self, observer: Callable[[], None]) -> None:
        """Call ``observer()`` whenever something was added, on the stream's loop."""
        self._observers.append(observer)

    def save(self, path: str | Path) -> None:
        """Write the file of :mod:`streamwidget._core.recording_file`. OSError where that is not possible."""
        from streamwidget._core.recording_file import to_jsonl

        # By way of another file: a lesson that is recorded anew is not lost where that fails halfway.
        half = Path(f"{path}.part")
        half.write_text(to_jsonl(self), encoding="utf-8")
        half.replace(path)

    @classmethod
    def load(cls, path: str | Path) -> Recording:
        """Read the file.

        Raises
        ------
        ConfigurationError
            If it is no recording, or a line of it cannot be read; the line is named.
        OSError
            If it cannot be opened.
        """
        from streamwidget._core.recording_file import from_jsonl

        return from_jsonl(Path(path).read_text(encoding="utf-8"), str(path))

    def _notify(self) -> None:
        for observer in self._observers:
            observer()


def harmless(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers, the values of those that are not known to be harmless left out."""
    return {name: value if name.lower() in _HARMLESS else _LEFT_OUT for name, value in headers.items()}
