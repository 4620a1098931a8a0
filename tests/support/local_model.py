"""The provider ``local`` in tests: a mark for those that need llama.cpp, and its processes. Not a test module."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

import psutil
import pytest

from streamwidget._client import llamacpp, local
from tests.support.deadlines import until

MARK = "SmolLM2 135M, on this machine: a very small model, often wrong"
NAME = "SmolLM2-135M-Instruct.Q4_1"
KEY = "sk-llamacpp-canary-0123456789"
#: For a test of the real model. `make` installs it for `make test`, so nothing is skipped there.
needs_llamacpp = pytest.mark.skipif(
    find_spec("xllamacpp") is None or local._installed_model() is None,
    reason="needs llama.cpp and a model: make .venv/.stamp-local",
)


def model_of(pid: int) -> psutil.Process:
    """Return the llama.cpp that a process has started."""
    children = psutil.Process(pid).children()
    (found,) = [child for child in children if llamacpp.__file__ in child.cmdline()]
    return found


def until_ended(model: psutil.Process) -> None:
    """Wait until a process is gone. One that nobody has waited for counts as gone."""
    until(lambda: not model.is_running() or model.status() == psutil.STATUS_ZOMBIE, "llama.cpp ends")


@contextmanager
def llamacpp_server() -> Iterator[str]:
    """Run llama.cpp's server on the installed model, and yield its address without ``/v1``. Its key is ``KEY``."""
    model = local.find_model(None)
    settings = {"model": str(model.path), "name": NAME, "key": KEY, "longest": model.longest}
    command = [sys.executable, llamacpp.__file__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin and process.stdout
        process.stdin.write(f"{json.dumps(settings)}\n")
        process.stdin.flush()
        yield process.stdout.readline().strip()
        process.stdin.close()  # it ends with its input
