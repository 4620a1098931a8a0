"""All faults, by name.

A fault is asked for by model name (``demo-stall``) or by the body field ``demo`` (``{"fault": "stall", "after": 20}``),
with ``stream`` or without. To add one, write a function in the steps of a :class:`~streamwidget.demo._reply.Reply`, in
``_stream_faults.py`` or ``_response_faults.py``; its decorator is the entry in the table.
"""

from __future__ import annotations

from streamwidget.demo import _response_faults, _stream_faults  # noqa: F401  (they fill the table)
from streamwidget.demo._fault import FAULTS, Fault

__all__ = ["FAULTS", "Fault"]
