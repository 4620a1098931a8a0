"""The server's own words come through, whatever they are wrapped in: in a refusal, in a whole reply, in a stream."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamwidget import ErrorInfo, TextDelta
from streamwidget._client.parser import MalformedStream, StreamParser
from streamwidget._client.retry import worth_retrying
from streamwidget._core.accumulator import Accumulator
from streamwidget._dialects.chat_completions import ChatCompletions
from streamwidget._dialects.dialect import MalformedItem, Question, ServerReportedError
from streamwidget._dialects.errors import http_error_info, reported_error
from tests.support.servers import sse

pytestmark = pytest.mark.fault("N36", "the sentence of the server, or the first 200 characters")

WORDS = "no such model zebra"
BODIES: dict[str, Any] = {
    "error": {"error": WORDS},
    "error.message": {"error": {"message": WORDS, "type": "x", "param": None}},
    "error.error": {"error": {"error": {"message": WORDS}}},
    "error list": {"error": [{"message": WORDS}]},
    "list of errors": [{"error": {"code": 400, "message": WORDS, "status": "INVALID_ARGUMENT"}}],
    "list of text": [WORDS],
    "detail": {"detail": WORDS},
    "detail list": {"detail": [{"loc": ["body", "x"], "msg": WORDS, "type": "t"}]},
    "detail, odd name": {"detail": {"reason_text": WORDS}},
    "errors list": {"errors": [{"message": WORDS}]},
    "errors by field": {"errors": {"model": [WORDS]}},
    "errors, title and detail": {"errors": [{"status": "404", "title": "Not Found", "detail": WORDS}]},
    "fault": {"fault": {"faultstring": WORDS, "detail": {"errorcode": "x.y"}}},
    "message object": {"message": {"en": WORDS}},
    "message list": {"error": {"message": [WORDS]}},
    "JSON in JSON": {"error": {"message": json.dumps({"error": {"message": WORDS}})}},
    "metadata.raw": {
        "error": {"message": "Provider returned error", "metadata": {"raw": json.dumps({"error": WORDS})}}
    },
    "Bedrock": {"__type": "com.amazon.coral.service#ValidationException", "message": WORDS},
    "Bedrock, Message": {"__type": "ValidationException", "Message": WORDS},
    "Google, only details": {
        "error": {"code": 400, "status": "X", "details": [{"@type": "x", "fieldViolations": [{"description": WORDS}]}]}
    },
    "gRPC": {"code": 5, "message": WORDS, "details": []},
    "code and msg": {"code": -1, "msg": WORDS},
    "statusCode": {"statusCode": 404, "message": WORDS},
    "problem+json": {"type": "about:blank", "title": "Bad", "status": 400, "detail": WORDS},
    "OAuth": {"error": "invalid_request", "error_description": WORDS},
    "Spring": {"timestamp": "2026", "status": 400, "error": "Bad Request", "message": WORDS, "path": "/v1"},
    "a label beside it": {"error": "model_not_found", "message": WORDS},
    "error true": {"error": True, "message": WORDS},
    "error empty": {"error": {}, "message": WORDS},
    "error with a code, message beside it": {"error": {"code": "c"}, "message": WORDS},
    "base_resp": {"base_resp": {"status_code": 1004, "status_msg": WORDS}},
    "error_msg": {"error_code": 336003, "error_msg": WORDS, "id": "x"},
    "Response.Error": {"Response": {"Error": {"Code": "X", "Message": WORDS}, "RequestId": "r"}},
    "header": {"header": {"code": 10013, "message": WORDS}},
    "err": {"err": WORDS},
    "ErrorMessage": {"ErrorMessage": WORDS},
    "data.error": {"data": {"error": {"message": WORDS}}},
    "an unknown name": {"zonk": WORDS},
    "only a message": {"message": WORDS, "id": "x"},
}
TEXTS = {
    "XML": f"<?xml version='1.0'?><Error><Code>X</Code><Message>{WORDS}</Message></Error>",
    "HTML": f"<!doctype html><html><head><title>400</title></head><body><h1>Bad</h1><p>{WORDS}</p></body></html>",
    "text": f"\r\n{WORDS}\r\n",
    "an event": f"data: {json.dumps({'error': {'message': WORDS}})}\n\n",
    "an error event": f"event: error\ndata: {json.dumps({'message': WORDS})}\n\n",
    "llama.cpp": f"error: {json.dumps({'code': 400, 'message': WORDS})}\n\n",
    "BOM": "\ufeff" + json.dumps({"error": WORDS}),
    "JSON lines": json.dumps({"error": WORDS}) + "\n" + json.dumps({"done": True}),
    "cut": json.dumps({"error": {"message": WORDS, "x": "y" * 50}})[:-20],
    "against hijacking": ")]}'\n" + json.dumps({"error": {"message": WORDS}}),
    "JSON text": json.dumps(WORDS),
    "JSON in a JSON text": json.dumps(json.dumps({"error": {"message": WORDS}})),
}


def words_of_a_stream(body: bytes) -> str:
    """Return what is said of a response with status 200 that is not an answer."""
    parser = StreamParser(ChatCompletions(), Accumulator())
    try:
        parser.feed(body)
        outcome, _ = parser.close(clean=True)
    except ServerReportedError as exc:
        return exc.info.message
    except (MalformedStream, MalformedItem) as exc:
        return f"{exc}: {parser.last_words}"
    assert outcome == "interrupted"
    return parser.last_words


@pytest.mark.parametrize("body", BODIES.values(), ids=list(BODIES))
def test_the_sentence_is_found_in_any_object(body: Any) -> None:
    """In a refusal, in a whole reply, and in a stream, before the text and after it."""
    text = json.dumps(body).encode()
    refusal = http_error_info(400, text)
    assert WORDS in refusal.message
    assert "{" not in refusal.message
    assert WORDS in words_of_a_stream(text)
    for before in (b"", sse("Half ")):
        assert WORDS in words_of_a_stream(before + b"data: " + text + b"\n\n")


@pytest.mark.parametrize("body", TEXTS.values(), ids=list(TEXTS))
def test_the_sentence_is_found_in_any_text(body: str) -> None:
    """The tags of a page are left out, and JSON is read wherever it stands."""
    assert WORDS in http_error_info(400, body.encode()).message
    assert WORDS in words_of_a_stream(body.encode())
    assert "<" not in http_error_info(400, body.encode()).message


WRAPPINGS: list[Callable[[Any], Any]] = [
    lambda inner: {"error": inner},
    lambda inner: {"error": {"message": inner, "type": "invalid_request_error", "code": 400}},
    lambda inner: {"detail": inner},
    lambda inner: {"errors": [inner]},
    lambda inner: [inner],
    lambda inner: {"fault": {"faultstring": inner}},
    lambda inner: {"status": 400, "message": inner, "path": "/v1"},
    lambda inner: {"error": "bad_request", "reason": inner},
    lambda inner: {"request_id": "r-1", "body": {"error": inner}},
    json.dumps,
]
SENTENCES = st.text("abcäöü模型", min_size=2, max_size=12).map(lambda text: f"the {text} is gone")


@settings(max_examples=150, deadline=None)
@given(SENTENCES, st.lists(st.sampled_from(WRAPPINGS), min_size=1, max_size=4))
def test_the_sentence_is_found_in_any_wrapping(sentence: str, wrappings: list[Callable[[Any], Any]]) -> None:
    """Wrappings of wrappings, down to the depth that real gateways reach."""
    body: Any = sentence
    for wrap in wrappings:
        body = wrap(body)
    assert sentence in http_error_info(400, json.dumps(body).encode()).message
    if isinstance(body, dict):
        assert sentence in words_of_a_stream(b"data: " + json.dumps(body).encode() + b"\n\n")


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None)
@given(JSON | st.dictionaries(st.sampled_from(["error", "message", "detail", "code", "status"]), JSON), st.binary())
def test_any_body_has_words(value: Any, noise: bytes) -> None:
    """At most 2,000 characters on one line, and never none."""
    for body in (json.dumps(value).encode(), noise):
        message = http_error_info(418, body).message
        assert message.strip()
        assert "\n" not in message
        assert len(message) <= 2_100
    reported_error(value, in_doubt=True)


@pytest.mark.parametrize(
    "item",
    [
        {"message": "Queued, one moment"},
        {"status": "processing", "message": "Loading the model"},
        {"code": 0, "msg": "Everything is fine"},
        {"code": 200, "message": "All is well"},
        {"type": "ping", "message": "Still here"},
        {"prompt_progress": {"total": 5, "processed": 1}},
        {"response": {"error": None, "status": "in_progress"}},
        {"error": None, "detail": "", "errors": []},
        {"queue_position": 3},
    ],
)
def test_news_before_the_text_is_not_an_error(item: dict[str, Any]) -> None:
    """The answer after it is whole. If nothing comes after it, its words are the reason."""
    assert reported_error(item, in_doubt=False) is None
    parser = StreamParser(ChatCompletions(), Accumulator())
    events = parser.feed(sse(item, "Hello", {"choices": [{"delta": {}, "finish_reason": "stop"}]}))
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["Hello"]
    assert parser.close(clean=True)[0] == "complete"


@pytest.mark.parametrize(
    ("status", "words"),
    [(520, "unknown error"), (521, "down"), (522, "timed out"), (523, "unreachable"), (524, "in time"), (599, "599")],
)
def test_a_status_without_a_body_has_words(status: int, words: str) -> None:
    """Cloudflare's statuses have names too."""
    for body in (b"", b"{}", b"null", b"[]", b'{"error": null}', b"<html><script>x</script></html>"):
        assert words in http_error_info(status, body).message


