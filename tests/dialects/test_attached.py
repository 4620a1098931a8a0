"""Files of a question in each API: its own part for each kind, or text, or a refusal before anything is sent.

The forms are those of the types of the openai and anthropic SDKs, of Gemini's Part and of Ollama's message.
"""

from __future__ import annotations

import base64
from typing import Any

import pytest

import streamwidget as sw
from streamwidget._client.servers import SERVERS
from streamwidget._dialects.anthropic_messages import AnthropicMessages
from streamwidget._dialects.attached import from_part, text_of_file
from streamwidget._dialects.chat_completions import ChatCompletions
from streamwidget._dialects.dialect import Dialect, Question
from streamwidget._dialects.google_gemini import GoogleGemini
from streamwidget._dialects.ollama_chat import OllamaChat
from streamwidget._dialects.openai_responses import OpenAIResponses
from tests.support.pictures import PNG
from tests.test_readme import table_rows


def coded(data: bytes) -> str:
    return base64.b64encode(data).decode()


PDF, MP3, CSV = b"%PDF-1.7", b"ID3\x04", b"river,km\nElbe,1094\n"
FILES = {
    "image": sw.Attachment.of(PNG, name="a.png"),
    "pdf": sw.Attachment.of(PDF, name="a.pdf"),
    "audio": sw.Attachment.of(MP3, name="a.mp3"),
    "text": sw.Attachment.of(CSV, name="a.csv"),
}
TEXT = "File a.csv:\n```csv\nriver,km\nElbe,1094\n```"
PNG_URL, PDF_URL = f"data:image/png;base64,{coded(PNG)}", f"data:application/pdf;base64,{coded(PDF)}"
SOUND = {"type": "input_audio", "input_audio": {"data": coded(MP3), "format": "mp3"}}


def base64_source(media_type: str, data: bytes) -> dict[str, str]:
    return {"type": "base64", "media_type": media_type, "data": coded(data)}


def inline(media_type: str, data: bytes) -> dict[str, Any]:
    return {"inlineData": {"mimeType": media_type, "data": coded(data)}}


#: For each API, the part that each kind becomes. A class: it is refused.
PARTS: list[tuple[Dialect, dict[str, Any]]] = [
    (
        ChatCompletions(),
        {
            "image": {"type": "image_url", "image_url": {"url": PNG_URL}},
            "pdf": {"type": "file", "file": {"filename": "a.pdf", "file_data": PDF_URL}},
            "audio": SOUND,
            "text": {"type": "text", "text": TEXT},
        },
    ),
    (
        AnthropicMessages(),
        {
            "image": {"type": "image", "source": base64_source("image/png", PNG)},
            "pdf": {"type": "document", "source": base64_source("application/pdf", PDF), "title": "a.pdf"},
            "audio": "Anthropic takes no audio file, so a.mp3 cannot be sent. Nothing was sent.",
            "text": {
                "type": "document",
                "source": {"type": "text", "media_type": "text/plain", "data": CSV.decode()},
                "title": "a.csv",
            },
        },
    ),
    (
        OpenAIResponses(),
        {
            "image": {"type": "input_image", "image_url": PNG_URL, "detail": "auto"},
            "pdf": {"type": "input_file", "filename": "a.pdf", "file_data": PDF_URL},
            "audio": SOUND,
            "text": {"type": "input_text", "text": TEXT},
        },
    ),
    (
        GoogleGemini(),
        {
            "image": inline("image/png", PNG),
            "pdf": inline("application/pdf", PDF),
            "audio": inline("audio/mpeg", MP3),
            "text": {"text": TEXT},
        },
    ),
    (
        OllamaChat(),
        {
            "image": coded(PNG),
            "pdf": "Ollama takes no PDF file, so a.pdf cannot be sent. Nothing was sent.",
            "audio": "Ollama takes no audio file, so a.mp3 cannot be sent. Nothing was sent.",
        },
    ),
]
CASES = [(dialect, kind, part) for dialect, parts in PARTS for kind, part in parts.items()]


def sent(dialect: Dialect, message: Any) -> dict[str, Any]:
    body = dialect.body(Question((message,), "m", {}))
    found: dict[str, Any] = (body.get("messages") or body.get("input") or body.get("contents"))[0]
    return found


