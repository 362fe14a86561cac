"""What the workflows may do: identities and rights only where nothing of others is run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

yaml = pytest.importorskip("yaml", reason="pip install pyyaml")

FOLDER = Path(__file__).parents[1] / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.yml"))
pytestmark = pytest.mark.skipif(not FILES, reason="workflows stand in the repository only")
# What fetches and runs code that nobody here has seen.
INSTALLS = re.compile(r"\b(pip|pipx|uvx?|npm|npx|curl|wget|apt-get|nox|conda|brew|gem|cargo|go|docker)\b")


def jobs() -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    found = []
    for file in FILES:
        workflow = yaml.safe_load(file.read_text(encoding="utf-8"))
        for name, job in workflow["jobs"].items():
            found.append((f"{file.stem}:{name}", workflow, job))
    return found


@pytest.mark.parametrize(
    ("name", "workflow", "job"), jobs(), ids=lambda value: value if str(value) == value else ""
)
def test_rights_stand_alone(name: str, workflow: dict[str, Any], job: dict[str, Any]) -> None:
    assert workflow["permissions"] == {"contents": "read"}
    rights = job.get("permissions", {})
    steps = job.get("steps", [])
    for step in steps:
        if "uses" in step:
            assert re.search(r"@[0-9a-f]{40}$", step["uses"]), f"{name}: {step['uses']} must be a commit"
        if "checkout" in step.get("uses", ""):
            assert step["with"]["persist-credentials"] is False
    if "write" in rights.values():
        for step in steps:
            assert not INSTALLS.search(step.get("run", "")), f"{name} has rights and runs {step['run']!r}"
    if rights.get("id-token") == "write":
        assert "contents" not in rights
        assert not any("checkout" in step.get("uses", "") or "cache" in str(step) for step in steps)


def test_only_files_whose_hashes_were_taken_are_published() -> None:
    release = yaml.safe_load((FOLDER / "release.yml").read_text(encoding="utf-8"))["jobs"]
    publishing = [name for name, job in release.items() if "pypi-publish" in str(job)]
    assert publishing == ["publish"]
    steps = release["publish"]["steps"]
    check = next(k for k, step in enumerate(steps) if "sha256sum --check --strict" in step.get("run", ""))
    publish = next(k for k, step in enumerate(steps) if "pypi-publish" in step.get("uses", ""))
    assert check < publish
    assert steps[check]["env"]["SUMS"] == "${{ needs.hashes.outputs.sums }}"
    assert release["hashes"]["needs"] == "build"
    assert not any(INSTALLS.search(step.get("run", "")) for step in release["hashes"]["steps"])
    assert "bom" in release["publish"]["needs"]
    assert "permissions" not in release["bom"]


def test_the_threat_model_names_tests_that_exist() -> None:
    root = Path(__file__).parent
    text = (root.parent / "SECURITY.md").read_text(encoding="utf-8")
    named = re.findall(r"`([a-z_/]+\.py)::(test_\w+)`", text)
    rows = [
        line
        for line in text.splitlines()
        if line.startswith("| ") and not line.startswith(("| Comes", "| Row"))
    ]
    assert len(named) >= len(rows) >= 18 + 23
    for file, test in named:
        assert re.search(rf"^def {test}\(", (root / file).read_text(encoding="utf-8"), re.MULTILINE), test
    assert all("::test_" in row for row in rows)
