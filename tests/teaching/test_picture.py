"""The pictures of the lessons: every message is drawn, inside of the picture, and said in words."""

from __future__ import annotations

import base64
import re
from xml.etree import ElementTree as ET

import pytest

from streamwidget.teaching import picture
from streamwidget.teaching._lesson_pictures import _PICTURES

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("lesson", _PICTURES)
def test_a_picture_has_every_part_and_message(lesson: str) -> None:
    """Texts, arrows and crosses match the steps, and nothing is outside of the picture."""
    drawn = picture(lesson)
    root = ET.fromstring(drawn.to_svg())
    texts = [element.text for element in root.iter(f"{SVG}text")]
    assert texts == [*drawn.actors, *(step.text.strip() for step in drawn.steps)]
    arrows = [path for path in root.iter(f"{SVG}path") if path.get("marker-end")]
    assert len(arrows) == sum(step.target is not None and not step.lost for step in drawn.steps)
    crosses = [path for path in root.iter(f"{SVG}path") if path.get("stroke-dasharray")]
    assert len(crosses) == sum(step.lost for step in drawn.steps)
    _, _, width, height = map(float, (root.get("viewBox") or "").split())
    assert all(
        0 < float(text.get("x", "")) < width and float(text.get("y", "")) < height for text in root.iter(f"{SVG}text")
    )
    assert all(0 <= step.source < len(drawn.actors) for step in drawn.steps)


@pytest.mark.parametrize("lesson", _PICTURES)
def test_a_text_is_between_two_lines(lesson: str) -> None:
    """The line of a part goes through no text. The font of a projector may be a wide one."""
    drawn = picture(lesson)
    root = ET.fromstring(drawn.to_svg())
    lines = [float(text.get("x", "")) for text in root.iter(f"{SVG}text")][: len(drawn.actors)]
    for text in list(root.iter(f"{SVG}text"))[len(drawn.actors) :]:
        width, x = 7.6 * len(text.text or ""), float(text.get("x", ""))
        left = x - width * {"start": 0.0, "middle": 0.5, "end": 1.0}[text.get("text-anchor", "")]
        assert not [line for line in lines if left < line < left + width], text.text


def test_a_picture_is_said_in_words_and_has_two_schemes() -> None:
    """A screen reader gets each message, and a dark page a dark picture."""
    bundle = picture("stop")._repr_mimebundle_()
    assert (
        'alt="server to client: Rivers; client to you: Rivers; you to client: Stop; server to client, lost: are; '
        in (bundle["text/html"])
    )
    assert bundle["text/plain"].splitlines()[-1] == "server: it stops writing"
    image = re.search(r'base64,([^"]+)"', bundle["text/html"])
    assert image is not None
    assert "prefers-color-scheme:dark" in base64.b64decode(image[1]).decode()


def test_an_unknown_picture_is_an_error_with_the_names() -> None:
    """The message lists what exists."""
    with pytest.raises(ValueError, match=r"no picture 'x'. The pictures are: stream, wire, "):
        picture("x")
