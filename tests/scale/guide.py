"""The guide `notebooks/for_a_class.md` as a test follows it: its files and its commands. Not a test module."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from tests.support.kernels import ROOT
from tests.support.ports import closed_port

GUIDE = ROOT / "notebooks" / "for_a_class.md"


class Guide:
    """The guide, with free ports in place of its own, and other values for some variables. Nothing else is replaced.

    Attributes
    ----------
    ports : dict of str to int
        The free port of each port in the text: ``"8000"`` is the hub's proxy, ``"4000"`` the gateway.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        text = GUIDE.read_text("utf-8")
        self.ports = {port: closed_port() for port in ("4000", "8000", "8001", "8081")}
        for port, free in self.ports.items():
            text = re.sub(rf"\b{port}\b", str(free), text)
        for name, value in variables.items():
            text, count = re.subn(rf'^export {name}=".*"$', f'export {name}="{value}"', text, flags=re.MULTILINE)
            assert count == 1, name
        self._blocks = re.findall(r"^```(\w+)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)

    def write_files(self, directory: Path) -> None:
        """Write each block whose first line is a comment with a file's name: ``# litellm.yaml``."""
        for _, block in self._blocks:
            if name := re.match(r"# ([\w/]+\.\w+)\n", block):
                path = directory / name[1]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(block, "utf-8")

    def commands(self, words: str) -> str:
        """Return the one block of commands that has these words, as it stands."""
        return self._block("sh", words)

    def code(self, words: str) -> str:
        """Return the one block of Python that has these words, as it stands."""
        return self._block("python", words)

    def _block(self, kind: str, words: str) -> str:
        (found,) = [block for each, block in self._blocks if each == kind and words in block]
        return str(found)
