"""The program of the process that :mod:`streamwidget._client.local` starts: llama.cpp's own server.

The first line on its standard input has its settings, as JSON. The first line on its standard output is its address,
once the model is loaded. It ends when its standard input does, and when its parent has ended. Both are needed: another
process that the parent has forked may hold the other end of the pipe.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time


def main() -> None:
    """Serve one model until the parent ends."""
    parent = os.getppid()
    settings = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    answer = os.dup(1)
    os.dup2(2, 1)  # whatever else is printed goes into the log

    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = settings["model"]
    params.model_alias = {settings["name"]}
    params.hostnames = ["127.0.0.1"]
    params.port = 0  # the system chooses a free one
    params.api_keys = [settings["key"]]
    # One thread: on a busy machine two threads that wait for each other were 30 times slower.
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.n_ctx = 8192  # tokens. The whole context of a large model would take gigabytes
    params.n_parallel = 4  # answers at a time, in one context
    params.kv_unified = True
    params.n_predict = settings["longest"]
    params.sleep_idle_seconds = 600  # then its memory is free until the next question. Many kernels share a hub
    params.ui = False
    params.offline = True
    params.verbosity = 2  # errors and warnings
    server = xllamacpp.Server(params)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # its own handler ends the server, and leaves the process
    os.write(answer, f"{server.listening_address}\n".encode())
    os.close(answer)
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(0)


def _end_with_stdin() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main()
