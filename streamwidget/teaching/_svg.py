"""The frame and the colours of all pictures for lessons.

A picture has its own background, because a saved picture does not know the theme of the page. Where the page or the
system says that it is dark, the picture is dark too.
"""

from __future__ import annotations

from html import escape

from streamwidget._core.visible import visible

# The class keeps the colours inside of a picture that is part of a page.
_STYLE = (
    "<style>.sw-picture{--paper:#fff;--ink:#1f2328;--quiet:#59636e;--one:#0b62c4;--two:#b3470b}"
    "@media (prefers-color-scheme:dark)"
    "{.sw-picture{--paper:#1b1f24;--ink:#e6edf3;--quiet:#9da7b1;--one:#6cb6ff;--two:#ffa657}}</style>"
)


def document(width: int, height: int, alternative: str, parts: str) -> str:
    """Return an SVG document of this size, or of the width of its place if that is less.

    ``parts`` may use the colours ``var(--ink)``, ``--quiet``, ``--one`` and ``--two``. ``alternative`` is the picture
    in words, for screen readers.
    """
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="sw-picture" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img" aria-label="{escape(visible(alternative))}" '
        'font-family="system-ui, sans-serif" font-size="14" fill="var(--ink)" '
        f'style="display:block;width:100%;max-width:{width}px;height:auto">{_STYLE}'
        f'<rect width="{width}" height="{height}" rx="6" fill="var(--paper)"/>{parts}</svg>'
    )
