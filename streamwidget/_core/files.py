"""Read and write a person's files: whole or not at all, and never a device or a pipe.

Rules
-----
- The text is written into a new file in the same folder, and that file is then renamed. A full disk leaves the old file
  as it was.
- The new file has the mode and, where we may, the owner of the old one. Example: a file of mode 600 stays private.
- A symbolic link stays a link. Its target is written.
- Other people may write in the folder (``/tmp``). So the new file's name is random, and it must not exist before.
- A device or a pipe is refused, because reading or opening a pipe may wait for ever.
- A file of more than 256 MiB is not read. It would stop the kernel for a long time, and fill the memory.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import stat
import uuid
from pathlib import Path

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
#: Without O_NONBLOCK, a pipe that took the file's place a moment ago would make us wait.
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


_LARGEST = 256 * 2**20  # bytes


def read_text(path: str | Path) -> str:
    """Return the text of a file.

    Raises
    ------
    OSError
        If it cannot be read, is not a file, or is too large.
    ValueError
        If it is not UTF-8, or the path is not a path.
    """
    _check_kind(path, Path(path).stat())
    with os.fdopen(os.open(path, _READ), "rb") as file:
        state = os.fstat(file.fileno())
        _check_kind(path, state)
        # Some files of the system have size 0 and much to read, and others grow meanwhile.
        data = b"" if state.st_size > _LARGEST else file.read(_LARGEST + 1)
    if data is None:  # a file of the system whose content is still to come: /proc/kmsg
        raise BlockingIOError(errno.EAGAIN, "it has nothing to read now", str(path))
    if max(state.st_size, len(data)) > _LARGEST:
        raise OSError(errno.EFBIG, f"it is larger than {_LARGEST // 2**20} MiB", str(path))
    return io.TextIOWrapper(io.BytesIO(data), encoding="utf-8").read()  # with newlines as of any text file


def write_text(path: str | Path, text: str) -> None:
    """Write a text file. It gets the whole text, or nothing changes.

    Raises
    ------
    OSError
        If it cannot be written, or is not a file.
    ValueError
        If the text or the path has characters that cannot be encoded.
    """
    data = text.encode()
    target, old = _target_of(path)
    new = target.with_name(f".streamwidget-{uuid.uuid4().hex}")
    try:
        _write_new(new, data, old)
        new.replace(target)
    except BaseException:  # an interrupt too must leave nothing behind
        with contextlib.suppress(OSError):
            new.unlink()
        raise


def check_writable(path: str | Path) -> None:
    """Raise the OSError that :func:`write_text` would raise now. A file that does not exist is made, empty."""
    target, old = _target_of(path)
    probe = target.with_name(f".streamwidget-{uuid.uuid4().hex}")
    _write_new(probe, b"", old)
    probe.unlink()
    if old is None:
        with contextlib.suppress(FileExistsError):
            _write_new(target, b"", None)


def reason_of(exc: Exception) -> str:
    """Return why a file could not be read or written, without its path.

    Examples
    --------
    >>> reason_of(FileNotFoundError(2, "No such file or directory", "/home/me/answers.jsonl"))
    'No such file or directory'
    """
    return getattr(exc, "strerror", None) or str(exc)


def _target_of(path: str | Path) -> tuple[Path, os.stat_result | None]:
    """Return the file behind all links, and its state. The state is None if the file does not exist yet."""
    target = Path(os.path.realpath(path))
    try:
        old = target.stat()
    except FileNotFoundError:
        return target, None
    _check_kind(path, old)
    if not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    return target, old


def _write_new(path: Path, data: bytes, old: os.stat_result | None) -> None:
    # Before it has the old file's mode, nobody else may open it.
    with os.fdopen(os.open(path, _NEW, 0o666 if old is None else 0o600), "wb") as file:
        if old is not None and hasattr(os, "fchmod"):  # not on Windows
            with contextlib.suppress(PermissionError):
                os.fchown(file.fileno(), old.st_uid, old.st_gid)
            os.fchmod(file.fileno(), stat.S_IMODE(old.st_mode))
        file.write(data)


def _check_kind(path: str | Path, state: os.stat_result) -> None:
    if stat.S_ISREG(state.st_mode):
        return
    if stat.S_ISDIR(state.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    kind = "a pipe" if stat.S_ISFIFO(state.st_mode) else "a socket" if stat.S_ISSOCK(state.st_mode) else "a device"
    raise OSError(errno.EINVAL, f"it is {kind}, not a file", str(path))
