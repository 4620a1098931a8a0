"""Files are written whole or not at all, and never a device or a pipe. One table for all three ways to write one."""

from __future__ import annotations

import errno
import os
import stat
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import streamwidget as sw
from streamwidget._core import files
from streamwidget._notebook.commands import export_file, import_file
from tests.support.recordings import recording_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="modes, links and pipes of POSIX")


def export(path: Path) -> None:
    """Do what ``%chat --export`` does."""
    conversation = sw.Conversation("Be brief.")
    session: Any = SimpleNamespace(conversation=lambda _: conversation)
    options: Any = SimpleNamespace(conversation=None)
    export_file(session, str(path), options)


def record(path: Path) -> None:
    """Record a stream that ends before it has begun."""
    stream = sw.ChatClient("http://127.0.0.1:9/v1").stream("x")
    stream.record(path)
    stream.cancel()


WRITERS: dict[str, Callable[[Path], None]] = {
    "record": record,
    "save": lambda path: recording_of().save(path),
    "export": export,
    "write_text": lambda path: files.write_text(path, "new"),
}
written = pytest.mark.parametrize("write", WRITERS.values(), ids=list(WRITERS))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file.json"


def is_whole(path: Path) -> bool:
    """Return True if a writer has written there, and left nothing else in the folder."""
    return path.read_text() not in ("", "old")


def names_in(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


@written
def test_a_new_file_has_the_usual_mode(path: Path, write: Callable[[Path], None]) -> None:
    """As ``open`` makes it, and nothing lies beside it."""
    path.with_name("usual").touch()
    write(path)
    assert is_whole(path)
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(path.with_name("usual").stat().st_mode)
    assert names_in(path.parent) == ["file.json", "usual"]


@written
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666, 0o755])
def test_a_replaced_file_keeps_its_mode(path: Path, write: Callable[[Path], None], mode: int) -> None:
    """A private file stays private."""
    path.write_text("old")
    path.chmod(mode)
    write(path)
    assert is_whole(path)
    assert stat.S_IMODE(path.stat().st_mode) == mode


@written
@pytest.mark.parametrize("there", [True, False])
@pytest.mark.fault("K21", "a link stays a link, and its target is written")
def test_a_link_stays_a_link(path: Path, write: Callable[[Path], None], there: bool) -> None:
    """Its target is written, through two links, and is made if it does not exist."""
    target = path.parent / "elsewhere" / "target.json"
    target.parent.mkdir()
    if there:
        target.write_text("old")
    path.with_name("between").symlink_to("elsewhere/target.json")
    path.symlink_to("between")
    write(path)
    assert path.is_symlink()
    assert is_whole(target)
    assert names_in(target.parent) == ["target.json"]


