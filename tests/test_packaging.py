"""What is shipped: the sdist, the wheel made from it without Node, and that wheel alone in a new environment."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.support.kernels import ROOT, clean_environment

VERSION = json.loads((ROOT / "js" / "package.json").read_text("utf-8"))["version"]
STATIC = (
    "loader.js",
    "answer.js",
    "answer.css",
    "tools.js",
    "tools.css",
    "chat.js",
    "chat.css",
    "wire.js",
    "wire.css",
    "grid.js",
    "grid.css",
    "values.js",
    "values.css",
    "doctor.js",
    "THIRD_PARTY_LICENSES.txt",
)
BILL = "page.cdx.json"
BUNDLE = tuple(f"streamwidget/static/{name}" for name in (*STATIC, BILL))
SHIPPED = (*(name for name in BUNDLE if not name.endswith(BILL)), "streamwidget/py.typed")


@dataclass(frozen=True, slots=True)
class Distributions:
    """An sdist, the tree it unpacks to, and the wheel made from that tree on a machine without Node."""

    sdist: Path
    unpacked: Path
    wheel: Path


def build(target: str, tree: Path, output: Path, path: str | None = None) -> subprocess.CompletedProcess[str]:
    """Build "sdist" or "wheel" from ``tree``. ``path`` replaces PATH."""
    return subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(output)],
        cwd=tree,
        env=os.environ | ({} if path is None else {"PATH": path}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def copy_sources(destination: Path) -> Path:
    """Copy what a clone has, and the bundle if it is built."""
    ignored = shutil.ignore_patterns(".git", ".venv*", "node_modules", ".*_cache", "__pycache__", "artefacts", "dist")
    return Path(shutil.copytree(ROOT, destination, ignore=ignored))


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Distributions:
    """Build both once, in a copy of the project."""
    directory = tmp_path_factory.mktemp("dist")
    tree = copy_sources(directory / "tree")
    made = build("sdist", tree, directory)
    assert made.returncode == 0, made.stderr
    sdist = directory / f"streamwidget-{VERSION}.tar.gz"
    with tarfile.open(sdist) as archive:
        archive.extractall(directory, filter="data")
    unpacked = directory / f"streamwidget-{VERSION}"
    made = build("wheel", unpacked, directory, path="")
    assert made.returncode == 0, made.stderr
    return Distributions(sdist, unpacked, directory / f"streamwidget-{VERSION}-py3-none-any.whl")


def test_the_wheel_holds_the_package_and_the_bundle(distributions: Distributions) -> None:
    """The wheel has the page's half, its types and licence, and nothing from outside the package."""
    with zipfile.ZipFile(distributions.wheel) as archive:
        names = set(archive.namelist())
        assert {name for name in names if name.startswith("streamwidget/static/")} == {*BUNDLE} - {BUNDLE[-1]}
        assert set(SHIPPED) <= names
        assert archive.getinfo("streamwidget/static/answer.js").file_size > 1000
    assert {name.split("/")[0] for name in names} == {"streamwidget", f"streamwidget-{VERSION}.dist-info"}
    assert f"streamwidget-{VERSION}.dist-info/licenses/LICENSE" in names


def test_the_wheel_names_each_package_of_the_bundle(distributions: Distributions) -> None:
    """With its licence, in a text beside the bundle, and with its hash, in a bill of materials (PEP 770)."""
    with zipfile.ZipFile(distributions.wheel) as archive:
        notices = archive.read("streamwidget/static/THIRD_PARTY_LICENSES.txt").decode()
        bill = json.loads(archive.read(f"streamwidget-{VERSION}.dist-info/sboms/{BILL}"))
        assert f"streamwidget/static/{BILL}" not in archive.namelist()
    locked = json.loads((ROOT / "js" / "package-lock.json").read_text("utf-8"))["packages"]
    named = {component["name"]: component for component in bill["components"]}
    imported = {name for path in (ROOT / "js" / "src").rglob("*.ts") for name in imports(path.read_text("utf-8"))}
    assert imported  # the bill is complete by esbuild's own list, and this is another one
    assert imported <= set(named)
    for name, component in named.items():
        package = locked[f"node_modules/{name}"]
        sha512 = base64.b64decode(package["integrity"].removeprefix("sha512-")).hex()
        assert component["hashes"] == [{"alg": "SHA-512", "content": sha512}]
        assert f"{name} {package['version']} ({package['license']})\n\nCopyright" in notices
    assert notices.count("Permission is hereby granted") == len(named)
    assert bill["metadata"]["component"]["purl"] == f"pkg:pypi/streamwidget@{VERSION}"


