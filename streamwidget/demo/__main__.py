"""``python -m streamwidget.demo`` runs the demo server in the foreground until SIGINT or SIGTERM."""

from __future__ import annotations

import argparse
import signal
import sys
import time

from streamwidget.demo._faults import FAULTS
from streamwidget.demo._server import DemoServer


def main(argv: list[str] | None = None) -> int:
    """Run the command line. Prints the base URL on one line once the server listens."""
    parser = argparse.ArgumentParser(prog="python -m streamwidget.demo", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="the port to listen on (default: a free one)")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
    parser.add_argument(
        "--tokens-per-second",
        type=float,
        default=60,
        metavar="R",
        help="deltas a second, 0: no limit (default: %(default)s)",
    )
    parser.add_argument(
        "--first-delta", type=float, default=0.35, metavar="S", help="seconds before the text (default: %(default)s)"
    )
    parser.add_argument("--list", action="store_true", help="list the faults by model name and exit")
    args = parser.parse_args(argv)
    if args.list:
        width = max(map(len, FAULTS)) + len("demo-")
        for name, fault in FAULTS.items():
            print(f"{'demo-' + name:<{width}}  {fault.sentence}")
        return 0
    try:
        server = DemoServer(
            args.port, tokens_per_second=args.tokens_per_second, first_delta=args.first_delta, host=args.host
        )
    except ValueError as error:
        parser.error(str(error))
    # Both signals raise KeyboardInterrupt in the main thread, even if a shell started us with SIGINT ignored.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with server:
            print(server.url, flush=True)
            print(f"Records of the requests: {server.control_url}/requests", file=sys.stderr, flush=True)
            while True:
                time.sleep(3600)
    except KeyboardInterrupt:
        return 0
    except OSError as error:
        print(f"cannot listen on {args.host} port {args.port}: {error.strerror}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
