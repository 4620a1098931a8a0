"""Recordings to test with: one that is written by hand, and what a recorded stream is given. Not a test module."""

from __future__ import annotations

from typing import Literal

import streamwidget as sw
from streamwidget._core.recording import ChunkReceived, Recording, RequestSent, ResponseEnded, ResponseStarted
from streamwidget._core.secrets import NO_SECRETS, ApiKey, Secrets
from streamwidget.demo._faults import FAULTS

CANARY = "sk-canary-0123456789abcdef"
LIMITS = sw.Timeout(headers=2, first_delta=1, stall=1, progress=1, total=6)
#: No fault, and each of the demo server's, but for those that take long or weigh much by their nature.
LIGHT_FAULTS = ["", *sorted(set(FAULTS) - {"endless", "bomb", "noline", "big-event", "dribble"})]


def recording_of(
    *chunks: bytes,
    key: str | None = None,
    status: int = 200,
    content_type: str = "text/event-stream",
    how: Literal["whole", "broken", "left"] = "whole",
) -> Recording:
    """One request and its response in these chunks, whose stream is said to be complete."""
    recording = Recording("m", sw.Timeout(), Secrets(ApiKey(key)) if key else NO_SECRETS)
    recording.records = [
        RequestSent(0.0, "POST", "http://127.0.0.1/v1/chat/completions", {}, '{"stream": true}'),
        ResponseStarted(0.1, status, {"content-type": content_type}),
        *(ChunkReceived(0.1, chunk) for chunk in chunks),
        ResponseEnded(0.2, how),
    ]
    recording.outcome = "complete"
    return recording