@written
@pytest.mark.parametrize("moment", ["open", "write", "rename"])
@pytest.mark.fault("K20", "what was there stays")
def test_a_failure_leaves_what_was_there(
    path: Path, write: Callable[[Path], None], moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full at any moment. The old file is whole, and nothing lies beside it."""
    path.write_text("old")
    path.chmod(0o600)
    before = path.stat()

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    class FullFile:
        def __init__(self, number: int, *_: object, **__: object) -> None:
            self.number = number

        def __enter__(self) -> FullFile:
            return self

        def __exit__(self, *_: object) -> None:
            os.close(self.number)

        def fileno(self) -> int:
            return self.number

        def write(self, data: bytes) -> None:
            if data:
                os.write(self.number, data[:1])
                full()

    target, name, fake = {
        "open": (files.os, "open", full),
        "write": (files.os, "fdopen", FullFile),
        "rename": (Path, "replace", full),
    }[moment]
    with monkeypatch.context() as patched, warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        patched.setattr(target, name, fake)
        try:
            write(path)
            said = str(warned[-1].message)  # `record` has the answer's text to bring home, so it only warns
        except (OSError, sw.ConfigurationError) as exc:
            said = str(exc)
    assert "No space left" in said
    after = path.stat()
    assert path.read_text() == "old"
    assert (after.st_ino, after.st_mode) == (before.st_ino, before.st_mode)
    assert names_in(path.parent) == [path.name]


@written
@pytest.mark.fault("K21", "a device or a pipe is refused in words, not waited for")
def test_a_device_or_a_pipe_is_refused(path: Path, write: Callable[[Path], None]) -> None:
    """Also behind a link. Nothing is opened, because that might wait for ever."""
    os.mkfifo(path)
    device = path.with_name("null.json")
    device.symlink_to("/dev/null")
    for there, kind in ((path, "a pipe"), (device, "a device")):
        with pytest.raises((OSError, sw.ConfigurationError), match=f"it is {kind}, not a file"):
            write(there)
    assert stat.S_ISFIFO(path.stat().st_mode)
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


@written
def test_a_folder_is_refused(path: Path, write: Callable[[Path], None]) -> None:
    """And a folder that does not exist."""
    path.mkdir()
    for there in (path, path.parent / "nowhere" / "file.json"):
        with pytest.raises((OSError, sw.ConfigurationError), match=r"[Dd]irectory"):
            write(there)
    assert names_in(path) == []


@written
def test_the_file_beside_it_cannot_be_foreseen(
    path: Path, write: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a shared folder somebody may have put a link of any foreseeable name. Ours are random and must be new."""
    opened: list[tuple[str, int]] = []
    real = os.open

    def seen(name: Any, flags: int, *args: Any, **kwargs: Any) -> int:
        opened.append((os.fspath(name), flags))
        return real(name, flags, *args, **kwargs)

    monkeypatch.setattr(files.os, "open", seen)
    write(path)
    write(path)
    ours = [(name, flags) for name, flags in opened if Path(name).parent == path.parent]
    assert all(flags & os.O_EXCL for _, flags in ours)
    beside = [name for name, _ in ours if name != str(path)]
    assert len(beside) >= 2
    assert len(set(beside)) == len(beside)


def test_text_that_cannot_be_encoded_changes_nothing(path: Path) -> None:
    """Half a character in the text is found before the file is touched."""
    path.write_text("old")
    with pytest.raises(ValueError, match="surrogates"):
        files.write_text(path, "\ud83d")
    assert path.read_text() == "old"


def load(path: Path) -> None:
    """Do what ``%chat --import`` does."""
    session: Any = SimpleNamespace(conversation=lambda _: sw.Conversation())
    options: Any = SimpleNamespace(conversation=None)
    import_file(session, str(path), options)


READERS = [files.read_text, sw.Recording.load, sw.replay, load]


@pytest.mark.timeout(30)
@pytest.mark.parametrize("read", READERS, ids=lambda read: read.__name__)
@pytest.mark.fault("K21", "a device or a pipe is refused in words, not waited for")
def test_a_pipe_or_a_device_is_not_read(
    path: Path, read: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading a pipe may wait for ever, and /dev/zero never ends. Some devices act when they are opened."""
    os.mkfifo(path)
    monkeypatch.setattr(files.os, "open", lambda *_: pytest.fail("opened"))
    for there, kind in ((path, "a pipe"), (Path("/dev/zero"), "a device")):
        with pytest.raises((OSError, sw.ConfigurationError), match=f"it is {kind}, not a file"):
            read(there)


@pytest.mark.parametrize("read", READERS, ids=lambda read: read.__name__)
@pytest.mark.fault("K21", "a file that would fill the memory is refused in words")
def test_a_huge_file_is_not_read(path: Path, read: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of 1 TB, one that says its size is 0, and a link to one."""
    with path.open("wb") as file:
        file.truncate(2**40)
    link = path.with_name("link.json")
    link.symlink_to(path)
    for there in (path, link):
        with pytest.raises((OSError, sw.ConfigurationError), match="it is larger than 256 MiB"):
            read(there)
    monkeypatch.setattr(files, "_LARGEST", 2**10)
    system = Path("/proc/self/smaps")
    if system.exists():
        with pytest.raises((OSError, sw.ConfigurationError), match="it is larger than"):
            read(system)


@pytest.mark.parametrize("read", READERS, ids=lambda read: read.__name__)
def test_a_link_to_itself_is_not_read(path: Path, read: Callable[[Path], object]) -> None:
    """Nor a ring of two."""
    path.symlink_to(path.with_name("other"))
    path.with_name("other").symlink_to(path)
    with pytest.raises((OSError, sw.ConfigurationError), match=r"[Tt]oo many .*links"):
        read(path)


def test_a_pipe_that_takes_the_files_place_is_not_waited_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was a file when we looked, and is a pipe when we open it."""
    usual = path.with_name("usual")
    usual.touch()
    os.mkfifo(path)
    monkeypatch.setattr(Path, "stat", lambda _: os.lstat(usual))
    with pytest.raises(OSError, match="it is a pipe, not a file"):
        files.read_text(path)
