"""What to do about a failure: one line for the person whose cell failed."""

from __future__ import annotations

from streamwidget._core.completion import ErrorInfo
from streamwidget._core.exceptions import StreamError

_BY_STATUS = {
    400: "The server did not understand the request: check the model and the options.",
    401: "Check the key in STREAMWIDGET_API_KEY, OPENAI_API_KEY or the provider's variable: it must be this address's.",
    403: "The key is known, but may not do this: check its permissions, or the account's region.",
    404: "Check the model's name (-m NAME) and that the base URL ends as the provider says, often in /v1.",
    413: "The prompt is too long for this server.",
    429: "Wait a little, or ask for less at a time.",
}
_BY_KIND = {
    "connect": "Is the server running, and the address right? (STREAMWIDGET_BASE_URL, %config ChatMagics.base_url)",
    "tls": "For a certificate of your own authority set SSL_CERT_FILE; the check is never switched off.",
    "proxy": "Check HTTPS_PROXY, or list the host in NO_PROXY.",
    "source": "What the source itself raised is its __cause__.",
    "redirect": "Neither the key nor the prompt was sent on.",
}


def advice(error: ErrorInfo) -> str:
    """One sentence on what to do, or an empty text where there is nothing to add."""
    if error.kind in _BY_KIND:
        return _BY_KIND[error.kind]
    if "insufficient_quota" in (error.code, error.type):
        return "The account's quota is spent; waiting does not help."
    if error.retry_after is not None:
        return f"The server asks to wait {error.retry_after:g} s."
    if error.status in _BY_STATUS:
        return _BY_STATUS[error.status]
    if error.status is not None and error.status >= 500:
        return "The fault is the server's; try again later."
    return ""


def explain(failure: StreamError, kept_in: str = "in _chat") -> list[str]:
    """One or two lines: what happened, what was kept (and where) and what to do."""
    status = failure.error.status
    named = f" (HTTP {status})" if status not in (None, 200) else ""
    lines = [f"{type(failure).__name__}{named}: {failure.error.message}"]
    kept = len(failure.completion.text)
    rest = [f"The {kept} characters that came are {kept_in}." if kept else "", advice(failure.error)]
    if any(rest):
        lines.append(" ".join(filter(None, rest)))
    return lines
