"""The workflows on GitHub run what the project has. They cannot be run here."""

from __future__ import annotations

import re
import tomllib

import yaml

from tests.support.kernels import ROOT

WORKFLOWS = {path.name: path.read_text("utf-8") for path in sorted((ROOT / ".github" / "workflows").glob("*.yml"))}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def test_each_action_is_pinned_by_its_hash() -> None:
    """A tag can be moved to other code. The comment beside the hash has the version, for people and for Dependabot."""
    used = [line.strip() for text in WORKFLOWS.values() for line in text.splitlines() if "uses:" in line]
    actions = [line for line in used if not line.endswith("uses: ./.github/workflows/test.yml")]
    assert len(actions) > 10
    assert [
        line for line in actions if not re.search(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+$", line)
    ] == []


def test_the_systems_and_pythons_are_the_promised_ones() -> None:
    """Each Python of the classifiers, on three systems."""
    matrix = yaml.safe_load(WORKFLOWS["test.yml"])["jobs"]["systems"]["strategy"]["matrix"]
    promised = re.findall(r"Python :: (3\.\d+)", " ".join(PROJECT["project"]["classifiers"]))
    assert matrix["python"] == promised
    assert {system.partition("-")[0] for system in matrix["system"]} == {"ubuntu", "macos", "windows"}


def test_what_they_run_exists() -> None:
    """Targets of the Makefile, groups of dependencies, and scripts."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    text = "\n".join(WORKFLOWS.values())
    targets = {target for line in re.findall(r"- run: make (.+)$", text, re.MULTILINE) for target in line.split()}
    assert {"lint", "build", "lessons", "site"} <= targets
    assert {target for target in targets if not re.search(rf"^{target}:", makefile, re.MULTILINE)} == set()
    assert set(re.findall(r"--group (\w+)", text)) <= set(PROJECT["dependency-groups"])
    assert all((ROOT / script).exists() for script in re.findall(r"\.ci/\w+", text))


def test_only_the_steps_that_publish_may_write() -> None:
    """A job has no more rights than it needs."""
    for name, text in WORKFLOWS.items():
        workflow = yaml.safe_load(text)
        assert workflow["permissions"] == {"contents": "read"}, name
        for job, steps in workflow["jobs"].items():
            assert "permissions" not in steps or job in ("publish", "github", "deploy"), (name, job)
