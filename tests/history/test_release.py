"""The release: a tag that fits, rights that are apart, and files about the project that others' programs read."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from gradconform import __version__
from test_history_workflows import FOLDER, ROOT, linted

RELEASE = FOLDER / "release.yml"
DEPENDABOT, CITATION = ROOT / ".github" / "dependabot.yml", ROOT / "CITATION.cff"


def checked(folder: Path, tag: str, version: str, changelog: str) -> subprocess.CompletedProcess[str]:
    """Run check-tag in a checkout with this version and changelog."""
    script = folder / ".github" / "workflows" / "check-tag"
    script.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(FOLDER / "check-tag", script)
    (folder / "harness" / "gradconform").mkdir(parents=True, exist_ok=True)
    (folder / "harness" / "gradconform" / "version.py").write_text(f'"""The version."""\n\n__version__ = "{version}"\n')
    (folder / "CHANGELOG.md").write_text(changelog)
    return subprocess.run([str(script), tag], capture_output=True, text=True, check=False)


@pytest.mark.process
@pytest.mark.parametrize("changelog", ["# Changelog\n\n## 1.2.3 (2027-01-01)\n", "## [1.2.3]\n", "## 1.2.3\n"])
def test_a_tag_that_fits_passes(tmp_path: Path, changelog: str) -> None:
    """The version with a `v` before it, and a chapter of that name."""
    done = checked(tmp_path, "v1.2.3", "1.2.3", changelog)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.process
@pytest.mark.parametrize(
    ("tag", "changelog", "said"),
    [
        ("v1.2.4", "## 1.2.3\n", "the tag is v1.2.4; expected v1.2.3"),
        ("1.2.3", "## 1.2.3\n", "expected v1.2.3"),
        ("v1.2.3", "## Unreleased\n", "no chapter '## 1.2.3'"),
        ("v1.2.3", "## 1.2.30\n", "no chapter '## 1.2.3'"),
        ("v1.2.3", "## 1x2.3\n", "no chapter '## 1.2.3'"),
    ],
)
def test_a_tag_that_does_not_fit_ends_the_release(tmp_path: Path, tag: str, changelog: str, said: str) -> None:
    """And says what was expected."""
    done = checked(tmp_path, tag, "1.2.3", changelog)
    assert done.returncode == 1
    assert said in done.stderr


@pytest.mark.process
def test_the_script_reads_the_version_of_this_checkout() -> None:
    """The real file has the form that it looks for."""
    done = subprocess.run([str(FOLDER / "check-tag"), "v0"], capture_output=True, text=True, check=False)
    assert f"expected v{__version__}," in done.stderr


def too_mighty(workflow: dict[str, Any]) -> list[str]:
    """Jobs that may write and also check out or run something; a job without rights of its own has the workflow's."""
    found = []
    for name, job in workflow["jobs"].items():
        rights = job.get("permissions", workflow["permissions"])
        works = any("run" in step or "checkout" in step.get("uses", "") for step in job["steps"])
        if works and "write" in rights.values():
            found.append(name)
    return found


def test_the_job_that_publishes_does_nothing_else() -> None:
    """Neither sources nor commands are where the right to publish is; the twin has both in one job."""
    workflow = yaml.safe_load(RELEASE.read_text())
    assert too_mighty(workflow) == []
    publish = workflow["jobs"]["publish"]
    assert publish["environment"] == {"name": "pypi"}
    assert publish["permissions"]["id-token"] == "write"
    publish["steps"].append({"run": "make"})
    assert too_mighty(workflow) == ["publish"]


def test_nothing_is_published_that_was_not_installed_first() -> None:
    """Each job waits for the one before, and all hand on the same artifact."""
    jobs = yaml.safe_load(RELEASE.read_text())["jobs"]
    assert [(name, job.get("needs")) for name, job in jobs.items()] == [
        ("build", None),
        ("install", "build"),
        ("publish", "install"),
    ]
    steps = [step for job in jobs.values() for step in job["steps"]]
    assert [step["with"]["name"] for step in steps if "artifact" in step.get("uses", "")] == ["dist"] * 3
    commands = " ".join(step.get("run", "") for step in steps)
    for part in ("check-tag", "twine check --strict", "python -m build", "gradconform check"):
        assert part in commands


@pytest.mark.process
@pytest.mark.parametrize(
    ("path", "schema", "found", "put"),
    [
        (DEPENDABOT, "dependabot", "interval: weekly", "interval: hourly"),
        (CITATION, "citation-file-format", "cff-version:", "cff:"),
    ],
    ids=["dependabot", "citation"],
)
def test_files_about_the_project_are_well_formed(tmp_path: Path, path: Path, schema: str, found: str, put: str) -> None:
    """By their published schemas; and with one word spoiled they are not."""
    assert linted(path, schema=schema).returncode == 0
    spoiled = tmp_path / path.name
    spoiled.write_text(path.read_text().replace(found, put, 1))
    assert linted(spoiled, schema=schema).returncode == 1


def test_the_citation_has_this_version() -> None:
    """It is written by hand, so it is held against the version."""
    assert str(yaml.safe_load(CITATION.read_text())["version"]) == __version__


def test_the_actions_are_kept_up_to_date() -> None:
    """They are named by version, so somebody must propose newer ones."""
    assert re.search(r"package-ecosystem: github-actions\b", DEPENDABOT.read_text())
