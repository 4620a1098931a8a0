"""What README.md, CONTRIBUTING.md and the guides say is true: code runs, links and tables hold."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from IPython.core.magic import Magics
from nbformat import NotebookNode
from PIL import Image

from streamwidget._client import local
from streamwidget._client.servers import SERVERS
from streamwidget._core.timeout import Timeout
from streamwidget._notebook.magics import ChatMagics
from tests.moving_picture import MOST_BYTES, TARGET
from tests.support.kernels import ROOT
from tests.support.notebooks import execute, notebook
from tests.support.servers import RawServer, response, sse
from tests.support.shells import chat_shell, magics_of
from tests.support.wings import WINGS

PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
README, CONTRIBUTING, _ = (Path(ROOT, page).read_text("utf-8") for page in PAGES)
#: The guides by their names. tests/scale follows the one for a class, and the notes for the lecturer are not a guide.
GUIDES = {
    path.stem: path.read_text("utf-8")
    for path in sorted((ROOT / "notebooks").glob("*.md"))
    if path.stem not in ("for_a_class", "README")
}
SAID = "\n".join([README, *GUIDES.values()])
#: Characters of a README that a newcomer reads in five minutes.
SHORT = 16_000
JSON_ANSWER = '{"value": [{"name": "Elbe", "km": 1094}]}'

# Run before the README's blocks. "ollama" listens on the stand-in, and the key that is typed belongs to it.
SET_UP = """
import dataclasses, os
from streamwidget._client import local
from streamwidget._client.servers import SERVERS

SERVERS["ollama"] = dataclasses.replace(SERVERS["ollama"], base_url={url!r})

def type_a_key(*_, **__):
    os.environ["OPENAI_BASE_URL"] = {url!r}
    return "typed-by-a-person"

get_ipython().kernel.getpass = type_a_key
_ours = {{*globals()}}
"""
TYPE_A_KEY = 'os.environ["OPENAI_API_KEY"] = type_a_key()'
# Run before each guide's blocks: a reader's new notebook has no names of another guide.
NEW_NOTEBOOK = """
%unload_ext streamwidget
for name in [name for name in globals() if name not in _ours and not name.startswith("_")]:
    del globals()[name]
"""


def blocks(language: str, text: str) -> list[str]:
    """Return a page's code blocks of one language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def table_rows(heading: str) -> list[list[str]]:
    """Return the cells of all tables under a heading, without their first two lines."""
    section = re.split(r"^#+ ", SAID.partition(f"\n## {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    tables = re.findall(r"(?:^\|.*\|\n)+", section, re.MULTILINE)
    assert tables, heading
    rows = [line for table in tables for line in table.splitlines()[2:]]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in rows]


def in_code(text: str) -> list[str]:
    """Return what stands between single backticks."""
    return re.findall(r"`([^`\n]+)`", text)


@pytest.fixture
def provider() -> Iterator[RawServer]:
    """A stand-in for a provider that knows every model. It answers with JSON if it is asked for a value."""
    usage = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}

    def answer(connection: socket.socket) -> None:
        body = json.loads(server.requests[-1].partition(b"\r\n\r\n")[2])
        if body.get("stream"):
            end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": usage}
            said = [JSON_ANSWER] if "response_format" in body else ["A river ", "is water."]
            connection.sendall(response(sse(*said, end, b"data: [DONE]\n\n")))
            return
        message = {"role": "assistant", "content": JSON_ANSWER}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        whole = json.dumps({"choices": [choice], "usage": usage}).encode()
        connection.sendall(response(whole, kind="application/json"))

    with RawServer(answer) as server:
        yield server


@pytest.fixture
def run(provider: RawServer, tmp_path: Path) -> NotebookNode:
    """All Python blocks of the README, then those of each guide, as the cells of one notebook without a network."""
    Image.new("RGB", (2, 2)).save(tmp_path / "map.png")
    load, ask, look, *others = blocks("python", README)  # the demo server answers at the pace of a model, so only once
    guides = (cell for text in GUIDES.values() for cell in (NEW_NOTEBOOK, *blocks("python", text)))
    cells = notebook(SET_UP.format(url=provider.url), load, ask, look, TYPE_A_KEY, *others, *guides)
    execute(cells, tmp_path, {})
    return cells