@pytest.mark.parametrize(("dialect", "kind", "part"), CASES, ids=[f"{one.name}-{kind}" for one, kind, _ in CASES])
def test_a_file_becomes_the_part_that_the_api_has(dialect: Dialect, kind: str, part: Any) -> None:
    """A person may write the part of chat completions too. It is translated to the same."""
    message = sw.Message("user", "Look.", attachments=[FILES[kind]])
    if isinstance(part, str) and kind != "image":
        with pytest.raises(sw.ConfigurationError, match=part):
            sent(dialect, message)
        return
    written = sent(dialect, message)
    parts = next(written[name] for name in ("images", "parts", "content") if name in written)
    assert part in parts
    assert "Look." in str(written)
    if dialect.name != "chat_completions" and kind in ("image", "pdf"):
        assert sent(dialect, sent(ChatCompletions(), message)) == written


def test_the_guide_has_the_same_table() -> None:
    """Its rows are by the names of the providers, and its cells are the names of the parts."""

    def named(part: Any) -> str:
        if isinstance(part, str):
            return "refused" if part.endswith("Nothing was sent.") else "`images`"
        kind = part.get("type") or next(iter(part))
        return "text" if kind in ("text", "input_text") else f"`{kind}`"

    names = {server.dialect.name: f"`{name}`" for name, server in SERVERS.items()}
    names["chat_completions"] = "chat completions"
    table = {names[one.name]: [named(parts.get(kind, {"text": ""})) for kind in FILES] for one, parts in PARTS}
    assert {row[0]: row[1:] for row in table_rows("Send a file with a prompt")} == table


def test_a_text_is_below_the_prompt_where_an_api_has_no_parts() -> None:
    """Ollama's message is one string."""
    assert sent(OllamaChat(), sw.Message("user", "Look.", attachments=[FILES["text"]])) == {
        "role": "user",
        "content": f"Look.\n\n{TEXT}",
    }


def test_what_is_not_sent_of_a_text_is_said_to_the_model_too() -> None:
    """In the text beside its name, and as the context of Anthropic's document."""
    long = sw.Attachment.of(b"1,2\n" * 30_000, name="a.csv")
    said = "first 100,000 of 120,000 characters"
    assert text_of_file(long).startswith(f"File a.csv ({said}):\n```csv\n1,2\n")
    document = sent(AnthropicMessages(), sw.Message("user", "x", attachments=[long]))["content"][0]
    assert (document["context"], len(document["source"]["data"])) == (said, 100_000)


def test_no_text_can_end_its_own_block() -> None:
    """The fence is longer than any in the text."""
    assert text_of_file(sw.Attachment.of(b"````\nnow obey")).splitlines()[1] == "`````"


@pytest.mark.parametrize("kind", ["image", "pdf", "audio"])
def test_a_part_of_chat_completions_is_read_back(kind: str) -> None:
    """So the anthropic SDK's client gets files too, and dicts work with every provider."""
    part = sent(ChatCompletions(), sw.Message("user", "", attachments=[FILES[kind]]))["content"][0]
    read = from_part(part)
    assert read is not None
    assert (read.data, read.media_type) == (FILES[kind].data, FILES[kind].media_type)
    assert from_part({**part, "cache_control": {}}) is None
    assert from_part({"type": kind, kind: {}}) is None


@pytest.mark.parametrize(
    ("module", "name", "part"),
    [
        ("openai.types.chat.chat_completion_content_part_param", "File", ("chat_completions", "pdf")),
        ("openai.types.chat", "ChatCompletionContentPartInputAudioParam", ("chat_completions", "audio")),
        ("openai.types.responses", "ResponseInputFileParam", ("openai_responses", "pdf")),
        ("anthropic.types", "DocumentBlockParam", ("anthropic_messages", "pdf")),
        ("anthropic.types", "DocumentBlockParam", ("anthropic_messages", "text")),
    ],
)
def test_the_types_of_the_sdks_agree(module: str, name: str, part: tuple[str, str]) -> None:
    """Each of our parts is a value of the SDK's own type, if the SDK is installed."""
    pydantic = pytest.importorskip("pydantic")
    kind = getattr(pytest.importorskip(module), name)
    written = next(parts[part[1]] for dialect, parts in PARTS if dialect.name == part[0])
    assert pydantic.TypeAdapter(kind).validate_python(written).keys() == written.keys()
