r"""The file of a batch: one JSON line for each row that has ended. Running the batch again asks only what is missing.

Rules
-----
- A row is found by the hash of its request, and by its id if it has one of its own. Rows with equal requests and
  without ids are told apart by their order: ``hash``, ``hash#2``.
- A line is written by one call, at the end of the file. A process that is killed leaves whole lines, and perhaps one
  torn line at the end. Example: ``{"row": 7, "te``. It is cut off when the file is opened again.
- Only whole and valid answers count. A row that failed or was cut has a line too, and is asked again.
- A file that holds anything else is refused, and stays as it is.
- One batch at a time writes a file.
- It has no prompt and no key.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import json
import os
import stat
from collections import Counter
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from streamwidget._core import files
from streamwidget._core.events import Usage
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.surrogates import well_formed
from streamwidget._many.results import RowResult

_OPEN = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_NONBLOCK = getattr(os, "O_NONBLOCK", 0)  # a pipe would wait for its reader
_BLOCK = 2**20
_LOCKED = 2**30  # the byte that Windows locks, as SQLite does. Nobody else may read it, so no row should have it
_writing: set[tuple[int, int]] = set()  # the files that batches of this process write. Not all systems can lock a file
_COUNTS = tuple(count.name for count in fields(Usage))


class Journal:
    """The file of one batch, opened for reading and for appending.

    Parameters
    ----------
    path : str or Path

    Raises
    ------
    ConfigurationError
        If it cannot be opened, is another kind of file, or another batch writes it.
    OSError
        If its torn line cannot be cut off.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     journal = Journal(f"{folder}/rows.jsonl")
    ...     journal.add("a hash", RowResult(0, "the Elbe", "the Elbe", "complete"))
    ...     journal.close()
    ...     again = Journal(f"{folder}/rows.jsonl")
    ...     again.find("a hash").text, again.find("another hash")
    ...     again.close()
    ('the Elbe', None)
    """

    def __init__(self, path: str | Path) -> None:
        if not isinstance(path, str | os.PathLike) or not os.fspath(path):
            raise ConfigurationError(f"file= is the path of a file, not {path!r}. Nothing was sent.")
        self._path = Path(path).absolute()  # your code may change the working folder meanwhile
        try:
            self._file = os.open(self._path, _OPEN | _NONBLOCK, 0o666)
        except (OSError, ValueError) as exc:  # ValueError: a NUL in its name
            why = files.reason_of(exc)
            raise ConfigurationError(f"{self._path} cannot be written: {why}. Nothing was sent.") from None
        self._places: dict[str, tuple[int, int]] = {}  # where the last whole answer of a key stands in the file
        self._seen: Counter[str] = Counter()
        try:
            about = os.fstat(self._file)
            if not stat.S_ISREG(about.st_mode):
                raise ConfigurationError(f"{self._path} is not a file. Nothing was sent.")
            self._lock()
            self._read()
        except BaseException:
            os.close(self._file)
            raise
        self._name = about.st_dev, about.st_ino
        _writing.add(self._name)

    def key(self, request_hash: str, id_: str | int | None) -> str:
        """Return the name of the next row with this request."""
        if id_ is not None:
            return f"{request_hash}@{id_}"
        self._seen[request_hash] += 1
        count = self._seen[request_hash]
        return request_hash if count == 1 else f"{request_hash}#{count}"

    def find(self, key: str) -> RowResult | None:
        """Return the whole answer of a row, or None. Its ``value`` is to be read from the text."""
        place = self._places.get(key)
        if place is None:
            return None
        start, size = place
        row = json.loads(self._bytes(start, size))
        counts = row.get("usage")
        usage = (
            Usage(**{name: counts[name] for name in _COUNTS if name in counts}) if isinstance(counts, dict) else None
        )
        return RowResult(row["row"], row["text"], row["text"], "complete", usage=usage, reused=True)

    def add(self, key: str, result: RowResult) -> None:
        """Append a row that has ended.

        Raises
        ------
        OSError
            If the disk is full, for example. What was written of the line is taken back.
        """
        usage = (
            {name: count for name, count in asdict(result.usage).items() if count is not None} if result.usage else {}
        )
        row = {
            "row": result.id,
            "outcome": result.outcome,
            "text": well_formed(result.text),
            **({"error": result.error} if result.error else {}),
            **({"usage": usage} if usage else {}),
            "request": key,
        }
        line = f"{json.dumps(row, ensure_ascii=False)}\n".encode()
        end = os.fstat(self._file).st_size
        try:
            if os.write(self._file, line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as exc:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, end)
            raise OSError(exc.errno, f"{exc.strerror}: {self._path}") from exc
        if result.is_good:
            self._places[key] = end, len(line)

    def close(self) -> None:
        """Close the file. Another batch may write it now."""
        if self._file >= 0:
            _writing.discard(self._name)
            os.close(self._file)
            self._file = -1

    def _lock(self) -> None:
        about = os.fstat(self._file)
        if (about.st_dev, about.st_ino) in _writing:
            raise ConfigurationError(
                f"A batch of this process still writes {self._path}. Stop it, wait for its end, or name another file. "
                "Nothing was sent."
            )
        try:
            _lock(self._file)
        except (BlockingIOError, PermissionError):
            raise ConfigurationError(
                f"A batch of another process writes {self._path} now. Wait for its end, or name another file. "
                "Nothing was sent."
            ) from None
        except (ImportError, OSError):  # a system or a file system without locks
            return

    def _read(self) -> None:
        """Find the whole answers. Cut off a torn last line."""
        start, rest = 0, b""
        while block := self._bytes(start + len(rest), _BLOCK):
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                self._note(line, start)
                start += len(line) + 1
        if rest:
            if start == 0 and not rest.startswith(b'{"row": '[: len(rest)]):
                raise self._foreign()
            os.ftruncate(self._file, start)

    def _note(self, line: bytes, start: int) -> None:
        try:
            row = json.loads(line)
            key, outcome, failed = row["request"], row["outcome"], "error" in row
            if not isinstance(key, str) or not isinstance(row["text"], str):
                raise TypeError(key)
        except (ValueError, KeyError, TypeError, RecursionError):
            raise self._foreign() from None
        if outcome == "complete" and not failed:
            self._places[key] = start, len(line)

    def _foreign(self) -> ConfigurationError:
        return ConfigurationError(
            f"{self._path} has lines that are not a batch's rows. It stays as it is. Name another file. "
            "Nothing was sent."
        )

    def _bytes(self, start: int, size: int) -> bytes:
        if hasattr(os, "pread"):
            return os.pread(self._file, size, start)
        os.lseek(self._file, start, os.SEEK_SET)  # Windows. Each write goes to the end all the same
        return os.read(self._file, size)


def _lock(file: int) -> None:
    """Lock a file until it is closed. BlockingIOError, on Windows PermissionError, if another process has locked it."""
    try:
        fcntl: Any = importlib.import_module("fcntl")
    except ImportError:  # Windows
        msvcrt: Any = importlib.import_module("msvcrt")
        os.lseek(file, _LOCKED, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
