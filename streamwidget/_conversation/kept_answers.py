"""Complete answers in a file beside the notebook, so that the same request need not be asked again.

Each line is one answer, as JSON: when it was asked, the server, the model, the beginning of the prompt, the hash of the
request, and the answer. People can read the file, compare it and delete lines of it. No key is in it.

Rules
-----
- A request is found by its hash alone (:mod:`streamwidget._core.request_hash`). The other fields are for people.
- The file is written whole or not at all. Unreadable lines stay in it.
- It keeps the newest answers: at most 1,000, and 64 MiB.
- Several kernels may use one file. Each reads the lines of the others before it looks and before it writes.
"""

from __future__ import annotations

import calendar
import json
import time
from pathlib import Path
from typing import NamedTuple

from streamwidget._conversation.file import answer_from_json, answer_to_json, without_usual
from streamwidget._core import files
from streamwidget._core.completion import ChatCompletion, missing
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.json_values import read_field
from streamwidget._core.messages import Message
from streamwidget._core.secrets import mask
from streamwidget._core.visible import one_line

_MOST = 1_000  # answers
_LARGEST = 64 * 2**20  # characters of the file
_PROMPT = 100  # characters


class KeptAnswer(NamedTuple):
    """An answer of the file.

    Attributes
    ----------
    completion : ChatCompletion
    at : float
        When it was asked for, in seconds since 1970.
    """

    completion: ChatCompletion
    at: float


def is_worth_keeping(completion: ChatCompletion) -> bool:
    """Return True for a whole answer. A cut one, or one with a part missing, is asked again."""
    return completion.outcome == "complete" and not missing(completion) and not completion.outputs


class KeptAnswers:
    """The answers of one file. It need not exist.

    Parameters
    ----------
    path : Path
        The file.

    Attributes
    ----------
    path : Path
    unreadable : int
        Lines without an answer.

    Examples
    --------
    >>> kept = KeptAnswers(Path("lesson.chat.jsonl"))
    >>> kept.keep("0123", ChatCompletion("Elbe.", outcome="complete"), 1762938000.0, "localhost", "Name a river.")
    >>> KeptAnswers(Path("lesson.chat.jsonl")).find("0123").completion.text
    'Elbe.'
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.unreadable = 0
        self._lines: dict[str, str] = {}  # by hash, the oldest first. An unreadable one has a name of its own
        self._state: tuple[int, int] | None = None  # of the file, when it was read

    def find(self, request_hash: str) -> KeptAnswer | None:
        """Return the answer to a request. None if there is none, or it cannot be read.

        Raises
        ------
        ConfigurationError
            If the file cannot be read.
        """
        self._refresh()
        line = self._lines.get(request_hash)
        try:
            return None if line is None else _from_line(line)
        except ValueError:
            return None

    def keep(self, request_hash: str, completion: ChatCompletion, at: float, server: str, prompt: str) -> None:
        """Add an answer, in place of an earlier one to the same request.

        Raises
        ------
        ConfigurationError
            If the file cannot be written.
        """
        self._refresh()
        lines = dict(self._lines)
        lines.pop(request_hash, None)
        lines[request_hash] = _to_line(request_hash, completion, at, server, prompt)
        size = sum(map(len, lines.values()))
        while len(lines) > _MOST or size > _LARGEST:
            size -= len(lines.pop(next(iter(lines))))
        try:
            files.write_text(self.path, "".join(f"{line}\n" for line in lines.values()))
        except (OSError, ValueError) as exc:
            raise ConfigurationError(f"{self.path.name} cannot be written: {files.reason_of(exc)}.") from None
        self._lines, self._state = lines, self._look()

    def _refresh(self) -> None:
        state = self._look()
        if state == self._state:
            return
        try:
            text = files.read_text(self.path) if state is not None else ""
        except (OSError, ValueError) as exc:
            raise ConfigurationError(f"{self.path.name} cannot be read: {files.reason_of(exc)}.") from None
        self._lines, self.unreadable = {}, 0
        for number, line in enumerate(filter(None, text.split("\n"))):
            name = _name_of(line)
            self.unreadable += name is None
            self._lines.pop(name or "", None)
            self._lines[name or f"line {number}"] = line
        self._state = state

    def _look(self) -> tuple[int, int] | None:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size


def _name_of(line: str) -> str | None:
    try:
        return str(read_field(str, json.loads(line), "hash", "it"))
    except (ValueError, RecursionError):
        return None


def _to_line(request_hash: str, completion: ChatCompletion, at: float, server: str, prompt: str) -> str:
    answer = answer_to_json(Message("assistant", completion.text, completion=completion))
    line = {
        "asked": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)),
        "server": server,
        "model": completion.model,
        "prompt": mask(one_line(prompt, _PROMPT)),
        "answer": without_usual(answer),
        "hash": request_hash,
    }
    text = json.dumps(line, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(line)
    return text


def _from_line(line: str) -> KeptAnswer:
    """Read an answer. ValueError if it is not one, or not a whole one: somebody may have edited it."""
    try:
        value = json.loads(line)
        at = time.strptime(read_field(str, value, "asked", "it"), "%Y-%m-%dT%H:%M:%SZ")
        answer = answer_from_json(read_field(dict[str, object], value, "answer", "it"), "answer")
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if answer is None or answer.completion is None or not is_worth_keeping(answer.completion):
        raise ValueError("it is not a whole answer")
    return KeptAnswer(answer.completion, float(calendar.timegm(at)))
