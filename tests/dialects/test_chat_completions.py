"""The chat-completions dialect: the 64 chat vectors, requests, errors, and the policy at the end of a stream."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwidget._client.parser import MalformedStream, StreamParser
from streamwidget._core.accumulator import Accumulator
from streamwidget._core.attachments import Image
from streamwidget._core.completion import ChatCompletion, ErrorInfo, missing, shown
from streamwidget._core.events import (
    Finish,
    Gap,
    Identity,
    LeftOut,
    Lost,
    ReasoningDelta,
    StreamEvent,
    StreamWarning,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from streamwidget._core.gaps import MARK
from streamwidget._core.messages import Message
from streamwidget._dialects.chat_completions import ChatCompletions
from streamwidget._dialects.dialect import Dialect, MalformedItem, Question, ServerReportedError
from tests.support.pictures import PNG
from tests.support.vectors import Vector, cut, load_vectors

DIALECT: Dialect = ChatCompletions()
VECTORS = load_vectors("chat")
STREAMED = [vector for vector in VECTORS if not vector.http]
HTTP = [vector for vector in VECTORS if vector.http]
each_stream = pytest.mark.parametrize("vector", STREAMED, ids=lambda vector: vector.id)


def run(chunks: Iterable[bytes], *, clean: bool = True) -> tuple[ChatCompletion, list[StreamEvent]]:
    """Read a stream as the client does, without its network."""
    accumulator = Accumulator()
    parser = StreamParser(DIALECT, accumulator)
    published: list[StreamEvent] = []
    end: dict[str, Any] = {}
    try:
        for chunk in chunks:
            try:
                parser.feed(chunk)
            finally:
                published += parser.events
        end["outcome"], events = parser.close(clean=clean)
        published += events
    except ServerReportedError as exc:
        published += accumulator.flush()
        end = {"outcome": "error", "error": exc.info}
    except (MalformedStream, MalformedItem) as exc:
        published += accumulator.flush()
        end = {"outcome": "protocol_error", "error": ErrorInfo(str(exc))}
    return accumulator.snapshot(**end), published


def check(expect: dict[str, Any], completion: ChatCompletion, published: list[StreamEvent]) -> None:
    deltas = [event.text for event in published if isinstance(event, TextDelta) and event.index == 0]
    codes = [warning.code for warning in completion.warnings]
    assert "".join(deltas) == completion.text
    assert [event.code for event in published if isinstance(event, StreamWarning)] == codes
    seen = {**asdict(completion), "warnings": codes, "deltas": deltas, "tool_calls": list(completion.tool_calls)}
    for key, value in expect.items():
        if isinstance(value, dict):
            assert seen[key] is not None, key
            seen[key] = {name: seen[key][name] for name in value}
        if key == "tool_calls":
            seen[key] = [asdict(call) for call in completion.tool_calls]
        assert seen[key] == value, key


def check_stream(vector: Vector, chunks: Iterable[bytes]) -> None:
    completion, published = run(chunks, clean=vector.clean)
    check(vector.expect, completion, published)


def test_all_chat_vectors_are_there() -> None:
    """The data file is whole."""
    assert (len(STREAMED), len(HTTP)) == (56, 8)


@each_stream
def test_vector_whole_and_byte_by_byte(vector: Vector) -> None:
    """A stream gives the expected result in one read, and in reads of one byte."""
    check_stream(vector, vector.chunks)
    check_stream(vector, [vector.body])
    check_stream(vector, [vector.body[i : i + 1] for i in range(len(vector.body))])


@each_stream
def test_vector_at_every_split_point(vector: Vector) -> None:
    """A stream gives the expected result when it is cut in two anywhere."""
    for point in range(len(vector.body) + 1):
        check_stream(vector, cut(vector.body, [point]))


@given(st.sampled_from(STREAMED), st.lists(st.integers(0, 1500), max_size=12))
def test_vector_cut_at_random(vector: Vector, points: list[int]) -> None:
    """A stream gives the expected result when it is cut anywhere."""
    check_stream(vector, cut(vector.body, points))


@pytest.mark.parametrize("vector", HTTP, ids=lambda vector: vector.id)
def test_http_vector(vector: Vector) -> None:
    """A body gives the result for its status and content type. The transport finds these two."""
    assert vector.http
    status, headers = vector.http["status"], vector.http["headers"]
    accumulator, published = Accumulator(), list[StreamEvent]()
    if status != 200:
        info = DIALECT.parse_error(status, vector.body)
        check(vector.expect, ChatCompletion(outcome="http_error", error=info), [])
    elif "json" in headers["content-type"]:
        parser = StreamParser(DIALECT, accumulator)
        try:
            published = parser.feed(vector.body)
            outcome, events = parser.close(clean=True)
            published += events
            published += filter(None, [accumulator.apply(StreamWarning("not_streamed", "as the transport says"))])
            end: dict[str, Any] = {"outcome": outcome}
        except ServerReportedError as exc:
            end = {"outcome": "error", "error": exc.info}
        check(vector.expect, accumulator.snapshot(**end), published)
    else:
        check_stream(vector, [gzip.decompress(vector.body) if "content-encoding" in headers else vector.body])


# -- one chunk ---------------------------------------------------------------------------------------------------------


def parse(chunk: Any, *, named: bool = False) -> list[Any]:
    """Read one chunk: the first of a stream, or a later one. After the server has named itself, parsing is shorter."""
    reader = DIALECT.reader()
    if named:
        reader.parse(choice({"content": "before"}))
    return list(reader.parse(chunk))


def choice(delta: Any, **rest: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, **rest}]}


def data(*chunks: Any) -> bytes:
    return b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks)


def test_identity_is_reported_unless_it_is_known() -> None:
    """The model's name and the id come from the chunk. Empty ones count as none."""
    chunk = {"id": "c1", "model": "m", **choice({"content": "a"})}
    assert parse(chunk) == [Identity("m", "c1"), TextDelta("a")]
    assert parse(chunk, named=True) == [TextDelta("a")]
    assert parse({"id": "", "model": "", "choices": []}) == []


