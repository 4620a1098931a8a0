"""The same prompt at once streamed and not streamed, on one clock."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from streamwidget._client.client import ChatClient
from streamwidget._client.transport import get_ready
from streamwidget._core.completion import ChatCompletion
from streamwidget._core.exceptions import StreamError
from streamwidget._core.stream import ChatStream
from streamwidget._core.timeline import Timeline
from streamwidget._core.timeline_svg import as_html
from streamwidget._saved.answer import length, mimebundle
from streamwidget._saved.budget import Budget
from streamwidget._saved.side_by_side import beside, heading
from streamwidget.teaching._race_picture import WIDTH, difference, race_picture

if TYPE_CHECKING:
    from streamwidget._core.messages import Prompt

TITLES = ("streamed", "not streamed")
_SIZE = {"height": "190px"}  # of an answer, while it runs and after


@dataclass(frozen=True, slots=True)
class Race:
    """The result of a race. A notebook shows one picture of both on one clock, and both answers.

    Attributes
    ----------
    streamed, whole : ChatCompletion
        The answers. ``outcome`` says how each ended.
    timelines : tuple of Timeline
        When the text of each came: first of the streamed answer, then of the other.

    Examples
    --------
    >>> import asyncio
    >>> import streamwidget as sw
    >>> from streamwidget.demo import DemoServer
    >>> with DemoServer() as server:
    ...     race = asyncio.run(sw.race("count to 20", client=sw.ChatClient(server.url)))
    >>> streamed, whole = race.first_words
    >>> streamed < whole
    True
    """

    streamed: ChatCompletion
    whole: ChatCompletion
    timelines: tuple[Timeline, Timeline]
    _cell: int | None = field(default=None, repr=False, compare=False)

    @property
    def first_words(self) -> tuple[float | None, float | None]:
        """Seconds until the first word of each could be read, or None if no word came."""
        streamed, whole = self.timelines
        return first_word(self.streamed.text, streamed), first_word(self.whole.text, whole)

    def __str__(self) -> str:
        return "\n".join(
            f"{title}: {_after('first word', at)}, {_after(timeline.outcome or 'running', timeline.total)}"
            for title, timeline, at in zip(TITLES, self.timelines, self.first_words, strict=True)
        )

    def to_svg(self) -> str:
        """Return the picture as an SVG document.

        Returns
        -------
        str
            The text of the SVG file.
        """
        return race_picture(TITLES, self.timelines, self.first_words, self._in_words())

    def picture(self) -> str:
        """Return the picture as HTML that a saved notebook can hold.

        Returns
        -------
        str
            An ``img`` with the picture inside, and its text for screen readers.
        """
        return as_html(self.to_svg(), self._in_words(), WIDTH)

    def _in_words(self) -> str:
        """Return the picture in words, for screen readers."""
        return f"{str(self).replace(chr(10), '; ')}; {difference(self.first_words)}"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return self._shown(_SIZE)

    def _shown(self, size: Mapping[str, str]) -> dict[str, str]:
        """Return the picture, and under it both answers. In HTML each has this size."""
        answers = (self.streamed, self.whole)
        with Budget.at_once(length(*answers)) as budget:
            saved = [mimebundle(answer, budget) for answer in answers]
        html = _place(self.picture(), [one["text/html"] for one in saved], size)
        plain = [str(self), *(f"-- {title} --\n{one['text/plain']}" for title, one in zip(TITLES, saved, strict=True))]
        return {"text/html": html, "text/plain": "\n\n".join(plain)}

    def _ipython_display_(self) -> None:
        """Show it, except in the cell that ran it: the race is shown there already."""
        from streamwidget._notebook.cell_output import current_cell, show

        if self._cell is None or self._cell != current_cell():
            show(self._repr_mimebundle_())


async def race(prompt: Prompt, *, client: ChatClient | None = None, model: str | None = None, **params: Any) -> Race:
    """Send a prompt twice at once, streamed and not streamed, and show both answers side by side while they come.

    A picture above the answers has both curves on one clock. At the end it shows how much earlier the streamed answer
    could be read, and the saved notebook keeps it. A race makes two requests, and a provider bills both.

    Parameters
    ----------
    prompt : str or list of dict
        As for :meth:`ChatClient.stream`.
    client : ChatClient, optional
        By default a client with the settings of the environment.
    model : str, optional
        By default the client's model.
    **params
        Fields of both requests.

    Returns
    -------
    Race
        Both answers. A request that failed does not raise: see the completion's ``outcome``.

    Raises
    ------
    ConfigurationError
        If the prompt is empty, or no model is chosen and the server needs one.

    Examples
    --------
    >>> import asyncio
    >>> import streamwidget as sw
    >>> from streamwidget.demo import DemoServer
    >>> with DemoServer() as server:
    ...     race = asyncio.run(sw.race("count to 3", client=sw.ChatClient(server.url)))
    >>> race.streamed.text == race.whole.text
    True
    """
    from streamwidget._notebook.cell_output import CellOutput

    output = CellOutput()
    streams = runners(prompt, client, model, params)
    stage = None
    if output.cell is not None:
        from streamwidget.teaching._stage import Stage

        stage = Stage(streams, TITLES, _SIZE, lambda: outcome_of(*streams).to_svg())
        output.put(stage.mimebundle())
    try:
        await ended(*streams)
    finally:
        result = outcome_of(*streams, cell=output.cell)
        saved = result._repr_mimebundle_()
        output.put(saved)
        if stage is not None:
            stage.replaced_by(saved)
    return result


def runners(
    prompt: Prompt, client: ChatClient | None, model: str | None, params: dict[str, Any]
) -> tuple[ChatStream, ChatStream]:
    """Return both streams, before they are started. The first request of a process waits here, and not in the race."""
    client = client or ChatClient()
    get_ready(client.base_url)
    return (
        client.request(prompt, model, params, stream=True),
        client.request(prompt, model, params, stream=False),
    )


async def ended(*streams: ChatStream) -> None:
    """Wait until all streams have ended, in any way."""

    async def end(stream: ChatStream) -> None:
        with contextlib.suppress(StreamError):  # the completion says how it ended
            await stream

    await asyncio.gather(*map(end, streams))


def outcome_of(streamed: ChatStream, whole: ChatStream, cell: int | None = None) -> Race:
    """Return the result of two streams, or how far they are while they run."""
    return Race(streamed.completion, whole.completion, (streamed.timeline, whole.timeline), cell)


def empty_place(size: Mapping[str, str]) -> str:
    """Return the HTML of a race that has not begun. It is as large as a race."""
    return _place(as_html(race_picture(TITLES, (), (), "no race yet"), "no race yet", WIDTH), ("", ""), size)


def _place(picture: str, answers: Sequence[str], size: Mapping[str, str]) -> str:
    return f"<div>{picture}</div>{beside([heading(title) for title in TITLES], answers, size)}"


def first_word(text: str, timeline: Timeline) -> float | None:
    """Return the seconds until the first word was complete: until a character after it came, or the end.

    For example, in "## Race on" the word "Race" is complete when the space after it has come. None if it is not yet.
    """
    word = re.search(r"\w+", text)
    if word is None:
        return None
    if word.end() == len(text):
        return timeline.total if timeline.outcome else None
    return next((arrival.at for arrival in timeline.arrivals if arrival.characters > word.end()), timeline.total)


def _after(what: str, at: float | None) -> str:
    return f"no {what}" if at is None else f"{what} after {at:.2f} s"
