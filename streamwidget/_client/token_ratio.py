"""How many tokens a text has, estimated before it is sent.

Only the server's model knows. So each answer's count of prompt tokens is compared with the characters that were sent,
for each server and model. The ratio of all of them together is the estimate. Before the first answer, 4 characters are
one token.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from streamwidget._core.counted import counted
from streamwidget._core.messages import Message
from streamwidget._core.tools import Tool
from streamwidget._dialects.dialect import Question

CHARACTERS_PER_TOKEN = 4  # where nothing is known
_FILE = 1_000  # tokens of a file that is not text, such as an image


@dataclass(frozen=True, slots=True)
class TokenEstimate:
    """An estimate of the tokens of a request.

    Attributes
    ----------
    tokens : int
    learned_from : int
        So many answers of the same server and model it is made of. 0: it is a guess of 4 characters a token.

    Examples
    --------
    >>> import streamwidget as sw
    >>> print(sw.TokenEstimate(1204, 3))
    about 1,204 tokens, by the counts of 3 answers of this model
    >>> print(sw.TokenEstimate(12, 0))
    about 12 tokens, by a guess of 4 characters a token
    """

    tokens: int
    learned_from: int

    def __str__(self) -> str:
        n = self.learned_from
        counts = f"the counts of {counted(n, 'answer')} of this model"
        how = counts if n else f"a guess of {CHARACTERS_PER_TOKEN} characters a token"
        return f"about {counted(self.tokens, 'token')}, by {how}"


class TokenRatios:
    """What the answers of a process have taught about each server and model. Any thread may use it."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a signal's handler may ask within it
        self._seen: dict[tuple[str, str | None], tuple[int, int, int]] = {}  # characters, tokens, answers

    def learn(self, host: str, question: Question, prompt_tokens: int | None) -> None:
        """Take the server's count of a question's tokens. One with files teaches nothing."""
        characters, files = _size(question)
        if not prompt_tokens or files or not characters:
            return
        key = host, question.model
        with self._lock:
            before = self._seen.get(key, (0, 0, 0))
            self._seen[key] = before[0] + characters, before[1] + prompt_tokens, before[2] + 1

    def estimate(self, host: str, question: Question) -> TokenEstimate:
        """Return about how many tokens a question has there.

        Examples
        --------
        >>> ratios, asked = TokenRatios(), Question((Message("user", "abcdefgh"),), "m", {})
        >>> ratios.estimate("host", asked)
        TokenEstimate(tokens=2, learned_from=0)
        >>> ratios.learn("host", asked, 8)
        >>> ratios.estimate("host", Question((Message("user", "abcd"),), "m", {}))
        TokenEstimate(tokens=4, learned_from=1)
        """
        characters, files = _size(question)
        with self._lock:
            seen, tokens, answers = self._seen.get((host, question.model), (CHARACTERS_PER_TOKEN, 1, 0))
        return TokenEstimate(-(-characters * tokens // seen) + files * _FILE, answers)


#: Those of this process.
RATIOS = TokenRatios()


def _size(question: Question) -> tuple[int, int]:
    """Return how many characters a question has, and how many files that are not text."""
    sizes = [*map(_size_of_message, question.all_messages), *map(_size_of_tool, question.tools)]
    return sum(characters for characters, _ in sizes), sum(files for _, files in sizes)


def _size_of_message(message: Message | Mapping[str, Any]) -> tuple[int, int]:
    if isinstance(message, Message):
        texts = [file for file in message.attachments if file.kind == "text"]
        others = len(message.attachments) - len(texts)
        return len(message.text) + sum(len(file.text) for file in texts), others
    content = message.get("content")
    if not isinstance(content, list):
        return len(_json(content)), 0
    texts_of_parts = [part.get("text") for part in content if isinstance(part, Mapping)]
    written = [text for text in texts_of_parts if isinstance(text, str)]
    return sum(map(len, written)), len(content) - len(written)


def _size_of_tool(tool: Tool | Mapping[str, Any]) -> tuple[int, int]:
    if isinstance(tool, Tool):
        return len(tool.name) + len(tool.description) + len(_json(tool.arguments.schema)), 0
    return len(_json(tool)), 0


def _json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)
