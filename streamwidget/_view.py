"""StreamView: the text view of one stream, in the page.

Rules
-----
- Deltas are messages, not traits: two equal deltas in a row set as a trait lose the second, and a trait that holds the
  growing text costs its whole length each time.
- The wire to the page is lossy, so each message has a sequence number, and ``state`` always holds the whole: it goes
  out with comm_open, with request_states, in answer to ``sync``, and once more at the end for the saved notebook.
- ``state`` is text *sent*, not text received: its ``seq`` names the last message that it contains.
- Messages go out on the stream's loop only. What comes in may come on any thread.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Generator
from typing import Any

import anywidget
import traitlets

from streamwidget import _control, _pace
from streamwidget._bundle import LOADER, shared_bundle
from streamwidget._completion import ChatCompletion
from streamwidget._events import Finish, Retry, StreamEvent, TextDelta
from streamwidget._loop import running_loop
from streamwidget._stream import ChatStream

_numbers = itertools.count()


class StreamView(anywidget.AnyWidget):
    """Show a stream as it is written, with a Stop button and a status line.

    Parameters
    ----------
    stream : ChatStream
        Started here if an event loop runs (in a notebook it does); otherwise when it is awaited or waited for.

    Attributes
    ----------
    completion : ChatCompletion
        What has arrived so far.

    Examples
    --------
    >>> view = StreamView(client.stream("Explain entropy."))  # doctest: +SKIP
    >>> view  # doctest: +SKIP
    >>> completion = await view  # doctest: +SKIP
    """

    _esm = LOADER
    bundle = traitlets.Unicode(read_only=True).tag(sync=True)

    # Never assigned: read from the stream whenever the widget's state is asked for, so it cannot be stale.
    state = traitlets.Dict(read_only=True).tag(sync=True, to_json=lambda _value, view: view._snapshot())

    def __init__(self, stream: ChatStream) -> None:
        self._stream = stream
        self._number = next(_numbers)
        self._lock = threading.RLock()
        self._seq = 0
        self._sent: list[str] = []  # the text that has been sent, in pieces
        self._waiting_text: list[str] = []
        self._phase = "waiting"
        self._detail = ""
        self._flush_timer: asyncio.TimerHandle | None = None
        self._last_flush = float("-inf")
        self._unsubscribe = stream.subscribe(self._take)
        self.set_trait("bundle", shared_bundle().model_id)
        super().__init__()
        _control.register(stream)
        self.on_msg(self._received)
        if running_loop() is not None:
            stream.start()

    @property
    def completion(self) -> ChatCompletion:
        return self._stream.completion

    def stop(self) -> None:
        """Stop the stream; the text stays. From any thread, any number of times."""
        self._stream.cancel()

    def __await__(self) -> Generator[None, None, ChatCompletion]:
        return self._stream.__await__()

    def close(self) -> None:
        """Take the view out of the page; a stream that still runs is stopped."""
        if self.comm is None:
            return
        self._unsubscribe()
        self._stream.cancel()
        self._stop_flushing()
        layout = self.layout
        super().close()
        layout.close()

    # ---- to the page

    def _take(self, events: list[StreamEvent]) -> None:
        for event in events:
            match event:
                case TextDelta(text=text, index=0):
                    self._waiting_text.append(text)
                case Retry(delay=delay, reason=reason):
                    self._set_phase("retrying", reason, delay=delay)
                case Finish():
                    self._end()
                    return
        if self._waiting_text and self._flush_timer is None:
            self._flush_soon()

    def _flush_soon(self) -> None:
        wait = self._last_flush + _pace.interval() - time.monotonic()
        if wait <= 0:
            self._flush()
        else:
            self._flush_timer = asyncio.get_running_loop().call_later(wait, self._flush)

    def _flush(self) -> None:
        self._flush_timer = None
        if not self._waiting_text:
            return
        self._last_flush = time.monotonic()
        deltas, text = len(self._waiting_text), "".join(self._waiting_text)
        self._waiting_text.clear()
        if self._phase == "streaming":
            self._tell("delta", text=text, deltas=deltas)
        else:
            # The first text comes with all that the response's headers told: the model, and whether it is the demo's.
            _pace.enter(self._number)
            with self._lock:
                self._phase = "streaming"
                self._advance(text)
            self._send_snapshot()

    def _stop_flushing(self) -> None:
        if self._flush_timer is not None:
            self._flush_timer.cancel()
            self._flush_timer = None
        _pace.leave(self._number)

    def _set_phase(self, phase: str, detail: str, **more: Any) -> None:
        self._phase, self._detail = phase, detail
        self._tell("status", phase=phase, detail=detail, **more)

    def _end(self) -> None:
        self._stop_flushing()
        self._flush()
        completion = self._stream.completion
        self._phase = "over"
        self._detail = completion.error.message if completion.error else ""
        summary = _summary(completion)
        self._tell("end", outcome=completion.outcome, detail=self._detail, **summary)
        # Once, for a page that saves the notebook; soon, so that a view which is replaced at its end is closed by then.
        if (loop := running_loop()) is not None:
            loop.call_soon(self._save_state)

    def _save_state(self) -> None:
        if self.comm is not None:
            self.send_state("state")

    def _tell(self, op: str, *, text: str = "", **fields: Any) -> None:
        seq = self._advance(text)
        if text:
            fields["text"] = text
        if self.comm is not None:
            self.send({"op": op, "seq": seq, **fields})

    def _advance(self, text: str) -> int:
        with self._lock:
            self._seq += 1
            self._sent.append(text)
            return self._seq

    def _send_snapshot(self) -> None:
        if self.comm is not None:
            self.send({"op": "snapshot", **self._snapshot()})

    def _snapshot(self) -> dict[str, Any]:
        completion = self._stream.completion
        with self._lock:
            self._sent = ["".join(self._sent)]
            return {
                "seq": self._seq,
                "phase": self._phase,
                "text": self._sent[0],
                "outcome": completion.outcome if self._phase == "over" else None,
                "detail": self._detail,
                "elapsed": round(self._stream.elapsed, 3),
                "model": completion.model,
                "demo": completion.demo,
                "id": self._stream.id,
                **_summary(completion),
            }

    # ---- from the page

    def _received(self, _widget: Any, content: Any, _buffers: Any) -> None:
        """``stop`` and ``sync``, and nothing else: the page is not trusted with more. May run on any thread."""
        match content:
            case {"op": "stop"}:
                self._stream.cancel()
            case {"op": "sync"}:
                self._stream.call(self._send_snapshot)


def _summary(completion: ChatCompletion) -> dict[str, Any]:
    timing, usage = completion.timing, completion.usage
    return {
        "timing": {
            "first_delta": None if timing.first_delta is None else round(timing.first_delta, 3),
            "total": round(timing.total, 3),
            "deltas": timing.deltas,
        },
        "tokens": usage.completion_tokens if usage else None,
    }
