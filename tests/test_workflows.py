"""The workflows and forms on GitHub name what the project has. They cannot be run here."""

from __future__ import annotations

import re
import tomllib

import yaml

from tests.support.kernels import ROOT

GITHUB = ROOT / ".github"
WORKFLOWS = {path.name: path.read_text("utf-8") for path in sorted((GITHUB / "workflows").glob("*.yml"))}
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


def test_each_form_can_be_filled_in() -> None:
    """GitHub shows no form with an unknown field, a field without a label or an id that comes twice."""
    forms = [path for path in sorted((GITHUB / "ISSUE_TEMPLATE").glob("*.yml")) if path.name != "config.yml"]
    assert len(forms) == 3
    for path in forms:
        form = yaml.safe_load(path.read_text("utf-8"))
        assert set(form) == {"name", "description", "labels", "body"}, path.name
        for field in form["body"]:
            assert field["type"] in ("input", "textarea", "dropdown", "checkboxes"), (path.name, field["type"])
            assert field["attributes"]["label"]
            assert all(isinstance(option, str | dict) for option in field["attributes"].get("options", [""]))  # not yes
        assert len({field["id"] for field in form["body"]}) == len(form["body"])


def test_dependabot_looks_at_each_lock_of_npm() -> None:
    """And at the workflows and the Python project."""
    updates = yaml.safe_load((GITHUB / "dependabot.yml").read_text("utf-8"))["updates"]
    looked_at = {entry["package-ecosystem"]: entry.get("directories") or [entry["directory"]] for entry in updates}
    assert set(looked_at) == {"github-actions", "npm", "pip"}
    locks = [ROOT / folder for folder in ("js", ".ci/lite", ".") if (ROOT / folder / "package-lock.json").exists()]
    assert {ROOT / folder.strip("/") for folder in looked_at["npm"]} == set(locks)
