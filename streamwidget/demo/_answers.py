"""The answers of the demo server: Markdown about the question, cut into pieces the size of tokens.

The same messages always give the same pieces. Joined, the pieces are exactly the text.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ESSAY_TOKENS = 1_200
LONG_TOKENS = 4_000
MAX_COUNT = 10_000

_PIECE = re.compile(
    r" ?[A-Za-z]{1,7}(?![A-Za-z])"  # a short word, with the space before it
    r"| ?[A-Za-z]{5}"  # a piece of a long word
    r"| ?[0-9]{1,3}"
    r"| ?[^\w\s]{1,3}"
    r"|\s+"
    r"|[^\W\d_A-Za-z]{1,2}"  # letters of other scripts
    r"|.",
    re.DOTALL,
)

# A page may render the topic as a heading, so it keeps words only: no markup, no control or bidi characters.
_UNSAFE = re.compile(r"[^\w .,:;'?+/%=-]|_")


def split_pieces(text: str) -> Iterator[str]:
    """Cut ``text`` into pieces of about five characters, as a tokeniser would.

    >>> list(split_pieces("A stream of tokens."))
    ['A', ' stream', ' of', ' tokens', '.']
    """
    return (match[0] for match in _PIECE.finditer(text))


def message_text(message: Mapping[str, Any]) -> str:
    """Return the text of one request message. Its content may be a string, a list of parts, or None."""
    content = message.get("content")
    if isinstance(content, list):
        parts = (part.get("text") for part in content if isinstance(part, dict))
        return "\n".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""


def topic_of(question: str) -> str:
    """Return the first words of ``question``, safe in a Markdown heading."""
    words = _UNSAFE.sub(" ", re.sub(r"</?[A-Za-z][^<>]*>", " ", question[:400])).split()
    topic = " ".join(itertools.islice((word for word in words if re.search(r"\w", word)), 9))
    return topic[:60].strip(" .,:;?") or "an empty question"


def answer_pieces(messages: Sequence[Mapping[str, Any]], model: str, tokens: int | None = None) -> Iterator[str]:
    """Yield the pieces of the answer to ``messages``.

    Parameters
    ----------
    messages : sequence of mapping
        The request's messages. "count to N" in the last user message gives the numbers up to N. "long" or "essay"
        gives a longer text, but not "how long".
    model : str
        The answer names it.
    tokens : int, optional
        The exact number of pieces. By default as many as the answer has.
    """
    question = next((message_text(m) for m in reversed(messages) if m.get("role") == "user"), "")
    lowered = question[:2_000].lower()
    count = re.search(r"\bcount(?:ing)?\b[^.\n]{0,40}?\bto ([0-9]{1,9})\b", lowered)
    if tokens is None and count is not None:
        return _counted(min(int(count[1]), MAX_COUNT))
    pieces = itertools.chain(
        split_pieces(_short_answer(messages, model, topic_of(question))),
        itertools.chain.from_iterable(map(split_pieces, _chapters(topic_of(question)))),
    )
    if tokens is not None:
        return itertools.islice(pieces, tokens)
    if re.search(r"\b((?<!how )long|essay)\b", lowered):  # "How long is the Elbe?" is a short question
        return itertools.islice(pieces, ESSAY_TOKENS)
    return split_pieces(_short_answer(messages, model, topic_of(question)))


def _counted(last: int) -> Iterator[str]:
    for number in range(1, last + 1):
        yield from split_pieces(f"{number}\n" if number < last else f"{number}")


def _short_answer(messages: Sequence[Mapping[str, Any]], model: str, topic: str) -> str:
    answers = sum(1 for message in messages if message.get("role") == "assistant")
    system = next((message_text(m) for m in messages if m.get("role") in ("system", "developer")), "")
    known = ""
    if system:
        known += f" A system prompt came with it ({topic_of(system)})."
    if answers:
        known += f" It follows {answers} earlier answer{'s' if answers > 1 else ''} of this conversation."
    return _SHORT.format(topic=topic, model=_UNSAFE.sub(" ", model)[:40], known=known)


def _chapters(topic: str) -> Iterator[str]:
    """Yield sections without end. Each takes other sentences from the store, so that they seldom repeat."""
    for number in itertools.count(1):
        chosen = [_SENTENCES[(number * 5 + i * 3 + number // len(_SENTENCES)) % len(_SENTENCES)] for i in range(6)]
        first, second = " ".join(chosen[:3]), " ".join(chosen[3:])
        item = f"- on {topic}, point {number}: {chosen[number % 6].lower()}"
        yield f"\n\n### Part {number}\n\n{first}\n\n{second}\n\n{item}\n- the next part follows"


_SHORT = """\
## {topic}

This is the built-in **demo** (`{model}`): no language model has read the question, but the text streams just as \
a real answer would.{known}

1. The request goes out, and the server thinks for a moment.
2. The *first delta* arrives, and then one small piece after another.
3. A last event says why the answer ended.

```python
def rate(deltas: int, seconds: float) -> float:
    return deltas / seconds
```

| figure | meaning |
|---|---|
| first delta | the wait until text appears |
| rate | deltas per second |

With $n$ deltas in $t$ seconds the rate is $r = n / t$, which is what the status line shows.

To ask a real model, set its name and a key. Your cells stay as they are.\
"""

_SENTENCES = (
    "A stream shows the reader the first words while the last ones are still being written.",
    "The time to the first delta is what a person feels; the total time is what a budget feels.",
    "Each event carries a small piece of text, and the pieces joined are the whole answer.",
    "A connection may break at any moment, so an answer without its ending must never look complete.",
    "Stopping early saves the reader's time, and closing the connection saves the server's.",
    "Small pieces cost more to carry than large ones, so a good view gathers them before it paints.",
    "When the answer has to be parsed, one request for the whole text is the simpler choice.",
    "A steady pace reads better than bursts, even where both bring the same number of words.",
    "Nobody reads faster than about fifteen words a second, however quickly they arrive.",
    "The order of the pieces is part of their meaning, and so it is kept all the way to the page.",
    "A pause in the middle may be thought or trouble; only a limit can tell the two apart.",
)
