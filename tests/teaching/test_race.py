"""The race: two requests, one clock, one picture."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Iterator
from xml.etree import ElementTree as ET

import pytest

import streamwidget as sw
from streamwidget._core.timeline import Arrival, Timeline
from streamwidget.demo import DemoServer
from streamwidget.teaching import Race
from streamwidget.teaching._race import first_word
from tests.support.deadlines import SOON

PROMPT = "What is a race?"


@pytest.fixture(scope="module")
def server() -> Iterator[DemoServer]:
    with DemoServer(tokens_per_second=400, first_delta=0.05) as started:
        yield started


@pytest.fixture
def client(server: DemoServer) -> sw.ChatClient:
    server.reset()
    return sw.ChatClient(server.url)


async def test_both_ask_the_same_at_once(client: sw.ChatClient, server: DemoServer) -> None:
    """Two requests run at the same time and differ only in ``stream``. The answers are the same."""
    race = await sw.race(PROMPT, client=client, model="demo", temperature=0)
    for record in server.requests:  # the client knows a moment earlier than the server
        await asyncio.to_thread(record.over.wait, SOON)
    first, second = sorted(server.requests, key=lambda request: not request.body.get("stream"))
    assert (first.body.get("stream"), second.body.get("stream", False)) == (True, False)
    assert [r.body["messages"] for r in (first, second)] == [[{"role": "user", "content": PROMPT}]] * 2
    assert [(r.body["model"], r.body["temperature"]) for r in (first, second)] == [("demo", 0)] * 2
    assert max(first.received, second.received) < min(first.ended or 0, second.ended or 0)
    assert race.streamed.text == race.whole.text != ""
    assert (race.streamed.outcome, race.whole.outcome) == ("complete", "complete")


async def test_the_streamed_one_can_be_read_long_before_the_other(client: sw.ChatClient) -> None:
    """The first word comes before the end. Not streamed, both come at one moment."""
    race = await sw.race(PROMPT, client=client)
    streamed, whole = race.first_words
    assert streamed is not None
    assert whole is not None
    assert streamed < race.timelines[0].total
    assert streamed < whole
    assert len(race.timelines[0].arrivals) > len(race.timelines[1].arrivals) == 1


async def test_the_picture_has_both_on_one_clock(client: sw.ChatClient) -> None:
    """Two curves with the first word and the end of each. The saved output has them as an image."""
    race = await sw.race(PROMPT, client=client)
    svg = race.to_svg()
    texts = [element.text or "" for element in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]
    assert sum(text.startswith("first word ") for text in texts) == 2
    assert [text.split(" · ")[0] for text in texts if " · complete, " in text] == ["streamed", "not streamed"]
    bundle = race._repr_mimebundle_()
    image = re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', bundle["text/html"])
    assert image is not None
    assert base64.b64decode(image[1]).decode() == svg
    assert bundle["text/html"].count('class="streamwidget-text') == 2
    assert bundle["text/plain"].startswith(str(race))
    assert re.fullmatch(
        r"streamed: first word after \d+\.\d\d s, complete after \d+\.\d\d s\n"
        r"not streamed: first word after \d+\.\d\d s, complete after \d+\.\d\d s",
        str(race),
    )


async def test_a_race_of_failures_still_ends(client: sw.ChatClient) -> None:
    """Each answer says how it ended, the picture shows it, and nothing is raised."""
    race = await sw.race(PROMPT, client=client, demo={"fault": "cut"})
    assert (race.streamed.outcome, race.whole.outcome) == ("interrupted", "protocol_error")
    assert race.streamed.text
    race = await sw.race(PROMPT, client=client, demo={"fault": "401"})
    assert race.first_words == (None, None)
    assert str(race).startswith("streamed: no first word, http_error after ")
    assert "<svg" in race.to_svg()


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("", None),
        ("## ", None),
        ("## Race", 0.3),  # until the end the word may become longer
        ("## Race on", 0.2),
        ("Race", 0.3),
        ("a b c d e f", 0.1),
    ],
)
def test_a_word_can_be_read_once_it_is_whole(text: str, at: float | None) -> None:
    """A mark of Markdown is not a word, and a word is whole when the next character or the end comes."""
    line = Timeline((Arrival(0.1, 4, 1), Arrival(0.2, 10, 2)), (), 0.3, "complete")
    assert first_word(text, line) == at


def test_a_race_is_shown_once_in_its_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cell that ran it shows it already. In a later cell it shows itself."""
    shown: list[object] = []
    monkeypatch.setattr("streamwidget._notebook.cell_output.show", shown.append)

    def now(cell: int | None) -> None:
        monkeypatch.setattr("streamwidget._notebook.cell_output.current_cell", lambda: cell)

    line = Timeline((), (), 0.3, "cancelled")
    race = Race(sw.ChatCompletion(), sw.ChatCompletion(), (line, line), 7)
    now(7)
    race._ipython_display_()
    assert not shown
    now(8)
    race._ipython_display_()
    assert len(shown) == 1
    now(None)
    Race(sw.ChatCompletion(), sw.ChatCompletion(), (line, line))._ipython_display_()
    assert len(shown) == 2
