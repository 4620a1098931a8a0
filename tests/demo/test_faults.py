"""The demo server's faults on the wire."""

from __future__ import annotations

import gzip
import http.client
import io
import json
import zlib

import pytest

from streamwidget.demo import DemoServer
from streamwidget.demo._faults import FAULTS
from tests.demo.wire import (
    KEY,
    ask,
    begin,
    body_of,
    connect,
    deltas_of,
    events_of,
    raw_connection,
    raw_post,
    read_until,
    reasons_of,
)
from tests.support.deadlines import SOON


def test_every_fault_is_listed_as_a_model(server: DemoServer) -> None:
    """Every fault is in the list of models."""
    connection = connect(server)
    connection.request("GET", "/v1/models")
    names = {model["id"] for model in json.loads(connection.getresponse().read())["data"]}
    assert names == {"demo", "demo-long"} | {f"demo-{name}" for name in FAULTS}


@pytest.mark.parametrize(("name", "status"), [("429", 429), ("401", 401), ("500", 500), ("503", 503), ("529", 529),
                                              ("502", 502), ("quota", 429), ("redirect", 307)])  # fmt: skip
@pytest.mark.parametrize("stream", [True, False])
def test_status_faults(server: DemoServer, name: str, status: int, stream: bool) -> None:
    """They answer with their status, streamed or not."""
    assert ask(server, model=f"demo-{name}", stream=stream).status == status


def test_429_says_how_long_to_wait_and_can_pass(server: DemoServer) -> None:
    """Retry-After is the requested value, even nonsense. After ``times`` failures for a key comes an answer."""
    assert ask(server, model="demo-429").headers["retry-after"] == "1"
    demo = {"fault": "429", "times": 2, "key": "a", "retry_after": "soon"}
    responses = [ask(server, demo=demo) for _ in range(3)]
    assert [response.status for response in responses] == [429, 429, 200]
    assert responses[0].headers["retry-after"] == "soon"
    assert ask(server, demo={**demo, "key": "b"}).status == 429


def test_401_shows_part_of_the_key_or_all_of_it(server: DemoServer) -> None:
    """The message shows part of the key, like OpenAI's. "401-echo" repeats the whole key, like some proxies."""
    message = json.loads(ask(server, model="demo-401").read())["error"]["message"]
    assert "sk-canar****" in message
    assert KEY not in message
    assert KEY in json.loads(ask(server, model="demo-401-echo").read())["error"]["message"]


def test_quota_is_told_by_its_code(server: DemoServer) -> None:
    """The word insufficient_quota distinguishes it from a rate limit."""
    assert json.loads(ask(server, model="demo-quota").read())["error"]["code"] == "insufficient_quota"


def test_redirect_goes_where_the_request_says(server: DemoServer) -> None:
    """The answer is 307 with the requested location."""
    response = ask(server, demo={"fault": "redirect", "location": "http://127.0.0.1:9/x"})
    assert response.headers["location"] == "http://127.0.0.1:9/x"


def test_usage_option_can_be_refused(server: DemoServer) -> None:
    """The answer is 400 with stream_options, and whole without."""
    refused = ask(server, model="demo-no-usage-option", stream_options={"include_usage": True})
    assert refused.status == 400
    assert "stream_options" in json.loads(refused.read())["error"]["message"]
    assert events_of(ask(server, model="demo-no-usage-option").read())[-1] == "[DONE]"


def test_html_and_json_come_instead_of_a_stream(server: DemoServer) -> None:
    """The answer is 200, but not an event stream."""
    assert ask(server, model="demo-html").headers["content-type"] == "text/html; charset=utf-8"
    response = ask(server, model="demo-json")
    assert response.headers["content-type"] == "application/json"
    assert json.loads(response.read())["object"] == "chat.completion"


def test_drop_resets_in_the_middle_of_a_chunk(server: DemoServer) -> None:
    """The deltas before the fault arrive, then the connection is reset."""
    sock = raw_connection(server, raw_post(body_of(demo={"fault": "drop", "after": 5})))
    record = server.wait_for_requests(1)[-1]
    assert record.over.wait(SOON)
    data = b""
    with pytest.raises(ConnectionResetError):
        while True:
            part = sock.recv(65536)
            assert part, "closed by FIN"
            data += part
    assert data.count(b'"content":') >= 1 + 5
    assert not data.endswith(b"\r\n")
    assert record.deltas_sent == 5
    assert record.client_left is None


def test_fin_closes_in_the_middle_of_a_chunk(server: DemoServer) -> None:
    """A FIN comes without the last chunk. http.client calls it an incomplete read."""
    with pytest.raises(http.client.IncompleteRead):
        ask(server, model="demo-fin").read()
    with pytest.raises(http.client.IncompleteRead):
        ask(server, model="demo-fin", stream=False).read()


def test_cut_ends_cleanly_without_an_ending(server: DemoServer) -> None:
    """For HTTP the response is whole, but finish_reason and [DONE] are missing."""
    events = events_of(ask(server, demo={"fault": "cut", "after": 9}).read())
    assert len(deltas_of(events)) == 9
    assert reasons_of(events) == []
    assert "[DONE]" not in events


