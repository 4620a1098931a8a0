"""The file of a batch: whole lines, torn lines, other people's files, and two writers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import streamwidget as sw
from streamwidget._many.journal import Journal
from streamwidget._many.results import RowResult
from tests.support.kernels import ROOT


def good(text: str, number: int = 0) -> RowResult:
    return RowResult(number, text, text, "complete", usage=sw.Usage(1, 2, 3))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    journal = Journal(tmp_path / "rows.jsonl")
    for key in ("a", "b", "c"):
        journal.add(key, good(f"{key} 😀\u2028\ud800"))
    journal.close()
    return tmp_path / "rows.jsonl"


@pytest.mark.fault("B4", "the whole lines are kept, the torn one is cut off and asked again")
def test_a_file_that_ends_anywhere_keeps_its_whole_lines(path: Path) -> None:
    """Cut at each byte, it has the lines before the cut, and the next line stands on a line of its own."""
    data = path.read_bytes()
    for size in range(len(data) + 1):
        path.write_bytes(data[:size])
        journal = Journal(path)
        whole = data[:size].count(b"\n")
        assert [journal.find(key) is not None for key in "abc"] == [place < whole for place in range(3)]
        journal.add("d", good("d"))
        journal.close()
        assert [json.loads(line)["request"] for line in path.read_bytes().splitlines()] == [*"abc"[:whole], "d"]


def test_what_was_written_is_found(path: Path) -> None:
    """With its counts. The last line of a row counts, and one that failed or was cut does not."""
    journal = Journal(path)
    found = journal.find("b")
    assert found is not None
    assert (found.text, found.usage, found.reused) == ("b 😀\u2028\ufffd", sw.Usage(1, 2, 3), True)
    journal.add("b", good("new"))
    journal.add("d", RowResult(3, None, "part", "interrupted", "connection lost"))
    journal.add("e", RowResult(4, None, "no JSON", "complete", "not a valid River"))
    journal.close()
    again = Journal(path)
    assert again.find("b") == replace(good("new"), reused=True)
    assert (again.find("d"), again.find("e")) == (None, None)
    again.close()


def test_equal_requests_are_told_apart_by_their_order(tmp_path: Path) -> None:
    """The same question twice is two rows. Rows with ids of their own keep them, wherever they stand."""
    journal = Journal(tmp_path / "rows.jsonl")
    assert [journal.key("h", None) for _ in range(3)] == ["h", "h#2", "h#3"]
    assert [journal.key("h", "x"), journal.key("h", "x")] == ["h@x", "h@x"]
    journal.close()


@pytest.mark.parametrize(
    "content", [b"a,b\n1,2\n", b"{}\n", b'{"row": 1, "request": 2, "text": ""}\n', b"notes", b"[1]\n"]
)
def test_the_file_of_something_else_stays_as_it_is(tmp_path: Path, content: bytes) -> None:
    """A mistyped name must not cost a person's file."""
    path = tmp_path / "data.csv"
    path.write_bytes(content)
    with pytest.raises(sw.ConfigurationError, match="stays as it is"):
        Journal(path)
    assert path.read_bytes() == content


@pytest.mark.fault("B5", "the second one is refused, in words, before anything is sent")
def test_one_batch_writes_a_file(path: Path, seen: Callable[[str], None]) -> None:
    """Two would ask the same rows twice. The end of one lets the next begin."""
    journal = Journal(path)
    other = path.with_name("link.jsonl")
    other.hardlink_to(path)
    for name in (path, other):
        with pytest.raises(sw.ConfigurationError, match="A batch of this process still writes") as refused:
            Journal(name)
    code = "import sys; from streamwidget._many.journal import Journal; Journal(sys.argv[1])"
    ran = subprocess.run([sys.executable, "-c", code, path], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "A batch of another process writes" in ran.stderr
    seen(str(refused.value).replace(str(path.parent), "."))
    journal.close()
    Journal(path).close()


def test_what_cannot_be_a_file_is_refused(tmp_path: Path) -> None:
    """A pipe would wait for its reader."""
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path, Path(os.devnull), tmp_path / "pipe", "", tmp_path / "none" / "x", f"{tmp_path}/\0", 3):
        with pytest.raises(sw.ConfigurationError, match=r"Nothing was sent\.$"):
            Journal(place)  # type: ignore[arg-type]


def test_a_full_disk_leaves_no_half_line(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the file."""
    before, write = path.read_bytes(), os.write
    journal = Journal(path)
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:10]))
    with pytest.raises(OSError, match=r"rows\.jsonl"):
        journal.add("d", good("d"))
    journal.close()
    assert path.read_bytes() == before
