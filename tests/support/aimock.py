"""A server of other authors: ``@copilotkit/aimock``, installed by npm into ``js/``. Not a test module."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.children import end
from tests.support.kernels import ROOT
from tests.support.watchdog import MARK

CLI = ROOT / "js" / "node_modules" / "@copilotkit" / "aimock" / "dist" / "cli.js"
#: Node closes a connection that nothing used for five seconds. On a busy machine a client's next request may meet that.
_PATIENT = """data:text/javascript,
import http from "node:http";
import net from "node:net";
http.Server.prototype.listen = function (...given) {
  this.keepAliveTimeout = 0;
  return net.Server.prototype.listen.apply(this, given);
};"""
KEY = "sk-aimock-canary-0123456789"
#: Fixtures for what each API can answer beside text: reasoning, a tool call, and an answer that is cut.
SIMPLE: list[dict[str, Any]] = [
    {"match": {"userMessage": "think"}, "response": {"content": "42", "reasoning": "Six times seven."}},
    {"match": {"userMessage": "weather"}, "response": {"toolCalls": [{"name": "look", "arguments": {"at": "Bern"}}]}},
    {"match": {"userMessage": "limit"}, "response": {"content": "cut", "finishReason": "length"}},
]


def said(prompt: str) -> Any:
    """Return the prompt as the messages of a request."""
    return [{"role": "user", "content": prompt}]


@contextmanager
def start_aimock(fixtures: list[dict[str, Any]], directory: Path) -> Iterator[str]:
    """Start one with a check of the key, and give its address, without ``/v1``."""
    path = directory / "fixtures.json"
    path.write_text(json.dumps({"fixtures": fixtures}), encoding="utf-8")
    options = ["--host", "127.0.0.1", "--port", "0", "--fixtures", str(path), "--validate-on-load"]
    command = ["node", "--import", _PATIENT, str(CLI), *options]
    server = subprocess.Popen(
        command,
        env={name: os.environ[name] for name in ("PATH", MARK)} | {"AIMOCK_API_KEYS": KEY, "HOME": str(directory)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert server.stdout is not None
        said = ""
        while not (found := re.search(r"listening on (http://127\.0\.0\.1:\d+)", said)):
            line = server.stdout.readline()
            assert line, f"aimock ended: {said}"
            said += line
        yield found[1]
    finally:
        end(server)
