"""Timelines: what a stream's arrivals show, and their pictures."""

from __future__ import annotations

import base64
import re
from xml.etree import ElementTree as ET

import pytest

import streamwidget as sw
from streamwidget._core.events import Retry, TextDelta
from streamwidget._core.timeline import Arrivals, Gap, Timeline
from streamwidget._core.timeline_svg import draw
from streamwidget.demo import DemoServer


def timeline(*times: float, total: float | None = None) -> Timeline:
    """Make one with an arrival of one character at each of these times."""
    arrivals = Arrivals()
    for number, at in enumerate(times, 1):
        arrivals.note(at, number, number, [TextDelta("x")])
    return arrivals.timeline(times[-1] if total is None else total, "complete")


def test_a_gap_lies_between_two_arrivals() -> None:
    """In seconds since the request."""
    assert timeline(0.5, 1.0, 1.25).gaps == (Gap(0.5, 1.0), Gap(1.0, 1.25))
    assert timeline(0.5, 1.0).first_delta == 0.5


def test_a_stall_is_long_and_unusual() -> None:
    """Longer than a second and than eight median gaps. A slow stream does not always stall."""
    assert timeline(0.1, 0.2, 0.3, 2.0, 2.1).stalls == (Gap(0.3, 2.0),)
    assert timeline(0, 2, 4, 6, 8).stalls == ()
    assert timeline(0.1, 0.2, 0.3, 1.0).stalls == ()


def test_waiting_for_nothing_at_the_end_is_a_stall() -> None:
    """A stream that a limit cut stood still before that."""
    assert timeline(0.1, 0.2, 0.3, total=30.3).stalls == (Gap(0.3, 30.3),)


def test_a_burst_is_what_came_closer_together_than_the_rest() -> None:
    """Neighbouring short gaps are one burst."""
    assert timeline(0, 1, 1.01, 1.02, 2, 3, 4).bursts == (Gap(1, 1.02),)


def test_a_very_long_stream_keeps_a_bounded_number_of_arrivals() -> None:
    """The first and the last are kept, and so is the order."""
    long = timeline(*(n / 1000 for n in range(100_000)))
    times = [arrival.at for arrival in long.arrivals]
    assert len(times) <= 20_000
    assert times == sorted(times)
    assert (times[0], times[-1]) == (0, 99.999)
    assert len(long.to_svg()) < 100_000


def test_retries_are_in_it() -> None:
    """With the time, the delay and the reason."""
    arrivals = Arrivals()
    arrivals.note(0.2, 0, 0, [Retry(2, 0.5, "busy")])
    arrivals.note(1.0, 5, 1, [TextDelta("Hello")])
    (failed,) = arrivals.timeline(1.5, "complete").retries
    assert (failed.at, failed.delay, failed.reason) == (0.2, 0.5, "busy")


async def test_a_stream_has_its_timeline_at_any_time(demo: DemoServer) -> None:
    """Before, during and after. At the end it has all characters and deltas."""
    stream = sw.ChatClient(demo.url).stream("x", demo={"tokens": 30, "tokens_per_second": 300})
    assert stream.timeline.arrivals == ()
    assert stream.timeline.outcome is None
    during = [stream.timeline async for _ in stream]
    completion = stream.completion
    after = stream.timeline
    assert after.characters == len(completion.text)
    assert after.arrivals[-1].deltas == completion.timing.deltas == 30
    assert after.first_delta == pytest.approx(completion.timing.first_delta, abs=0.5)
    assert after.outcome == "complete"
    assert [t.characters for t in during] == sorted(t.characters for t in during)


def test_the_picture_is_well_formed_and_says_what_it_shows() -> None:
    """Also without an arrival."""
    some, none = (
        " ".join(element.text or "" for element in ET.fromstring(draw(shown)).iter())
        for shown in (timeline(0.1, 0.2, 0.3, 3.1), Timeline((), (), 0.0, None))
    )
    assert "complete, 3.10 s" in some
    assert "first delta 0.10 s" in some
    assert "2.8 s without a delta" in some
    assert "running" in none


def test_every_colour_of_the_picture_has_one_for_dark_pages() -> None:
    """A white picture dazzles in a dark room. The style sheet replaces each colour of an element."""
    arrivals = Arrivals()
    arrivals.note(0.05, 0, 0, [Retry(2, 0.5, "busy")])
    for number, at in enumerate((0.1, 0.2, 0.3, 3.1), 1):
        arrivals.note(at, number, number, [TextDelta("x")])
    root = ET.fromstring(draw(arrivals.timeline(3.1, "complete")))
    drawn = {(kind, element.get(kind, "none")) for element in root.iter() for kind in ("fill", "stroke")}
    coloured = [(kind, colour) for kind, colour in drawn if colour != "none"]
    (sheet,) = (element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}style"))
    assert len({colour for _, colour in coloured}) == 6
    assert all(f'.sw-timeline [{kind}="{colour}"]{{{kind}:#' in sheet for kind, colour in coloured)


def test_controls_in_a_reason_do_not_break_the_picture() -> None:
    """A gateway's error page may have escape codes. XML does not allow them."""
    arrivals = Arrivals()
    arrivals.note(0.2, 0, 0, [Retry(2, 0.5, "busy \x1b[31m<b>\ud800")])
    texts = " ".join(element.text or "" for element in ET.fromstring(draw(arrivals.timeline(1.5, "complete"))).iter())
    assert "busy ␛[31m<b>" in texts


def test_the_saved_picture_is_an_image_with_words() -> None:
    """A sanitizer removes SVG elements and keeps an image with a data: URL. Screen readers get its words."""
    bundle = timeline(0.1, 0.2, 0.3)._repr_mimebundle_()
    found = re.fullmatch(
        r'<img src="data:image/svg\+xml;base64,([^"]+)" alt="([^"]+)" style="[^"]+">', bundle["text/html"]
    )
    assert found is not None
    ET.fromstring(base64.b64decode(found[1]))
    assert found[2] == bundle["text/plain"] == "3 characters in 0.30 s; first delta after 0.10 s; complete"


def test_the_table_has_a_row_for_each_arrival() -> None:
    """With the gap before it."""
    import pandas as pd

    table = timeline(0.5, 1.0, 1.25).to_dataframe()
    assert isinstance(table, pd.DataFrame)
    assert list(table.columns) == ["at", "characters", "deltas", "gap"]
    assert table["gap"].tolist()[1:] == [0.5, 0.25]


def test_the_figure_shows_the_curve() -> None:
    """matplotlib draws it, for a paper."""
    (axes,) = timeline(0.5, 1.0, 1.25).plot().axes
    (line, *_) = axes.lines
    assert line.get_xdata().tolist() == [0, 0.5, 1.0, 1.25]