def test_half_is_a_body_without_length_cut_in_an_event(server: DemoServer) -> None:
    """The body comes without chunks and without a length, and ends in half an event."""
    response = ask(server, model="demo-half")
    assert response.headers["transfer-encoding"] is response.headers["content-length"] is None
    assert b"\n" not in response.read()[-20:]


def test_error_comes_inside_the_stream(server: DemoServer) -> None:
    """After some deltas comes an error object, and then the end."""
    events = events_of(ask(server, model="demo-error").read())
    assert len(deltas_of(events)) == 12
    assert events[-1]["error"]["type"] == "server_error"


def test_garble_sends_broken_events_among_good_ones(server: DemoServer) -> None:
    """The requested number of broken events comes, and the rest of the answer is whole."""
    body = ask(server, demo={"fault": "garble", "count": 2}).read()
    broken = b'data: {"choices":[{"delta":{"content":"bro\n\n'
    assert body.count(broken) == 2
    assert "".join(deltas_of(events_of(body.replace(broken, b"")))).endswith("as they are.")


def test_ping_sends_comments_alone(server: DemoServer) -> None:
    """Bytes come again and again, but no delta."""
    sock, record = begin(server, fault="ping")
    read_until(sock, b": ping\n\n\r\n8\r\n: ping")
    assert record.deltas_sent == 0
    sock.close()


@pytest.mark.parametrize("name", ["length", "filter", "tools", "reasoning", "refusal"])
def test_streamed_and_whole_answers_agree(server: DemoServer, name: str) -> None:
    """Each special ending has the same content and finish_reason, streamed or not."""
    events = events_of(ask(server, model=f"demo-{name}").read())
    choice = json.loads(ask(server, model=f"demo-{name}", stream=False).read())["choices"][0]
    assert reasons_of(events) == [choice["finish_reason"]]
    expected = {"length": "length", "filter": "content_filter", "tools": "tool_calls"}.get(name, "stop")
    assert choice["finish_reason"] == expected
    for field in ("content", "reasoning_content", "refusal"):
        assert "".join(deltas_of(events, field)) == (choice["message"].get(field) or "")
    calls = [event["choices"][0]["delta"].get("tool_calls") for event in events[:-1]]
    arguments = "".join(call[0]["function"]["arguments"] for call in calls if call)
    assert bool(arguments) is (name == "tools")
    if arguments:
        assert choice["message"]["tool_calls"][0]["function"] == {"name": "get_weather", "arguments": arguments}
        assert json.loads(arguments)["city"] == "Zürich"


def test_crlf_dribble_and_gzip_carry_the_same_events(server: DemoServer) -> None:
    """The line ends, segments or coding differ, and the text is the same."""
    plain = deltas_of(events_of(ask(server).read()))
    crlf = ask(server, demo={"fault": "crlf"}).read()
    assert crlf.count(b"\n") == crlf.count(b"\r\n") > 100
    packed = ask(server, demo={"fault": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    dribbled = ask(server, demo={"fault": "dribble"}).read()
    for body in (crlf, gzip.decompress(packed.read()), dribbled):
        assert deltas_of(events_of(body)) == plain


def test_gzip_cut_is_truncated(server: DemoServer) -> None:
    """The compressed stream is cut."""
    with pytest.raises(http.client.IncompleteRead) as caught:
        ask(server, model="demo-gzip-cut").read()
    with pytest.raises((EOFError, zlib.error)):
        gzip.GzipFile(fileobj=io.BytesIO(caught.value.partial)).read()


def test_bomb_unpacks_to_far_more_than_it_sends(server: DemoServer) -> None:
    """It grows more than a thousand times."""
    response = ask(server, model="demo-bomb")
    part = response.read(20_000)
    assert len(zlib.decompressobj(31).decompress(part)) > 500 * len(part)
    response.close()


def test_slow_sends_two_a_second_unless_told_otherwise(server: DemoServer) -> None:
    """The second delta does not come within half a second of the first."""
    events = events_of(ask(server, model="demo-slow", demo={"tokens": 2}).read())
    (record,) = server.requests
    assert record.over.wait(SOON)
    assert len(deltas_of(events)) == 2
    assert record.ended is not None
    assert record.first_delta is not None
    assert record.ended - record.first_delta >= 0.45


def test_big_event_is_one_event(server: DemoServer) -> None:
    """The delta has the requested size, and the answer goes on after it."""
    events = events_of(ask(server, demo={"fault": "big-event", "size": 300_000}).read())
    assert max(map(len, deltas_of(events))) == 300_000
    assert events[-1] == "[DONE]"


def test_endless_goes_on_after_the_answer(server: DemoServer) -> None:
    """More deltas come than the answer has."""
    sock, record = begin(server, fault="endless", tokens=5)
    received = b""
    while received.count(b"data: ") < 50:
        received += sock.recv(65536)
    sock.close()
    assert record.left.wait(SOON)