def test_other_choices_keep_their_index() -> None:
    """Text of every choice is parsed. Only choice 0 ends the stream and calls tools."""
    call = {"index": 0, "id": "t", "function": {"name": "f", "arguments": "{}"}}
    chunk = {"choices": [{"index": 1, "delta": {"content": "b", "tool_calls": [call]}, "finish_reason": "stop"}]}
    left_out, *told = parse(chunk)
    assert (left_out, told) == (LeftOut("other answers", "other answer", ("1",)), [TextDelta("b", 1)])
    assert parse(chunk, named=True) == [left_out, *told]


@pytest.mark.parametrize(
    ("word", "outcome"),
    [("stop", "complete"), ("eos", "complete"), ("length", "length"), ("content_filter", "filtered")],
)
def test_finish_reason_gives_the_outcome(word: str, outcome: str) -> None:
    """Each known word has its outcome. Unknown words are an ordinary end."""
    assert parse(choice({}, finish_reason=word)) == [Finish(word, outcome)]


def test_finish_reason_error_is_an_error() -> None:
    """An answer that ended in an error is never complete. Text in the same chunk is kept."""
    with pytest.raises(ServerReportedError) as caught:
        parse(choice({"content": "a"}, finish_reason="error"))
    assert caught.value.events == [TextDelta("a"), Finish("error", "error")]
    assert caught.value.info.status == 200


def test_content_parts_are_read() -> None:
    """A list of parts gives text and reasoning. A part of unknown kind gives a warning."""
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
        {"type": "text", "text": "a"},
        {"x": 1},
    ]
    assert parse(choice({"content": parts})) == [
        *(ReasoningDelta("hm"), TextDelta("a")),
        *(Lost(), LeftOut("part of an unknown kind (x)")),
    ]


@pytest.mark.parametrize("item", [[1], None, "x", 5], ids=repr)
@pytest.mark.parametrize("named", [True, False])
def test_an_item_that_is_not_an_object_is_malformed(item: Any, named: bool) -> None:
    """Other JSON than an object raises one exception."""
    with pytest.raises(MalformedItem):
        parse(item, named=named)