@pytest.mark.kernel
def test_the_code_of_the_readme_and_of_the_guides_runs(run: NotebookNode, provider: RawServer) -> None:
    """The first answer needs no key. Each guide stands alone."""
    texts = [json.dumps(cell.outputs) for cell in run.cells]
    asked = next(number for number, cell in enumerate(run.cells) if cell.source.startswith("%%chat"))
    assert "demo server (no model)" in texts[asked]
    assert "complete" in texts[asked + 1]
    assert all(b"Bearer typed-by-a-person" in request for request in provider.requests)
    assert any(b'"model": "llama3.2"' in request for request in provider.requests)
    asked = next(number for number, cell in enumerate(run.cells) if "\n_chat.value\n" in cell.source)
    assert "River(name='Elbe', km=1094)" in texts[asked]


def test_the_shell_commands_exist() -> None:
    """Each line of a shell block is a target of the Makefile, a variable that is read, or a program of ours."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    config = (ROOT / "streamwidget" / "_client" / "config.py").read_text("utf-8")
    lines = [line.partition(" #")[0].strip() for block in blocks("sh", SAID) for line in block.splitlines()]
    assert f"pip install {project['name']}" in lines
    for line in lines:
        program, _, rest = line.partition(" ")
        if program == "make":
            assert re.search(rf"^{rest}:", makefile, re.MULTILINE), line
        elif program == "python":
            assert (ROOT / rest.split()[1].replace(".", "/") / "__main__.py").exists(), line
        elif program == "export":
            assert f'"{rest.partition("=")[0]}"' in config, line
        else:
            extras = [f'pip install "{project["name"]}[{extra}]"' for extra in project["optional-dependencies"]]
            assert line in (f"pip install {project['name']}", *extras, local._GET_MODEL.strip("`"), "jupyter lab")


def test_the_targets_that_are_named_exist() -> None:
    """Each ``make ...`` in the README, in CONTRIBUTING and in the guides is a target of the Makefile."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = [code.removeprefix("make ") for code in in_code(SAID + CONTRIBUTING) if code.startswith("make ")]
    assert {"check", "test", "demo", "faults", "bench"} <= set(targets)
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_demo_server_has_the_options_that_are_named() -> None:
    """``python -m streamwidget.demo`` takes what a guide writes after it."""
    command = [sys.executable, "-m", "streamwidget.demo", "--help"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    named = [code for code in in_code(SAID) if code.startswith("python -m streamwidget.demo ")]
    assert named
    for option in re.findall(r"--[a-z-]+", " ".join(named) + " --list"):
        assert option in said


def test_each_link_leads_somewhere() -> None:
    """A link is an address, or a file beside the page, with a heading of that file if the link names one."""
    pages = [
        *map(ROOT.joinpath, PAGES),
        ROOT / ".github" / "SECURITY.md",
        *sorted((ROOT / "notebooks").glob("*.[mi][dp]*")),
    ]
    links = [(page, target) for page in pages for target in re.findall(r"\]\(([^)]+)\)", markdown_of(page))]
    assert {page.suffix for page, _ in links} == {".md", ".ipynb"}
    for page, target in links:
        if not target.startswith("https://"):
            name, _, anchor = target.partition("#")
            leads_to = page.parent / name if name else page
            assert leads_to.exists(), (page.name, target)
            assert not anchor or anchor in anchors_of(leads_to), (page.name, target)


def markdown_of(page: Path) -> str:
    """Return a page's text without its code. A notebook's text is in its cells."""
    text = page.read_text("utf-8")
    if page.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        text = "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    return re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)


def anchors_of(page: Path) -> set[str]:
    """Return the anchors of the headings, by GitHub's rule: lower case, no punctuation, a hyphen for each space."""
    headings = re.findall(r"^#+ (.+)$", markdown_of(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_paths_that_are_named_exist() -> None:
    """A path in backticks is in the project, or in the package: ``_client/sse.py``."""
    for code in in_code(SAID + CONTRIBUTING):
        for path in re.findall(r"(?:\.ci|js|notebooks|streamwidget|tests|_\w+)/[\w./-]*", code):
            built = path in ("streamwidget/static/", "tests/ui/artefacts")
            assert built or (ROOT / path).exists() or (ROOT / "streamwidget" / path).exists(), path


def test_the_option_tables_are_the_parsers_options() -> None:
    """Every option of the magic has its place in the tables, and every option there is one of the magic."""
    with chat_shell() as shell:
        parser = magics_of(shell).chat.parser
    options = {name for action in parser._actions for name in action.option_strings}
    said = [name for row in table_rows("Options of %%chat") for code in in_code(row[0]) for name in code.split()]
    assert {name for name in said if name.startswith("-")} == options
    assert len([name for name in said if name.startswith("-")]) == len(options)


def test_the_settings_table_is_the_magics_settings() -> None:
    """``%config ChatMagics`` and the guide list the same settings."""
    said = [name for row in table_rows("Settings") for name in in_code(row[0])]
    inherited = set(Magics.class_trait_names(config=True))
    assert sorted(said) == sorted(set(ChatMagics.class_trait_names(config=True)) - inherited)


def test_the_limits_are_those_of_a_timeout() -> None:
    """Each limit of ``Timeout`` is named with its default."""
    said = re.search(r"^The limits are (.*?)\.$", SAID, re.DOTALL | re.MULTILINE)
    assert said
    named = re.findall(r"`(\w+)` \((\d+) s", said[1])
    assert {name: int(seconds) for name, seconds in named} == asdict(Timeout())


THIS_MACHINE = "none: streamwidget starts it"


def test_the_provider_table_is_the_servers() -> None:
    """Names, addresses and variables of the keys are those of the code."""
    said = {row[0]: row[1:] for row in table_rows("Providers")}
    # OpenAI's key is in no row: a rule of its own, in the client's settings, says where it goes.
    keys = {name: server.key_env or "" for name, server in SERVERS.items()} | dict.fromkeys(
        ("openai", "openai-responses"), "OPENAI_API_KEY"
    )
    addresses = {
        name: f"`{server.base_url}`" if server.base_url else f"`{server.url_env}`" if server.url_env else THIS_MACHINE
        for name, server in SERVERS.items()
    }
    assert said == {f"`{name}`": [addresses[name], f"`{keys[name]}`" if keys[name] else ""] for name in SERVERS}


def test_the_providers_with_an_api_of_their_own_are_named() -> None:
    """All others speak chat completions, which the client's tests show in each dialect."""
    said = re.search(r"^(`.*) speak the provider's own API", GUIDES["providers"], re.MULTILINE)
    assert said
    assert set(in_code(said[1])) == {name for name, row in SERVERS.items() if row.dialect.name != "chat_completions"}


def test_the_errors_that_a_guide_explains_are_ours() -> None:
    """Each sentence in its table is one that the code can say, to the end of a line or of a name: ``HOST``."""
    code = "\n".join(
        path.read_text("utf-8") for path in (ROOT / "streamwidget").rglob("*.*") if path.suffix in (".py", ".json")
    )
    for row in table_rows("What an error means"):
        for part in row[0].strip("`").split("HOST"):
            assert part.strip() in code, row[0]


def test_the_readme_is_a_short_page_that_leads_to_every_guide() -> None:
    """Nobody reads a long one. Its last table has each guide once."""
    assert len(README) < SHORT
    listed = re.findall(r"^\| \[[^]]+\]\(notebooks/(\w+)\.md\)", README.partition("\n## Read on\n")[2], re.MULTILINE)
    assert sorted(listed) == sorted([*GUIDES, "for_a_class", "README"])


def test_the_moving_picture_moves_and_is_small() -> None:
    """The README's picture is the one that ``python -m tests.moving_picture`` makes."""
    path = TARGET.relative_to(ROOT).as_posix()
    assert f"]({path})" in README
    assert TARGET.stat().st_size < MOST_BYTES
    with Image.open(TARGET) as picture:
        assert getattr(picture, "n_frames", 1) > 20


def test_the_map_names_each_wing_and_each_folder_of_the_page() -> None:
    """CONTRIBUTING's map has exactly the existing folders. Of the tests' folders it explains some."""
    drawn: dict[str, list[str]] = {}
    for line in CONTRIBUTING.partition("```\n")[2].partition("```")[0].splitlines():
        indent, path = re.match(r"( *)([\w./]+/)", line).groups()  # type: ignore[union-attr]
        if not indent:
            root, drawn[path] = path, []
        else:
            drawn[root].append(path.strip("/"))
        assert (ROOT / (root if not indent else root + path)).is_dir(), path
    assert drawn["streamwidget/"] == list(WINGS)
    assert set(drawn["js/src/"]) == {path.name for path in (ROOT / "js" / "src").iterdir() if path.is_dir()}
