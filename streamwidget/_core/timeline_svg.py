"""Draw a timeline as a picture: the characters over the seconds.

The picture has its own background, because a saved picture does not know the theme of its page. On a dark page or
system the picture is dark too. It is an image with a data: URL, because an untrusted notebook removes SVG elements and
keeps such images.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from html import escape
from math import floor, log10

from streamwidget._core.timeline import Timeline
from streamwidget._core.visible import visible

_WIDTH, _PANEL, _LEFT, _RIGHT, _TOP, _BOTTOM = 720, 150, 64, 20, 34, 36  # in units of the picture
_MOST_POINTS = 1500  # more points would make no visible difference
_PAPER, _INK, _QUIET, _CURVE, _STALL, _RETRY = "#ffffff", "#1f2328", "#59636e", "#0b62c4", "#fbe3c0", "#b3261e"
_DARK = {
    _PAPER: "#1b1f24", _INK: "#e6edf3", _QUIET: "#9da7b1", _CURVE: "#6cb6ff", _STALL: "#5c4519", _RETRY: "#ff8a80"
}  # fmt: skip
# Attributes hold the light colours, because some programs that draw SVG files know no style sheets.
_STYLE = "".join(
    f'.sw-timeline[{kind}="{light}"],.sw-timeline [{kind}="{light}"]{{{kind}:{dark}}}'
    for light, dark in _DARK.items()
    for kind in ("fill", "stroke")
)


def draw(timeline: Timeline) -> str:
    """Return the picture as an SVG document."""
    span = timeline.total or 1.0
    height = _TOP + _PANEL + _BOTTOM
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="sw-timeline" viewBox="0 0 {_WIDTH} {height}" '
        f'width="{_WIDTH}" height="{height}" '
        f'font-family="system-ui, sans-serif" font-size="13" fill="{_INK}">'
        f"<style>@media (prefers-color-scheme:dark){{{_STYLE}}}</style>"
        f'<rect width="{_WIDTH}" height="{height}" rx="6" fill="{_PAPER}"/>'
        f"{_panel(timeline, span)}{_time_axis(span)}</svg>"
    )


def as_html(svg: str, alternative: str, width: int = _WIDTH) -> str:
    """Return an ``img`` element with the picture, and with ``alternative`` for screen readers."""
    data = base64.b64encode(svg.encode()).decode()
    style = f"display:block;width:100%;max-width:{width}px;height:auto"
    return f'<img src="data:image/svg+xml;base64,{data}" alt="{escape(alternative)}" style="{style}">'


def describe(timeline: Timeline) -> str:
    """Return the picture in words."""
    words = [f"{timeline.characters} characters in {timeline.total:.2f} s"]
    words.append("no delta" if timeline.first_delta is None else f"first delta after {timeline.first_delta:.2f} s")
    if timeline.retries:
        words.append(f"retries: {len(timeline.retries)}")
    if timeline.stalls:
        longest = max(stall.seconds for stall in timeline.stalls)
        words.append(f"stalls: {len(timeline.stalls)}, the longest {longest:.1f} s")
    words.append(timeline.outcome or "still running")
    return "; ".join(words)


def _panel(timeline: Timeline, span: float) -> str:
    top, bottom = _TOP, _TOP + _PANEL
    most = max(timeline.characters, 1)

    def x(at: float) -> float:
        return round(_LEFT + at / span * (_WIDTH - _LEFT - _RIGHT), 1)

    def y(characters: int) -> float:
        return round(bottom - characters / most * (_PANEL - 8), 1)

    parts = [
        f'<rect x="{x(stall.start)}" y="{top}" width="{max(1, x(stall.end) - x(stall.start)):.1f}" height="{_PANEL}" '
        f'fill="{_STALL}"><title>{stall.seconds:.1f} s without a delta</title></rect>'
        for stall in timeline.stalls
    ]
    parts += [_mark(x(retry.at), _RETRY, "4 3", f"attempt failed: {retry.reason}") for retry in timeline.retries]
    at = timeline.first_delta
    if at is not None:
        place = x(at)
        parts.append(_mark(place, _QUIET, "1 3", "first delta"))
        anchor, shift = ("start", 4) if place < _WIDTH * 0.7 else ("end", -10)
        label = f"first delta {at:.2f} s"
        parts.append(f'<text x="{place + shift}" y="{top + 12}" text-anchor="{anchor}" fill="{_QUIET}">{label}</text>')
    parts.append(f'<path d="{_curve(timeline, x, y)}" fill="none" stroke="{_CURVE}" stroke-width="1.8"/>')
    parts.append(f'<path d="M{_LEFT} {bottom}H{_WIDTH - _RIGHT}M{_LEFT} {top}V{bottom}" stroke="{_QUIET}"/>')
    parts.append(f'<text x="{_LEFT - 6}" y="{y(most) + 4}" text-anchor="end">{timeline.characters}</text>')
    parts.append(f'<text x="{_LEFT - 6}" y="{bottom}" text-anchor="end">0</text>')
    end = f"{timeline.outcome or 'running'}, {timeline.total:.2f} s"
    place = x(timeline.total)
    parts.append(f'<circle cx="{place}" cy="{y(timeline.characters)}" r="3.5" fill="{_CURVE}"/>')
    parts.append(f'<text x="{_LEFT}" y="{top - 8}" font-weight="600">{end}</text>')
    return "".join(parts)


def _curve(timeline: Timeline, x: Callable[[float], float], y: Callable[[int], float]) -> str:
    arrivals = timeline.arrivals
    step = max(1, -(-len(arrivals) // _MOST_POINTS))
    shown = [*arrivals[::step], *arrivals[-1:]]
    return f"M{x(0.0)} {y(0)}" + "".join(f"H{x(a.at)}V{y(a.characters)}" for a in shown) + f"H{x(timeline.total)}"


def _mark(x: float, colour: str, dashes: str, title: str) -> str:
    return (
        f'<path d="M{x} {_TOP}V{_TOP + _PANEL}" stroke="{colour}" stroke-width="1.3" stroke-dasharray="{dashes}">'
        f"<title>{escape(visible(title))}</title></path>"
    )


def _time_axis(span: float) -> str:
    top = _TOP + _PANEL
    step = 10 ** floor(log10(span / 2)) if span > 0 else 1
    step = next(step * factor for factor in (1, 2, 5, 10) if span / (step * factor) <= 8)
    ticks = []
    for number in range(int(span / step) + 1):
        at = number * step
        x = _LEFT + at / span * (_WIDTH - _LEFT - _RIGHT)
        ticks.append(f'<text x="{x:.1f}" y="{top + 16}" text-anchor="middle" fill="{_QUIET}">{at:g}</text>')
    place = f'x="{_WIDTH - _RIGHT}" y="{top + 31}" text-anchor="end" fill="{_QUIET}"'
    return "".join(ticks) + f"<text {place}>seconds since the request</text>"
