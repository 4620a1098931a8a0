"""``python -m streamwidget.doctor URL`` walks the path to a server. It names the hop that fails or holds text back."""

from __future__ import annotations

import argparse
import asyncio
import io
import os
import sys
from functools import partial

from streamwidget._client.client import ChatClient
from streamwidget._core.visible import visible
from streamwidget.doctor._examine import Examination
from streamwidget.doctor._finding import Finding
from streamwidget.doctor._report import line_of

_INTERRUPTED, _NO_READER = 130, 141  # as of a shell's own programs


def main(argv: list[str] | None = None) -> int:
    """Run the command line.

    Returns
    -------
    int
        0 if nobody is accused, 1 if somebody is, 130 after an interrupt, and 141 if nobody reads the output any more.
    """
    parser = argparse.ArgumentParser(prog="python -m streamwidget.doctor", description=__doc__)
    parser.add_argument("url", nargs="?", help="the server's address (default: the settings in the environment)")
    parser.add_argument("-m", "--model", help="the model to ask (default: STREAMWIDGET_MODEL)")
    parser.add_argument("-p", "--provider", help="the server's name, such as ollama-native, which says what it speaks")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    args = parser.parse_args(argv)
    for out in (sys.stdout, sys.stderr):
        if isinstance(out, io.TextIOWrapper):
            out.reconfigure(errors="backslashreplace")  # a terminal may show ASCII alone

    try:
        return _walk(args)
    except BrokenPipeError:  # `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes it once more at its end
        return _NO_READER


def _walk(args: argparse.Namespace) -> int:
    def tell(finding: Finding) -> None:
        if not args.json:
            print(line_of(finding), flush=True)

    make = partial(ChatClient, args.url, model=args.model, provider=args.provider)
    examination = Examination(make, lambda sentence: print(visible(sentence), file=sys.stderr, flush=True), tell)
    is_whole = True
    try:
        asyncio.run(examination.run())
    except KeyboardInterrupt:
        is_whole = False
        print("Interrupted. This was found so far.", file=sys.stderr)
    report = examination.report
    if args.json:
        print(visible(report.to_json()))
    else:
        print(visible("\n".join(["", *report.conclusion, "", "The table for an issue. It names your server.", ""])))
        print(visible(report.to_markdown()), flush=True)
    found = 0 if report.verdict.hop is None else 1
    return found if is_whole else _INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