FIELDS = st.sampled_from(
    [
        *("choices", "delta", "message", "content", "index", "error", "usage", "tool_calls", "function", "arguments"),
        *("id", "model", "finish_reason", "reasoning", "refusal", "text", "thinking", "code", "type", "total_tokens"),
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("content", "thought", "gaps"),
    [(False, "", 1), ([7, {"x": 1}], "", 2), ({"thinking": "Hm."}, "Hm.", 0), ([{"parts": "a"}], "", 0)],
    ids=repr,
)
def test_a_message_after_the_text_loses_nothing(content: Any, thought: str, gaps: int) -> None:
    """What nobody can read is named there too, a thought is one, and a text that was there before comes once."""
    reader = DIALECT.reader(lambda: "a")
    reader.parse(choice({"content": "a"}))
    events = reader.parse({"choices": [{"message": {"content": content}}]})
    assert "".join(event.text for event in events if isinstance(event, ReasoningDelta)) == thought
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == ""
    assert events.count(Lost()) == gaps


@given(JSON, JSON)
def test_any_json_is_parsed_or_rejected(anything: Any, delta: Any) -> None:
    """Any JSON raises only the named exceptions. Both paths of the parser read it alike.

    A message is not compared, because after pieces of text it is the answer once more.
    """
    text = {"content": "a"}
    for chunk in (
        anything,
        {"choices": anything},
        choice(anything),
        choice({**text, "tool_calls": delta}),
        choice({**text, "role": delta}),
        {**choice(text, index=delta), "usage": anything},
        {**choice(text, finish_reason=delta), "error": anything},
    ):
        results = []
        for named in (False, True):
            try:
                events = parse(chunk, named=named)
                accumulator = Accumulator()
                for event in events:
                    accumulator.apply(event)
                results.append(
                    [event for event in events if not isinstance(event, Identity) and event != TextDelta("")]
                )
            except (MalformedItem, ServerReportedError) as exc:
                results.append(str(exc))
        assert repr(results[0]) == repr(results[1]) or '"message"' in json.dumps(chunk)
        body = json.dumps(chunk).encode()
        assert DIALECT.parse_error(500, body).message
        with suppress(MalformedItem, ServerReportedError):
            DIALECT.parse_reply(chunk)


@given(st.lists(st.binary(max_size=60) | st.just(b"data: {}\n\n") | st.just(b"\n\ndata:"), max_size=8))
def test_random_bytes_raise_named_exceptions_only(chunks: list[bytes]) -> None:
    """Any bytes raise only the parser's named exceptions. run() catches these."""
    run(chunks)


@pytest.mark.parametrize(
    ("delta", "events"),
    [
        ({"content": ["a", "b"]}, [TextDelta("a"), TextDelta("b")]),
        ({"reasoning_details": [{"type": "reasoning.text", "text": "hm"}]}, [ReasoningDelta("hm")]),
        ({"reasoning_details": [{"type": "reasoning.summary", "summary": "hm"}]}, [ReasoningDelta("hm")]),
        ({"thinking": "hm"}, [ReasoningDelta("hm")]),
        ({"reasoning": {"content": "hm"}}, [ReasoningDelta("hm")]),
        ({"reasoning": "hm", "reasoning_content": "hm"}, [ReasoningDelta("hm")]),
        ({"content": [{"type": "reasoning", "text": "hm"}]}, [ReasoningDelta("hm")]),
        ({"audio": {"transcript": "said"}}, [TextDelta("said")]),
        ({"function_call": {"name": "f", "arguments": "{}"}}, [ToolCallDelta(0, None, "f", "{}")]),
    ],
)
@pytest.mark.fault("N35", "it is read")
def test_what_stands_in_another_field_is_read(delta: dict[str, Any], events: list[Any]) -> None:
    """Lists of strings, four names of a thought, spoken words, the call of the API before tools."""
    assert parse(choice(delta)) == events


@pytest.mark.parametrize(
    ("chunk", "says"),
    [
        (choice({"images": [{"image_url": {"url": "data:"}}]}), "1 image"),
        (choice({"annotations": [{"type": "url_citation", "url": "a"}]}), "1 citation"),
        ({"citations": ["https://a", "https://b"], **choice({"content": "a"})}, "2 citations"),
        ({"search_results": [{"url": "https://a"}], **choice({"content": "a"})}, "1 web search result"),
        (choice({"audio": {"data": "UklGRg=="}}), "sound"),
        (choice({"role": "tool", "content": "RAW"}), "tool"),
        (choice({"content": [{"type": "chart"}]}), "chart"),
        (choice({"content": [{"type": "image_url", "image_url": {"url": "data:"}}]}), "1 image"),
        (choice({"content": "a"}, logprobs={"content": []}), "log probabilities"),
        ({"choices": [{"index": 1, "delta": {"content": "b"}}]}, "1 other answer"),
        ({"prompt_progress": {"total": 9, "processed": 3}, "choices": []}, "prompt progress"),
        (choice({"content": "a", "footnotes": ["see page 3"]}), "1 citation"),
        (choice({"content": "a", "hologram": "A bee, in colour."}), "hologram"),
        (choice({"content": "a", "executed_tools": [{"output": "4"}]}), "1 tool result"),
        (choice({"content": "a"}, addendum="Do not take it with milk."), "addendum"),
        ({**choice({"content": "a"}), "addendum": "Do not take it with milk."}, "addendum"),
    ],
)
@pytest.mark.parametrize("named", [False, True])
@pytest.mark.fault("N35", "the line under the answer names it")
def test_what_is_not_shown_is_named(chunk: dict[str, Any], says: str, named: bool) -> None:
    """A warning that stands in the line under the answer, wherever in the stream it comes."""
    accumulator = Accumulator()
    accumulator.take(parse(chunk, named=named))
    assert says in missing(accumulator.snapshot())
    assert len(accumulator.warnings) == 1


REMARKS: list[dict[str, Any]] = [
    {"system_fingerprint": "fp_44", "service_tier": "default", "obfuscation": "a b c d", "created": 5},
    {"provider": "Together", "x_groq": {"id": "req_1"}, "timings": {"prompt_n": 3}, "stop": "a stop word here"},
    {"prompt_filter_results": [{"content_filter_results": {"hate": {"filtered": False, "severity": "safe"}}}]},
]


@pytest.mark.parametrize("remarks", REMARKS)
def test_a_servers_remarks_are_not_parts_of_an_answer(remarks: dict[str, Any]) -> None:
    """What many servers send beside each piece is not named."""
    about = {"native_finish_reason": None, "content_filter_results": {}, "token_ids": [1], "matched_stop": "a b c"}
    delta = {"content": "a", "role": "assistant", "signature": "c2ln", "reasoning_signature": "c2ln", "name": "x"}
    assert parse({**choice(delta, **about), **remarks}) == [TextDelta("a")]


STOP = choice({}, finish_reason="stop")
PIECE = {"content": " NOT"}


@pytest.mark.parametrize(
    "chunk",
    [
        {"choices": {"index": 0, "delta": PIECE}},
        {"choices": {"0": {"delta": PIECE}}},
        {"data": choice(PIECE)},
        {"delta": PIECE},
        PIECE,
        {"choices": [{"index": 0, "delta": " NOT"}]},
        {"choices": [{"index": 0, "text": " NOT"}]},
        choice({"text": " NOT"}),
        choice({"content": {"value": " NOT"}}),
    ],
)
@pytest.mark.fault("N35", "text in an unusual wrapping is read")
def test_a_chunk_may_be_wrapped_otherwise(chunk: dict[str, Any]) -> None:
    """Gateways rewrite chunks. The text is where the text of such a chunk always is."""
    completion, _ = run([data(choice({"content": "5 mg,"}), chunk, choice({"content": " more"}), STOP)])
    assert (completion.text, completion.gaps, missing(completion)) == ("5 mg, NOT more", (), "")


@pytest.mark.parametrize("odd", [{"choices": [["delta", PIECE]]}, {"choices": [" NOT"]}, choice([PIECE])])
@pytest.mark.fault("N39", "what cannot be read is marked")
def test_a_chunk_of_an_unknown_shape_leaves_a_gap(odd: dict[str, Any]) -> None:
    """It may hold text."""
    completion, _ = run([data(choice({"content": "5 mg,"}), odd, choice({"content": " more"}), STOP)])
    assert shown(completion) == f"5 mg,{MARK} more"
    assert "unknown kind" in missing(completion)


def test_usage_has_its_parts() -> None:
    """Tokens from the cache, and those of reasoning."""
    details = {"prompt_tokens_details": {"cached_tokens": 2}, "completion_tokens_details": {"reasoning_tokens": 3}}
    usage = {"prompt_tokens": 5, "completion_tokens": 4, "total_tokens": 9, **details}
    assert parse({"choices": [], "usage": usage}) == [Usage(5, 4, 9, 2, 3)]


BROKEN = b'data: {"choices": [{"index": 0, "delta": {"content": " NOT\n\n'
DONE = b"data: [DONE]\n\n"


@pytest.mark.parametrize(
    ("chunks", "gaps", "shown_text"),
    [
        ([{"content": "5 mg,"}, BROKEN, {"content": " twice"}], [Gap("text", 5)], f"5 mg,{MARK} twice"),
        ([BROKEN, {"content": "5 mg"}], [Gap("text", 0)], f"{MARK}\n5 mg"),
        ([{"content": "5 mg"}, BROKEN], [Gap("text", 4)], f"5 mg{MARK}"),
        ([{"content": "5 mg"}, BROKEN, BROKEN, {"content": "!"}], [Gap("text", 4)], f"5 mg{MARK}!"),
        ([BROKEN, {"content": "a"}, BROKEN, {"content": "b"}], [Gap("text", 0), Gap("text", 1)], f"{MARK}\na{MARK}b"),
        ([{"content": "```"}, BROKEN, {"content": "x\n```"}], [Gap("text", 3)], f"```\n{MARK}\nx\n```"),
        ([{"content": "```\nx\n"}, BROKEN, {"content": "```"}], [Gap("text", 6)], f"```\nx\n{MARK}\n```"),
        ([{"reasoning": "a"}, BROKEN, {"reasoning": "b"}, {"content": "c"}], [Gap("reasoning", 1)], "c"),
        ([{"reasoning": "a"}, BROKEN, {"content": "c"}], [Gap("text", 0)], f"{MARK}\nc"),
        ([{"refusal": "a"}, BROKEN, {"refusal": "b"}], [Gap("refusal", 1)], ""),
        ([{"content": [{"type": "text", "text": "a"}, {"type": "x"}, {"text": "b"}]}], [Gap("text", 1)], f"a{MARK}b"),
        ([{"content": "a"}, b"data: still thinking\n\n", {"content": "b"}], [], "ab"),  # a proxy's own line
        ([{"content": "a"}, {"content": None}, STOP, BROKEN], [], "a"),  # what follows the end is not text
    ],
)
@pytest.mark.fault("N39", "the text has a mark there, and the line under it says so")
def test_what_is_lost_leaves_a_gap(chunks: list[Any], gaps: list[Gap], shown_text: str) -> None:
    """A program gets the text that came and the place. A person sees a mark."""
    sent = [
        chunk if isinstance(chunk, bytes) else data(chunk if "choices" in chunk else choice(chunk)) for chunk in chunks
    ]
    completion, published = run([*sent, data(STOP), DONE])
    assert list(completion.gaps) == gaps == [event for event in published if isinstance(event, Gap)]
    assert shown(completion) == shown_text
    assert completion.text == "".join(event.text for event in published if isinstance(event, TextDelta))
    assert completion.outcome == "complete"
    assert missing(completion)


@pytest.mark.parametrize("pieces", [["Paris is ", "big."], ["Paris ", "is ", "big."]])
@pytest.mark.parametrize("last", ["message", "delta", "both"])
@pytest.mark.fault("N34", "the text stands once")
def test_what_was_said_is_not_said_again(pieces: list[str], last: str) -> None:
    """The last chunk may hold the whole answer once more, as a message or as one more piece."""
    again = {"role": "assistant", "content": "".join(pieces)}
    end: dict[str, Any] = {"index": 0, "finish_reason": "stop", "delta": {}}
    end |= {"message": again} if last in ("message", "both") else {"delta": again}
    completion, _ = run([data(*(choice({"content": piece}) for piece in pieces), {"choices": [end]})])
    assert completion.text == "Paris is big."


@pytest.mark.fault("N34", "each piece stands once")
def test_messages_that_grow_are_said_once() -> None:
    """Each chunk has the whole text so far; only what is new is published."""
    grown = ["Paris", "Paris is", "Paris is big."]
    chunks = [{"choices": [{"index": 0, "message": {"content": text}}]} for text in grown]
    _, published = run([data(*chunks)])
    assert [event.text for event in published if isinstance(event, TextDelta)] == ["Paris", " is", " big."]


# -- requests ----------------------------------------------------------------------------------------------------------

MESSAGES = ({"role": "user", "content": "Hi"},)


def body_of(params: dict[str, Any], *, model: str | None = "m", stream: bool = True) -> dict[str, Any]:
    return DIALECT.body(Question(MESSAGES, model, params, stream=stream))


def test_streamed_request_asks_for_usage() -> None:
    """We add stream_options unless the caller gives it. None leaves it out."""
    body = body_of({"temperature": 0})
    usage = {"include_usage": True}
    assert body == {"model": "m", "messages": [*MESSAGES], "temperature": 0, "stream": True, "stream_options": usage}
    given_options = body_of({"stream_options": {"x": 1}})
    assert given_options["stream_options"] == {"x": 1}
    none = body_of({"stream_options": None})
    assert "stream_options" not in none


def test_request_that_is_not_streamed_has_no_stream_options() -> None:
    """Servers reject stream_options without stream. Without a model, the field is missing."""
    body = body_of({"stream_options": {"x": 1}, "top_p": 1}, model=None, stream=False)
    assert body == {"messages": [*MESSAGES], "top_p": 1}


def test_images_are_parts_of_a_request() -> None:
    """They follow the text, as data: URLs or as addresses. Without a text they are alone."""

    def written(message: Message) -> Any:
        return DIALECT.body(Question((message,), None, {}))["messages"][0]

    both = Message("user", "look", images=(PNG, "https://host.invalid/a.png"))  # type: ignore[arg-type]
    assert written(both) == {
        "role": "user",
        "content": [
            {"type": "text", "text": "look"},
            {"type": "image_url", "image_url": {"url": Image(PNG).src}},
            {"type": "image_url", "image_url": {"url": "https://host.invalid/a.png"}},
        ],
    }
    alone = written(Message("user", "", images=both.images))
    assert [part["type"] for part in alone["content"]] == ["image_url", "image_url"]
    assert written(Message("assistant", "x")) == {"role": "assistant", "content": "x"}


def test_a_server_has_its_own_words_for_a_request() -> None:
    """The server decides the name of the limit, and whether usage is asked for."""
    own = ChatCompletions(max_tokens="max_completion_tokens", asks_for_usage=False)
    assert own.limit_tokens(5) == {"max_completion_tokens": 5}
    assert DIALECT.limit_tokens(5) == {"max_tokens": 5}
    assert "stream_options" not in own.body(Question(MESSAGES, None, {}))


@pytest.mark.fault("N37", "the request goes out again without it, with a warning")
def test_a_refused_field_is_left_out() -> None:
    """If the server names our field, we drop it with a warning. A field that you asked for stays."""
    question = Question(MESSAGES, None, {})
    refusal = ErrorInfo("Unrecognized request argument: stream_options", status=400)
    simpler, warning = DIALECT.simplify(question, refusal) or (question, None)
    assert warning is not None
    assert warning.code == "stream_options_refused"
    assert "stream_options" not in DIALECT.body(simpler)
    assert DIALECT.simplify(simpler, refusal) is None
    assert DIALECT.simplify(question, ErrorInfo("no such model", status=400)) is None
    assert DIALECT.simplify(question, ErrorInfo("stream_options", status=503)) is None


def test_the_list_of_models_is_read() -> None:
    """In the server's order, in a ``data`` field or bare. Entries that are not names are ignored."""
    assert DIALECT.parse_models({"data": [{"id": "b"}, {"id": "a"}, {"id": 1}, "x"]}) == ["b", "a"]
    assert DIALECT.parse_models([{"id": "a"}]) == ["a"]
    with pytest.raises(ServerReportedError, match="boom"):
        DIALECT.parse_models({"error": {"message": "boom"}})
    with pytest.raises(MalformedItem):
        DIALECT.parse_models({"data": None})


# -- error bodies ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error": "boom"}', "boom"),
        (b'{"message": "boom"}', "boom"),
        (b'{"detail": "Not Found"}', "Not Found"),
        (b'{"detail": [{"loc": ["body"], "msg": "field required"}]}', "field required"),
        (b'[{"error": {"message": "boom"}}]', "boom"),
        (b"upstream  connect\nerror", "upstream connect error"),
        (b"", "Bad Gateway"),
        (b"{}", "Bad Gateway"),
        (b"<html><!-- <b>no</b> --><head><title>t</title><style>p{}</style></head><h1>502 &amp; out</h1>", "502 & out"),
        (b'{"error": {"message": "half \\ud83d"}}', "half \ufffd"),
    ],
)
def test_error_body_gives_its_message(body: bytes, message: str) -> None:
    """JSON in the usual forms, plain text, a page's visible text, and nothing."""
    assert DIALECT.parse_error(502, body) == ErrorInfo(message, status=502)


