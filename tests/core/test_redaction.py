"""A key that a server repeats in an answer is masked, wherever it stands, however it is written or cut."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

import streamwidget as sw
from streamwidget._core.events import Finish, Identity, ParsedEvent
from streamwidget._core.redaction import PATIENCE, Redaction, WireMask, redaction_for
from streamwidget._core.secrets import ApiKey, Secrets, mask, mask_bytes
from streamwidget._view.wire.rows import WireRows
from tests.support.cpu import cpu
from tests.support.native import Server
from tests.support.servers import CANARY, QUICK, RawServer, response, sse
from tests.support.tool_models import PROVIDERS, Call, Says, says

KEY = Secrets(ApiKey(CANARY))
RAW = CANARY.encode()
#: A key as a server may write it.
SPELLINGS = {
    "plain": CANARY,
    "upper case": CANARY.upper(),
    "lower case": CANARY.lower(),
    "url": quote(CANARY + "+/=", safe=""),
    "all of it in %": "".join(f"%{byte:02X}" for byte in RAW),
    "json": "".join(f"\\u{byte:04x}" for byte in RAW),
    "half json": CANARY[:9] + "".join(f"\\u{byte:04X}" for byte in RAW[9:]),
    "python": "".join(f"\\x{byte:02x}" for byte in RAW),
    "html": "".join(f"&#{byte};" for byte in RAW),
    "html, hexadecimal": "".join(f"&#x{byte:X};" for byte in RAW),
    "base64": base64.b64encode(RAW).decode(),
    "base64 of a header": base64.b64encode(b"Bearer " + RAW).decode(),
    "base64 of a login": base64.b64encode(b"me:" + RAW + b"!").decode(),
    "base64 for a URL": base64.urlsafe_b64encode(b"?>" + RAW).decode(),
    "hexadecimal": RAW.hex(),
    "in quotes": repr(CANARY),
    "in a URL": f"https://host.example/v1?key={CANARY}&x=1",
}
#: What would give a key away: six characters of its secret part, as they are or in base64.
TELLING = [
    CANARY[10:16],
    *(base64.b64encode(bytes(before) + RAW).decode()[16:26] for before in range(3)),
    RAW[8:14].hex(),
]


def redaction_of(secrets: Secrets) -> Redaction:
    redaction = redaction_for(secrets)
    assert redaction is not None
    return redaction


def clean(text: str) -> bool:
    return not any(telling.lower() in text.lower() for telling in TELLING)


@pytest.mark.parametrize("name", SPELLINGS)
def test_each_spelling_is_masked(name: str) -> None:
    """In a message all of it is masked, and in bytes too. The words around it stay."""
    text = f"A {SPELLINGS[name]} B"
    masked = mask(text, KEY)
    assert masked.startswith("A ")
    assert masked.endswith(" B")
    assert clean(masked)
    blotted = mask_bytes(text.encode(), KEY, guess=False)
    assert len(blotted) == len(text)
    assert clean(blotted.decode())
    assert b"*" in blotted


@pytest.mark.parametrize("kind", [sw.TextDelta, sw.ReasoningDelta, sw.RefusalDelta])
@pytest.mark.parametrize("name", SPELLINGS)
@given(data=st.data())
def test_a_key_is_masked_however_it_is_cut(
    kind: Callable[[str, int], ParsedEvent], name: str, data: st.DataObject
) -> None:
    """Deltas of any size. What is shown is the text with the key masked, and nothing of the text is lost."""
    text = f"The key is {SPELLINGS[name]} and no other. "
    cuts = sorted(data.draw(st.sets(st.integers(1, len(text) - 1), max_size=len(text))))
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    redaction = redaction_of(KEY)
    shown = "".join(event.text for event in redaction.clean(kind(piece, 0) for piece in pieces))
    shown += "".join(event.text for event in redaction.flush())
    assert clean(shown)
    assert "sk-" not in shown.lower()  # nor a beginning of it, wherever it is cut
    assert shown.startswith("The key is ")
    assert shown.endswith(" and no other. ")


@given(st.lists(st.text("skSK-cany01 .%&\\u", max_size=8)))
def test_other_text_stays_and_is_not_late(pieces: list[str]) -> None:
    """Text without the key comes through unchanged. Only its end is held back, if the key may begin there."""
    redaction = redaction_of(KEY)
    came = [event.text for event in redaction.clean(sw.TextDelta(piece, 0) for piece in pieces)]
    whole = "".join(pieces)
    held = "".join(event.text for event in redaction.flush())
    assert "".join(came) + held == whole
    assert KEY.spellings is not None
    assert KEY.spellings.begun_at_end(whole) == len(held)


@pytest.mark.parametrize(
    "word", ["ollama", "lm-studio", "not-needed", "EMPTY", "none", "x", "demo", "sk-no-key-required"]
)
def test_a_word_that_is_no_secret_stays_in_an_answer(word: str) -> None:
    """Servers without keys are given such words, and an answer may explain them. An error does not repeat them."""
    assert redaction_for(Secrets(ApiKey(word))) is None
    assert mask(f"key {word}!", Secrets(ApiKey(word))) == "key [key]!"
    assert mask(f"a{word}b", Secrets(ApiKey("x"))) == f"a{word}b" or "x" in word


def chunk(**delta: object) -> bytes:
    return json.dumps(
        {"id": "c1", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    ).encode()


def event(**fields: object) -> bytes:
    choice = {"index": 0, "delta": {"content": "hello"}, "finish_reason": fields.pop("finish_reason", None)}
    return json.dumps({"id": "c1", "model": "m", "choices": [choice], **fields}).encode()


def tool(**function: str) -> bytes:
    return chunk(tool_calls=[{"index": 0, "id": function.pop("id", None), "function": function}])


HEADER = base64.b64encode(b"Bearer " + RAW).decode()
HALVES = CANARY[:14], CANARY[14:]
HELLO, STOP, DONE = chunk(content="hello"), event(finish_reason="stop"), b"[DONE]"
#: Places in an answer in which a server may repeat the key.
PLACES: dict[str, list[bytes]] = {
    "text": [chunk(content=f"it is {CANARY}"), STOP, DONE],
    "text, two deltas": [chunk(content=HALVES[0]), chunk(content=HALVES[1]), STOP, DONE],
    "text, a character each": [*(chunk(content=letter) for letter in CANARY), STOP, DONE],
    "text, cut by another": [chunk(content=HALVES[0]), chunk(reasoning="x"), chunk(content=HALVES[1]), STOP, DONE],
    "text in base64": [chunk(content=base64.b64encode(RAW).decode()), STOP, DONE],
    "text in base64, two deltas": [*(chunk(content=HEADER[i : i + 11]) for i in range(0, 60, 11)), STOP, DONE],
    "reasoning": [chunk(reasoning_content=CANARY), HELLO, STOP, DONE],
    "reasoning, two deltas": [chunk(reasoning=HALVES[0]), chunk(reasoning=HALVES[1]), HELLO, STOP, DONE],
    "refusal": [chunk(refusal=f"no {CANARY}"), STOP, DONE],
    "think tags": [chunk(content=f"<think>{HALVES[0]}"), chunk(content=f"{HALVES[1]}</think>"), HELLO, STOP, DONE],
    "tool's name": [tool(id="1", name=CANARY, arguments="{}"), STOP, DONE],
    "tool's id": [tool(id=CANARY, name="f", arguments="{}"), STOP, DONE],
    "tool's arguments": [tool(name="f", arguments=f'{{"{HALVES[0]}'), tool(arguments=f'{HALVES[1]}"}}'), STOP, DONE],
    "model": [event(model=CANARY), STOP, DONE],
    "id": [event(id=CANARY), STOP, DONE],
    "finish_reason": [HELLO, event(finish_reason=CANARY), DONE],
    "unknown part": [chunk(content=[{"type": CANARY, CANARY: CANARY}]), STOP, DONE],
    "no finish": [chunk(content=HALVES[0]), chunk(content=HALVES[1])],
    "cut": [chunk(content=CANARY[:20])],
}  # fmt: skip


@pytest.mark.fault("S15", "neither answer, export, recording nor rows show it")
@pytest.mark.parametrize("place", PLACES)
async def test_a_key_in_an_answer_is_shown_and_stored_nowhere(place: str, tmp_path: Path) -> None:
    """The completion, its saved forms, the events, the file of the recording and the rows of the wire."""
    body = sse(*(b"data: " + data + b"\n\n" for data in PLACES[place]))
    answer = response(body, f"x-request-id: {CANARY}", f"server: {CANARY}", f"vary: {CANARY}", f"retry-after: {CANARY}")
    with RawServer(answer) as server:
        stream = sw.ChatClient(server.url, CANARY, retry=QUICK).stream("x")
        recording = stream.record(tmp_path / "a.jsonl")
        events: list[object] = []
        stream.subscribe(events.extend)
        try:
            await stream
        except sw.StreamError as failure:
            assert clean(str(failure))  # noqa: PT017  (some of them are whole answers)
        assert RAW in server.requests[0]
    rows = WireRows(recording)
    rows.close()
    completion = stream.completion
    saved = "".join(completion._repr_mimebundle_().values())
    file = (tmp_path / "a.jsonl").read_text()
    for shown in (repr(completion), saved, repr(events), json.dumps(rows.rows), file):
        assert clean(shown)
    # A recording can still be played, and shows no key then either.
    again = sw.replay(tmp_path / "a.jsonl", speed=1000)
    try:
        await again
    except sw.StreamError as failure:
        assert clean(str(failure))  # noqa: PT017
    assert clean(repr(again.completion))


@sw.tool(safe=True)
def read_file(path: str = "") -> str:
    """Return a file with the key."""
    return f"{path}: OPENAI_API_KEY={CANARY}"


@sw.tool(safe=True)
def fail(path: str = "") -> str:
    """Raise the key."""
    raise ValueError(f"{path}: {CANARY}")


CALLED = json.dumps({"path": CANARY})
#: Answers with the key in a step of tools or in a value. After a call the model says "Done."
STEPS: dict[str, tuple[Says, dict[str, Any]]] = {
    "a tool's result": (Says(calls=(Call("read_file"),)), {"tools": [read_file]}),
    "a tool's failure": (Says(calls=(Call("fail"),)), {"tools": [fail]}),
    "a tool's argument": (Says(calls=(Call("read_file", CALLED),)), {"tools": [read_file]}),
    "an argument that no tool takes": (Says(calls=(Call("read_file", f'{{"x": {CALLED}}}'),)), {"tools": [read_file]}),
    "no tool's name": (Says(calls=(Call(CANARY),)), {"tools": [read_file]}),
    "a call's id": (Says(calls=(Call("read_file", "{}", CANARY),)), {"tools": [read_file]}),
    "a thought before a call": (Says(calls=(Call("read_file"),), thought=CANARY), {"tools": [read_file]}),
    "a value": (Says(CALLED), {"as_": {"type": "object", "properties": {"path": {"type": "string"}}}}),
    "not a value": (Says(CALLED), {"as_": {"type": "object", "required": ["x"]}, "retries": 1}),
}


@pytest.mark.fault("S15", "neither answer, export, recording nor rows show it")
@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("place", STEPS)
async def test_a_key_in_a_step_is_shown_stored_and_sent_nowhere(provider: str, place: str, tmp_path: Path) -> None:
    """In each API. Of a later request only the header of the key has it."""
    answer, given = STEPS[place]
    server = Server(says(provider, answer, Says("Done.")))
    conversation = sw.Conversation()
    stream = conversation.ask("x", server.client(provider, CANARY), **given)
    recording = stream.record(tmp_path / "a.jsonl")
    events: list[object] = []
    stream.subscribe(events.extend)
    completion = await stream
    rows = WireRows(recording)
    rows.close()
    saved = "".join(completion._repr_mimebundle_().values())
    exported = (conversation.to_json(), conversation.to_markdown(), (tmp_path / "a.jsonl").read_text())
    for shown in (repr(completion), saved, repr(events), json.dumps(rows.rows), *exported, *map(str, server.bodies)):
        assert clean(shown)


async def test_a_key_in_a_list_of_models_is_masked() -> None:
    """A list of models is shown too."""
    body = json.dumps({"data": [{"id": f"m-{CANARY}"}, {"id": "plain"}]}).encode()
    with RawServer(response(body, kind="application/json")) as server:
        names = await sw.ChatClient(server.url, CANARY).models()
    assert names == ["m-[key]", "plain"]


def test_an_identity_and_an_end_are_masked() -> None:
    """Words that are not text: the model, the request's id, the provider's word for the end, what a tool returned."""
    events = list(
        redaction_of(KEY).clean([Identity(CANARY, CANARY), Finish(CANARY, "complete"), Finish(None, "complete")])
    )
    assert events == [Identity("[key]", "[key]"), Finish("[key]", "complete"), Finish(None, "complete")]
    results = redaction_of(KEY).clean([sw.ToolResult(CANARY, CANARY, f"env: {CANARY}")])
    assert list(results) == [sw.ToolResult("[key]", "[key]", "env: [key]")]


@pytest.mark.parametrize("size", [1, 2, 3, 12, 30])
def test_the_wire_is_masked_in_its_place(size: int) -> None:
    """Each character of the key, wherever it is cut. The length stays, and the JSON can still be read."""
    text = f"say {CANARY}! And more."
    pieces = [text[place : place + size] for place in range(0, len(text), size)]
    lines = [b'data: {"content":"%s"}\n' % piece.encode() for piece in pieces]
    wire = WireMask(KEY)
    masked = [part for line in lines for part in wire.feed(line, guess=False)] + wire.flush()
    assert list(map(len, masked)) == list(map(len, lines))
    contents = [json.loads(line[6:])["content"] for line in masked]
    assert "".join(contents) == f"say {'*' * len(CANARY)}! And more."


def test_an_event_waits_for_the_next_ones_only_a_moment() -> None:
    """A field may come only once. Then no more than PATIENCE further events wait behind it, and all come in order."""
    wire = WireMask(KEY)
    lines = [b'{"role":"users"}\n', *(b'{"content":"%d"}\n' % number for number in range(2 * PATIENCE))]
    waiting = 0
    came: list[bytes] = []
    for number, line in enumerate(lines, 1):
        came += wire.feed(line, guess=False)
        waiting = max(waiting, number - len(came))
    assert came + wire.flush() == lines
    assert waiting == PATIENCE


HUGE = 300_000
#: Texts in which a careless pattern takes hours.
LONG = {
    "one word": "a" * HUGE,
    "dots": "." * HUGE,
    "stars": "*" * HUGE,
    "nearly stars": "a**" * (HUGE // 3),
    "words of stars": "a***" * (HUGE // 4),
    "sk-": "sk-" * (HUGE // 3),
    "sk- and dots": "sk-" + "." * HUGE,
    "Bearer": "Bearer " * (HUGE // 7),
    "dashes": "-" * HUGE,
    "beginnings of the key": CANARY[:-1] * (HUGE // 29),
    "halves of base64": base64.b64encode(RAW).decode()[:-6] * (HUGE // 34),
    "backslashes": "\\" * HUGE,
    "percent": "%73" * (HUGE // 3),
    "entities": "&#0" * (HUGE // 3),
    "zeros": "&#" + "0" * HUGE,
}


@pytest.mark.fault("S16", "at most 20 times the time of plain words")
@pytest.mark.parametrize("name", LONG)
def test_masking_is_linear(name: str) -> None:
    """300 KB of any kind take about as long as prose, in a message, in bytes and in an answer."""

    def work(text: str) -> None:
        mask(text, KEY)
        mask_bytes(text.encode(), KEY, guess=True)
        list(redaction_of(KEY).clean([sw.TextDelta(text, 0)]))
        WireMask(KEY).feed(b'{"content":"' + text.encode() + b'"}', guess=True)

    prose = max(0.002, cpu(lambda: work("some plain words of an answer. " * (HUGE // 31))))
    assert cpu(lambda: work(LONG[name])) < 20 * prose


def test_a_long_key_is_looked_for_at_once() -> None:
    """A token of Azure has 2,000 characters. The first answer does not wait for its search to be made."""
    key = "eyJ0" + "aB3-" * 500
    made, compared = [], []
    for number in range(3):  # the least of three: the garbage of other tests may be collected within one
        begun = time.thread_time()
        redaction = redaction_of(Secrets(ApiKey(key)))
        made.append(time.thread_time() - begun)
        begun = time.thread_time()
        re.compile(f"{number}ab" * 5 * len(key))  # about as many letters as its forms have
        compared.append(time.thread_time() - begun)
        re.purge()
    assert min(made) < 20 * max(0.01, min(compared))
    assert list(redaction.clean([sw.TextDelta("eyJ0aB3-aB3-")])) == [sw.TextDelta("")]
