"""The picture of a race: both curves on one clock, drawn while it runs and at the end.

The picture never changes its size, so nothing below it moves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from math import floor, log10

from streamwidget._core.timeline import Timeline
from streamwidget._core.visible import visible
from streamwidget.teaching._svg import document

_Scale = Callable[[float], float]
WIDTH, HEIGHT = 960, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 76, 20, 62, 40
_MOST_POINTS = 300  # more would make no visible difference, and the picture is sent several times a second
_CURVES = (("var(--one)", ""), ("var(--two)", ' stroke-dasharray="7 4"'))  # not by colour alone


def race_picture(
    titles: Sequence[str], timelines: Sequence[Timeline], first_words: Sequence[float | None], alternative: str
) -> str:
    """Draw both curves, the first word of each, and above them the clock or the difference.

    Without timelines it is the empty place of a race that has not begun.
    """
    total = max((timeline.total for timeline in timelines), default=0.0)
    characters = max((timeline.characters for timeline in timelines), default=0)
    span, most = _round_up(total, 2), _round_up(characters, 100)
    bottom = HEIGHT - _BOTTOM

    def x(at: float) -> float:
        return round(_LEFT + at / span * (WIDTH - _LEFT - _RIGHT), 1)

    def y(count: float) -> float:
        return round(bottom - count / most * (bottom - _TOP), 1)

    parts = [_axes(x, y, span, most, bottom), _headline(timelines, first_words, total)]
    for place, (title, timeline, at) in enumerate(zip(titles, timelines, first_words, strict=False)):
        height = (_TOP + 14, bottom - 8)[place]  # above and below, as the curves are there
        parts += [_curve(x, y, timeline, place), _mark(x, at, height, bottom, place), _legend(title, timeline, place)]
    return document(WIDTH, HEIGHT, alternative, "".join(parts))


def _curve(x: _Scale, y: _Scale, timeline: Timeline, place: int) -> str:
    colour, dashes = _CURVES[place]
    step = max(1, -(-len(timeline.arrivals) // _MOST_POINTS))
    shown = [*timeline.arrivals[::step], *timeline.arrivals[-1:]]
    path = f"M{x(0)} {y(0)}" + "".join(f"H{x(a.at)}V{y(a.characters)}" for a in shown) + f"H{x(timeline.total)}"
    return f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2.5"{dashes}/>'


def _mark(x: _Scale, at: float | None, height: float, bottom: float, place: int) -> str:
    """Draw a line at the first word, if it has come."""
    if at is None:
        return ""
    colour, _ = _CURVES[place]
    anchor, shift = ("start", 5) if x(at) < WIDTH * 0.7 else ("end", -8)
    return (
        f'<path d="M{x(at)} {_TOP}V{bottom}" stroke="{colour}" stroke-dasharray="1 3"/>'
        f'<text x="{x(at) + shift}" y="{height}" text-anchor="{anchor}" fill="{colour}">first word {at:.2f} s</text>'
    )


def _legend(title: str, timeline: Timeline, place: int) -> str:
    colour, dashes = _CURVES[place]
    left = WIDTH - _RIGHT - 300
    words = f"{title} · {timeline.outcome or 'running'}, {timeline.total:.2f} s"
    return (
        f'<path d="M{left} {17 + 22 * place}h30" stroke="{colour}" stroke-width="3"{dashes}/>'
        f'<text x="{left + 38}" y="{22 + 22 * place}">{escape(visible(words))}</text>'
    )


def difference(first_words: Sequence[float | None]) -> str:
    """Return how much earlier the streamed answer could be read, for example "3.2 s earlier"."""
    streamed, whole = first_words
    if streamed is None or whole is None:
        return "no first word" if streamed is whole else "one answer without a word"
    gained = whole - streamed
    if abs(gained) < 0.05:
        return "at the same time"
    return f"{abs(gained):.1f} s {'earlier' if gained > 0 else 'later'}"


def _headline(timelines: Sequence[Timeline], first_words: Sequence[float | None], total: float) -> str:
    if timelines and all(timeline.outcome for timeline in timelines):
        large, small = difference(first_words), "the first word, streamed"
    else:
        large, small = f"{total:.1f} s", "since both requests" if timelines else "the clock of both requests"
    return (
        f'<text x="{_LEFT}" y="42" font-size="38" font-weight="700">{large}'
        f'<tspan dx="14" font-size="15" font-weight="400" fill="var(--quiet)">{small}</tspan></text>'
    )


def _axes(x: _Scale, y: _Scale, span: float, most: float, bottom: float) -> str:
    parts = [f'<path d="M{_LEFT} {_TOP}V{bottom}H{WIDTH - _RIGHT}" fill="none" stroke="var(--quiet)"/>']
    for part in range(6):
        at = span * part / 5
        parts.append(f'<text x="{x(at)}" y="{bottom + 17}" text-anchor="middle" fill="var(--quiet)">{at:g}</text>')
    left = f'x="{_LEFT - 8}" text-anchor="end" fill="var(--quiet)"'
    parts += [f'<text y="{y(count) + 5}" {left}>{count:g}</text>' for count in (0, most / 2, most)]
    middle = (_TOP + bottom) / 2
    parts.append(
        f'<text x="{(_LEFT + WIDTH - _RIGHT) / 2}" y="{HEIGHT - 7}" text-anchor="middle" fill="var(--quiet)">'
        "seconds since the request</text>"
        f'<text transform="translate(18 {middle}) rotate(-90)" text-anchor="middle" fill="var(--quiet)">'
        "characters</text>"
    )
    return "".join(parts)


def _round_up(value: float, least: float) -> float:
    """Return the end of an axis: a round number not below both. For example 4 for 3.7."""
    value = max(value, least)
    power = 10.0 ** floor(log10(value))
    return next(factor * power for factor in (1, 2, 3, 4, 5, 6, 8, 10) if factor * power >= value)