@pytest.mark.parametrize("field", ["code", "type"])
@pytest.mark.parametrize(
    ("value", "again"),
    [
        *((code, True) for code in ("server_error", "rate_limit_exceeded", "UNAVAILABLE", "ThrottlingException")),
        *((code, False) for code in ("invalid_api_key", "insufficient_quota", "content_filter")),
    ],
)
def test_a_code_that_is_text_says_whether_it_may_pass(field: str, value: str, again: bool) -> None:
    """In either field: servers mix them up."""
    assert worth_retrying(ErrorInfo("It failed", status=200, **{field: value})) is again  # type: ignore[arg-type]


FIELD = "stream_options"
REFUSALS = [
    {"error": {"message": f"Unrecognized request argument supplied: {FIELD}"}},
    {"error": {"message": "Extra inputs are not permitted", "param": FIELD}},
    {"detail": [{"type": "extra_forbidden", "loc": ["body", FIELD], "msg": "Extra inputs are not permitted"}]},
    {"detail": [{"loc": ["body", FIELD, "include_usage"], "msg": "extra fields not permitted"}]},
    {"errors": [f"property {FIELD} should not exist"]},
    {"message": [f"property {FIELD} should not exist"], "error": "Bad Request", "statusCode": 400},
    {"error": {"message": "invalid", "details": [{"field": FIELD}]}},
    {"error": {"message": "Unknown field", "param": f"{FIELD}.include_usage"}},
    {"error": {"message": "bad", "invalid_params": {FIELD: "unknown"}}},
    {"error": {"code": "x", "fields": [FIELD], "message": "Invalid fields"}},
    {"error": {"message": "Unknown parameter", "path": [FIELD]}},
    {"error": {"message": "Unsupported", "innererror": {"param": "streamOptions"}}},
    {"title": "Invalid", "errors": {FIELD: ["The field is not supported"]}},
    {"error": {"message": "Stream options can only be defined when `stream=True`"}},
    {"error": f'json: unknown field "{FIELD}"'},
]


@pytest.mark.fault("N37", "the refused field is found wherever the body names it")
@pytest.mark.parametrize("status", [400, 404, 422, 500, 501])
@pytest.mark.parametrize("body", REFUSALS, ids=str)
def test_a_refused_field_is_heard_in_any_form(body: dict[str, Any], status: int) -> None:
    """The question is sent again without it."""
    dialect, question = ChatCompletions(), Question((), "m", {})
    refusal = dialect.parse_error(status, json.dumps(body).encode())
    simpler = dialect.simplify(question, refusal)
    assert simpler is not None
    assert FIELD not in dialect.body(simpler[0])


def test_a_field_that_only_the_repeated_request_names_was_not_refused() -> None:
    """pydantic repeats the input. The missing field is another one."""
    sent = {"messages": [], FIELD: {"include_usage": True}}
    body = {"detail": [{"type": "missing", "loc": ["body", "model"], "msg": "Field required", "input": sent}]}
    refusal = http_error_info(422, json.dumps(body).encode())
    assert refusal.message == "model: Field required"
    assert ChatCompletions().simplify(Question((), "m", {}), refusal) is None
