"""Texts that grow: each item repeats the text so far. ``Hel``, ``Hello``, ``Hello there`` is one answer.

Many libraries send such texts, and no field says so. The texts themselves show it:

1. A text may have grown if it begins with the one before it, and is longer: ``Hel``, ``Hello``. It waits for the next.
2. If the next one begins with it too, the texts grow: ``Hello there``. If not, all of them are pieces:
   ``Ha``, ``Haha``, ``!`` is ``HaHaha!``.
3. At the end of the stream a waiting text has grown, if the one before it is at least three characters long.
4. A grown text with another beginning cannot be shown. It is left out, with a warning.
"""

from __future__ import annotations

from streamwidget._core.events import StreamWarning

_ENOUGH = 3  # characters


class Growth:
    """Takes the texts of a stream and returns the new part of each.

    Examples
    --------
    >>> growth = Growth()
    >>> [growth.take(text) for text in ("Hel", "Hello", "Hello there")]
    ['Hel', '', 'lo there']
    """

    def __init__(self) -> None:
        self._grows: bool | None = None
        self._said = ""
        self._held = ""
        self.rewritten = False

    def take(self, text: str) -> str:
        """Return the new characters of the next text."""
        if self._grows is False or not text:
            return text
        if self._grows:
            return self._grown(text)
        if not self._said:
            self._said = text
            return text
        if not self._held:
            if len(text) > len(self._said) and text.startswith(self._said):
                self._held = text
                return ""
            self._grows = False
            return text
        held, self._held = self._held, ""
        self._grows = text.startswith(held)
        return self._grown(text) if self._grows else held + text

    def close(self) -> str:
        """Return the text still waiting at the end."""
        held, self._held = self._held, ""
        return held[len(self._said) :] if len(self._said.strip()) >= _ENOUGH else held

    def warnings(self) -> list[StreamWarning]:
        """Return a warning about the last text, if it went wrong."""
        if not self.rewritten:
            return []
        return [StreamWarning("rewritten", "the source changed what it had said, and the change is left out")]

    def _grown(self, text: str) -> str:
        said = self._said
        if text.startswith(said):
            self._said = text
            return text[len(said) :]
        self.rewritten = self.rewritten or not said.startswith(text)
        return ""