def imports(typescript: str) -> set[str]:
    """Return the packages whose code a module of the page imports. Types leave no code."""
    package = r"(?:@[\w-]+/)?[\w-][\w.-]*"
    return set(re.findall(rf'^(?:import|export) (?!type\b)[^;]*?from "({package})', typescript, re.MULTILINE))


def test_the_description_leads_somewhere_from_elsewhere(distributions: Distributions) -> None:
    """PyPI shows the README alone, so its links and pictures have addresses. They name the version."""
    with zipfile.ZipFile(distributions.wheel) as archive:
        metadata = archive.read(f"streamwidget-{VERSION}.dist-info/METADATA").decode()
    source = f"https://github.com/streamwidget/streamwidget/{{}}/v{VERSION}/"
    assert f"]({source.format('raw')}notebooks/streaming.gif)" in metadata
    assert f"]({source.format('blob')}notebooks/providers.md#providers)" in metadata
    assert f"]({source.format('blob')}CHANGELOG.md)" in metadata
    assert set(re.findall(r"\]\((?!https:)[^)]*\)", metadata)) == set()
    assert f"Project-URL: Source, {source.partition('/{}')[0]}\n" in metadata


def test_the_citation_and_both_locks_name_this_version() -> None:
    """A release has one number."""
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    lock = json.loads((ROOT / "js" / "package-lock.json").read_text("utf-8"))
    assert f"\nversion: {VERSION}\n" in citation
    assert {lock["version"], lock["packages"][""]["version"]} == {VERSION}
    assert f"\n## {VERSION}" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_the_recipe_needs_what_the_package_needs() -> None:
    """``.ci/conda/recipe.yaml`` and pyproject.toml have the same requirements, in the words of each."""
    recipe = (ROOT / ".ci" / "conda" / "recipe.yaml").read_text("utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    python, *others = re.findall(r"^    - (.+)$", recipe.partition("\n  run:\n")[2].partition("\n\n")[0], re.MULTILINE)
    assert python == "python >=${{ python_min }}"
    assert [other.replace(" ", "", 1) for other in others] == project["project"]["dependencies"]
    assert f'python_min: "{project["project"]["requires-python"].removeprefix(">=")}"' in recipe
    assert f'\n  version: "{VERSION}"\n' in recipe
    assert f"- {project['build-system']['requires'][0].replace('>', ' >')}\n" in recipe


def test_all_is_all_extras() -> None:
    """``pip install "streamwidget[all]"`` leaves none out."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    assert extras.pop("all") == [f"streamwidget[{','.join(sorted(extras))}]"]


def test_the_sdist_holds_the_bundle_and_its_sources(distributions: Distributions) -> None:
    """The sdist has what a wheel and the tests need, and no installed or cached files."""
    with tarfile.open(distributions.sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {
        *BUNDLE,
        *SHIPPED,
        "js/package-lock.json",
        "js/hatch_build.py",
        "LICENSE",
        "README.md",
        "Makefile",
        ".ci/venv",
    } <= names
    assert any(name.startswith("js/src/") for name in names)
    assert not [name for name in names if re.search(r"node_modules|\.venv|_cache|__pycache__|\.pyc$", name)]


@pytest.mark.parametrize("folder", ["js", ".ci/lite"])
def test_every_package_of_a_lock_has_a_hash(folder: str) -> None:
    """npm refuses a package that is not the one that was locked. Only the project has no hash. No host is named."""
    packages = json.loads((ROOT / folder / "package-lock.json").read_text("utf-8"))["packages"]
    hashes = {name: package.get("integrity", "") for name, package in packages.items()}
    assert [name for name, integrity in hashes.items() if not integrity.startswith("sha512-")] == [""]
    assert [name for name, package in packages.items() if "resolved" in package] == []


def test_an_install_in_colab_replaces_nothing_of_it() -> None:
    """Each version there is allowed. Two packages are added."""
    lines = (ROOT / "tests" / "data" / "colab.txt").read_text("utf-8").splitlines()
    colab = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [Requirement(text) for text in project["dependencies"]]
    assert [str(one) for one in wanted if one.name in colab and colab[one.name] not in one.specifier] == []
    assert {one.name for one in wanted} - set(colab) == {"comm", "nest-asyncio2"}


def test_a_missing_bundle_without_node_is_told(tmp_path: Path) -> None:
    """Without bundle and npm a build fails and names both, rather than shipping a wheel that draws nothing."""
    tree = copy_sources(tmp_path / "tree")
    shutil.rmtree(tree / "streamwidget" / "static", ignore_errors=True)
    made = build("wheel", tree, tmp_path, path="")
    assert made.returncode != 0
    assert "the bundle in streamwidget/static/ is missing, and npm" in made.stderr
    assert not list(tmp_path.glob("*.whl"))


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for npm is a shell script")
def test_a_bundle_older_than_its_sources_is_built_again(tmp_path: Path) -> None:
    """A change under js/src reaches the next build: npm is called in js/."""
    tree = copy_sources(tmp_path / "tree")
    npm = tmp_path / "bin" / "npm"
    npm.parent.mkdir()
    npm.write_text(f'#!/bin/sh\necho "$(basename "$PWD"): $*" >> "{tmp_path}/calls"\n')
    npm.chmod(0o755)
    for name in BUNDLE:
        (tree / name).parent.mkdir(exist_ok=True)
        (tree / name).touch()
    (tree / "js" / "src" / "widget.ts").touch()
    newest = max(path.stat().st_mtime for path in (tree / "js" / "src").iterdir())
    os.utime(tree / BUNDLE[-1], (newest - 10, newest - 10))
    made = build("wheel", tree, tmp_path, path=f"{npm.parent}:/usr/bin:/bin")
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "calls").read_text() == "js: ci --ignore-scripts\njs: run build\n"


ALONE = """
import sys

import streamwidget as sw
from streamwidget.demo import DemoServer

assert not {"IPython", "ipywidgets", "anywidget", "httpx"} & set(sys.modules), "imported before it is used"
assert sw.__version__ == sys.argv[1]
with DemoServer() as server:
    completion = sw.ChatClient(base_url=server.url, api_key="k", model="demo").stream("Name three rivers.").wait()
assert completion.outcome == "complete" and completion.text, completion

from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "streamwidget")
assert "chat" in shell.magics_manager.magics["cell"]
shell.run_line_magic("unload_ext", "streamwidget")
assert sw.StreamView._esm
print("alone:", sw.__file__)
"""


@pytest.mark.slow
def test_the_wheel_works_alone_in_a_new_environment(distributions: Distributions, tmp_path: Path) -> None:
    """With its declared dependencies only, the wheel streams from the demo server and loads its magics."""
    environment = tmp_path / "venv"
    subprocess.run(
        [ROOT / ".ci" / "venv", environment, distributions.wheel],
        env=os.environ | {"PYTHON": sys.executable},
        check=True,
        stdin=subprocess.DEVNULL,
    )
    ran = subprocess.run(
        [environment / "bin" / "python", "-I", "-c", ALONE, VERSION],
        cwd=tmp_path,
        env=clean_environment({"IPYTHONDIR": str(tmp_path / "ipython")}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert f"alone: {environment}" in ran.stdout
