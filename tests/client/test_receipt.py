"""A receipt has the whole request, without keys, in each API's form, and two of them can be compared."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

import streamwidget as sw
from streamwidget._core.secrets import NO_SECRETS
from streamwidget._dialects.dialect import Question
from streamwidget._dialects.sent_body import sent_fields, sent_messages
from streamwidget.demo import DemoServer
from tests.client.test_tool_loop import BERN, COLD, OSLO, ask
from tests.support.pictures import PNG
from tests.support.tool_models import PROVIDERS, Says

KEY = "sk-only-for-tests-0123456789"


def question() -> list[Any]:
    return [
        sw.Message("system", "Be brief."),
        sw.Message("user", f"What is this? My key is {KEY}.", attachments=[sw.Attachment.of(PNG)]),
        sw.Message("assistant", "A dot."),
        sw.Message("user", "And now?"),
    ]


@pytest.mark.parametrize("provider", [*PROVIDERS, "openrouter"])
def test_all_of_a_request_is_in_it(provider: str) -> None:
    """Each text, each file with its size and hash, and each other field. No key."""
    dialect = sw.ChatClient("http://localhost:1/v1", KEY, "m", provider=provider).dialect
    content = dialect.body(Question(tuple(question()), "m", {"seed": 7}))
    messages, fields = sent_messages(content, NO_SECRETS), dict(sent_fields(content, NO_SECRETS))
    said = "\n".join(message.text for message in messages)
    assert all(text in said for text in ("Be brief.", "What is this? My key is [key].", "A dot.", "And now?"))
    assert [len(message.files) for message in messages if message.files] == [1]
    (file,) = next(message.files for message in messages if message.files)
    assert (file.size, len(file.hash)) == (len(PNG), 12)
    assert str(file) in said
    assert "7" in "".join(fields.values())
    whole = f"{messages}{fields}"
    assert KEY not in whole
    assert len(whole) < 3_000  # the file itself is not there


def test_it_is_a_value_without_a_time(server: DemoServer) -> None:
    """Two runs of the same have equal receipts. A changed run differs in the changed lines."""
    client = sw.ChatClient(server.url, KEY)
    one, two = (client.stream(question(), "demo").wait().receipt for _ in range(2))
    other = client.stream([*question()[:-1], sw.Message("user", "And then?")], "demo", temperature=0.5).wait().receipt
    assert one is not None
    assert other is not None
    assert one == two == pickle.loads(pickle.dumps(one)) == copy.deepcopy(one)
    assert one.diff(one) == ""
    changed = [line for line in other.diff(one).splitlines() if line[0] in "+-"]
    assert [line for line in changed if "Request" not in line] == [
        "+  temperature: 0.5",
        "-  Message 4, user: 8 characters",
        "-    And now?",
        "+  Message 4, user: 9 characters",
        "+    And then?",
    ]
    assert KEY not in f"{one}{one!r}"


async def test_each_round_of_tools_is_in_it() -> None:
    """What the tool returned leaves with the second request. What went before is only named there."""
    server, stream = ask("ollama", Says("I look.", (OSLO, BERN), "Hm."), COLD)
    receipt = (await stream).receipt
    assert receipt is not None
    assert len(receipt.requests) == len(server.asked) == 2
    assert receipt.hash == stream.request_hash
    second = str(receipt).partition("Request 2")[2]
    assert "1 message as before" in second
    assert '"sky": "grey"' in second.replace("\\", "")
    assert "How is it?" not in second
    first, again = receipt.requests
    assert first.messages[0] is again.messages[0]  # long conversations would fill the memory


def test_each_try_is_in_it_and_what_never_left_is_not(server: DemoServer) -> None:
    """A retry is a request of its own. Without a connection nothing left."""
    quick = sw.RetryPolicy(attempts=2, wait_initial=0.01)
    with pytest.raises(sw.StreamError) as failed:
        sw.ChatClient(server.url, retry=quick).stream("Name a river.", "demo-503").wait()
    assert failed.value.completion.receipt is not None
    one, two = failed.value.completion.receipt.requests
    assert one == two
    with pytest.raises(sw.StreamError) as failed:
        sw.ChatClient("http://127.0.0.1:9/v1", retry=quick).stream("Name a river.").wait()
    assert failed.value.completion.receipt is None


def test_another_sender_has_no_receipt() -> None:
    """What a function of the person sends is not known here."""
    assert sw.Conversation().ask("Name a river.", lambda _: "Elbe").wait().receipt is None
