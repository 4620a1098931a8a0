"""The APIs of providers and SDKs, one file for each dialect. No I/O, and no SDK is imported.

A dialect of our own requests stands in the row of its server (:mod:`streamwidget._client.servers`). A dialect of an
SDK's stream is found by the shape of its first item (:mod:`streamwidget._dialects.registry`).
"""

from __future__ import annotations

from streamwidget._dialects.registry import reader_for

__all__ = ["reader_for"]
