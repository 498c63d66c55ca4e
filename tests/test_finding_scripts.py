"""The scripts of docs/findings, each in its framework: what it gives is still not what is right."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from gradconform.capture import adapters

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = sorted((ROOT / "docs" / "findings").glob("*.py"))
PAGE = (ROOT / "docs" / "findings.md").read_text(encoding="utf-8")


def told(script: Path) -> tuple[str, str]:
    """What a script says it got and what it expected."""
    framework = script.stem.partition("_")[0]
    command = [str(adapters.find(framework).interpreter), str(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    lines = [line for line in done.stdout.splitlines() if line.startswith(("got ", "expected "))]
    got, expected = (line.split(maxsplit=1)[1] for line in lines)
    return got, expected


@pytest.mark.nightly
@pytest.mark.process
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_finding_still_shows(script: Path) -> None:
    """Once it does not, the page and the list of known divergences have an entry too many."""
    got, expected = told(script)
    assert got != expected


def test_every_script_is_on_the_page() -> None:
    """And every one on the page is there; each is short and needs its framework and NumPy alone."""
    assert SCRIPTS
    assert all(f"findings/{script.name}" in PAGE for script in SCRIPTS)
    assert PAGE.count("](findings/") == len(SCRIPTS)
    for script in SCRIPTS:
        lines = script.read_text(encoding="utf-8").splitlines()
        imported = {line.split()[1].partition(".")[0] for line in lines if line.startswith(("import ", "from "))}
        assert len(lines) <= 20, script.name
        assert imported <= {script.stem.partition("_")[0], "numpy", "math"}, script.name


@pytest.mark.process
def test_a_script_of_what_is_right_is_noticed(tmp_path: Path) -> None:
    """The twin: a script that prints the same twice."""
    script = tmp_path / "chainer_sound.py"
    script.write_text("print('got     ', 1.0)\nprint('expected', 1.0)\n")
    got, expected = told(script)
    assert got == expected
