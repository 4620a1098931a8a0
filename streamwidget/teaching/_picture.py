"""A picture of messages: the parts of a system side by side, time downwards, and an arrow for each message."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Any, NamedTuple

from streamwidget._core.timeline_svg import as_html
from streamwidget._core.visible import visible
from streamwidget.teaching._svg import document

_WIDTH, _MARGIN, _HEAD, _ROW = 800, 110, 52, 34
# The line of a part ends around a text, so that it does not go through the letters.
_CLEAR = 'stroke="var(--paper)" stroke-width="8" stroke-linejoin="round" paint-order="stroke"'
_ARROW = (
    '<defs><marker id="one" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<path d="M0 0L8 4L0 8z" fill="var(--one)"/></marker></defs>'
)


class Step(NamedTuple):
    """One row of a picture: a message from one part to another, or a note beside one part.

    Attributes
    ----------
    text : str
        What is sent, or what happens.
    source : int
        The number of the part, from the left.
    target : int or None
        The part that gets the message. None is a note.
    lost : bool
        The message does not arrive.
    """

    text: str
    source: int
    target: int | None = None
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a lesson. A notebook shows it as an image, with its text for screen readers.

    Attributes
    ----------
    actors : tuple of str
        The parts of the system, from left to right.
    steps : tuple of Step
        The messages and notes, from top to bottom.

    Examples
    --------
    >>> from streamwidget.teaching import picture
    >>> print(picture("stop"))
    server to client: Rivers
    client to you: Rivers
    you to client: Stop
    server to client, lost: are
    client to server: connection closed
    server: it stops writing
    """

    actors: tuple[str, ...]
    steps: tuple[Step, ...]

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        for text, source, target, lost in self.steps:
            way = self.actors[source] if target is None else f"{self.actors[source]} to {self.actors[target]}"
            yield f"{way}{', lost' if lost else ''}: {text.strip()}"

    def to_svg(self) -> str:
        """Return the picture as an SVG document.

        Returns
        -------
        str
            The text of the SVG file.
        """
        height = _HEAD + len(self.steps) * _ROW + 16
        distance = (_WIDTH - 2 * _MARGIN) / max(1, len(self.actors) - 1)
        places = [round(_MARGIN + number * distance) for number in range(len(self.actors))]
        parts = [_ARROW]
        for place, actor in zip(places, self.actors, strict=True):
            parts.append(f'<path d="M{place} {_HEAD - 14}V{height - 10}" stroke="var(--quiet)"/>')
            parts.append(f'<text x="{place}" y="26" text-anchor="middle" font-weight="600">{escape(actor)}</text>')
        for number, step in enumerate(self.steps, 1):
            parts.append(_row(step, places, _HEAD + number * _ROW - 8))
        return document(_WIDTH, height, "; ".join(self._lines()), "".join(parts))

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        image = as_html(self.to_svg(), "; ".join(self._lines()), _WIDTH)
        return {"text/html": image, "text/plain": str(self)}


def _row(step: Step, places: list[int], y: int) -> str:
    text = escape(visible(step.text.strip()))
    begin = places[step.source]
    if step.target is None:
        anchor, x = ("end", begin - 8) if step.source == len(places) - 1 else ("start", begin + 8)
        return f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-style="italic" {_CLEAR}>{text}</text>'
    end = places[step.target]
    colour = "two" if step.lost else "one"
    if step.lost:  # the arrow ends on the way, at a cross
        end = round(begin + (end - begin) * 0.8)
        shape = f'stroke-dasharray="6 4"/><path d="M{end - 5} {y - 5}l10 10m0 -10l-10 10" stroke="var(--two)"/>'
    else:
        shape = 'marker-end="url(#one)"/>'
    # beside the part that sends it, because in the middle of a long way there may be the line of another part
    beside = places[step.source + (1 if step.target > step.source else -1)]
    return (
        f'<text x="{(begin + beside) / 2}" y="{y - 6}" text-anchor="middle" {_CLEAR}>{text}</text>'
        f'<path d="M{begin} {y}H{end}" stroke="var(--{colour})" stroke-width="1.8" {shape}'
    )
