"""The doctor of ``%chat --doctor`` and ``python -m streamwidget.doctor URL``: why does an answer not stream?

It walks the path of a request, from the settings to the page, and names the hop at fault.
"""

from __future__ import annotations