@pytest.mark.parametrize("piece", [b"<p>word ", b"<script>", b"<!--", b"word ", b"<"])
def test_error_page_gives_at_most_200_characters(piece: bytes) -> None:
    """A page of any size and with any tags gives a short line."""
    assert 0 < len(DIALECT.parse_error(502, b"<html>" + piece * 100_000).message) <= 200


@pytest.mark.parametrize("reply", ["<html>", [], {}, {"status": "ok"}, None])
def test_reply_without_choices_is_malformed(reply: Any) -> None:
    """Anything but a chat completion is an error, and not an empty answer."""
    with pytest.raises(MalformedItem):
        DIALECT.parse_reply(reply)


def test_reply_without_finish_reason_is_complete_with_a_warning() -> None:
    """A whole reply is whole. A warning says what is missing."""
    parser = StreamParser(DIALECT, accumulator := Accumulator())
    parser.feed(json.dumps({"model": "m", "choices": [{"message": {"content": "a"}}]}).encode())
    outcome, events = parser.close(clean=True)
    assert (outcome, accumulator.model) == ("complete", "m")
    assert events[0] == TextDelta("a")
    assert [warning.code for warning in accumulator.warnings] == ["no_finish_reason"]


def test_tool_calls_are_kept_apart() -> None:
    """One server numbers every call 0, and one numbers none. The id separates the calls of both."""

    def calls(*fragments: dict[str, Any]) -> list[tuple[Any, ...]]:
        completion, _ = run([data(*(choice({"tool_calls": [fragment]}) for fragment in fragments))])
        return [(call.id, call.name, call.arguments) for call in completion.tool_calls]

    def fragment(arguments: str, **rest: Any) -> dict[str, Any]:
        name = rest.pop("name", None)
        return {**rest, "function": {"name": name, "arguments": arguments}}

    expected = [("a", "f", "12"), ("b", "g", "34")]
    for number in ({"index": 0}, {}):
        assert expected == calls(
            fragment("1", id="a", name="f", **number),
            fragment("2", **number),
            fragment("3", id="b", name="g", **number),
            fragment("4", id="", **number),
        )


def test_tool_call_delta_is_published_as_it_came() -> None:
    """A delta without an index keeps None. An empty fragment is not published."""
    _, published = run([data(choice({"tool_calls": [{"function": {"name": "f"}}, {"index": 0}]}))])
    assert [event for event in published if isinstance(event, ToolCallDelta)] == [ToolCallDelta(None, None, "f", "")]
