"""The guide `notebooks/for_a_class.md` as a test follows it: its files and its commands. Not a test module."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from tests.support.kernels import ROOT
from tests.support.ports import closed_port

GUIDE = ROOT / "notebooks" / "for_a_class.md"


class Guide:
    """The guide, with free ports in place of its own. Nothing else of it is replaced.

    Attributes
    ----------
    ports : dict of str to int
        The free port of each port in the text: ``"8000"`` is the hub's proxy, ``"4000"`` the gateway.
    """

    def __init__(self) -> None:
        text = GUIDE.read_text("utf-8")
        self.ports = {port: closed_port() for port in ("4000", "8000", "8001", "8081")}
        for port, free in self.ports.items():
            text = re.sub(rf"\b{port}\b", str(free), text)
        self._blocks = re.findall(r"^```(\w+)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)

    def write_files(self, directory: Path) -> None:
        """Write each block whose first line is a comment with a file's name: ``# litellm.yaml``."""
        for _, block in self._blocks:
            if name := re.match(r"# ([\w/]+\.\w+)\n", block):
                path = directory / name[1]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(block, "utf-8")

    def command(self, program: str) -> list[str]:
        """Return the arguments of the guide's one command that runs a program."""
        lines = [line for kind, block in self._blocks if kind == "sh" for line in block.splitlines()]
        (found,) = [line for line in lines if line.startswith(f"{program} ")]
        return shlex.split(found)[1:]

    def exported(self) -> set[str]:
        """Return the names of the variables that the guide sets."""
        shell = "".join(block for kind, block in self._blocks if kind == "sh")
        return set(re.findall(r"^export (\w+)=", shell, re.MULTILINE))
