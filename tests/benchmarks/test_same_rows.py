"""The script that holds two versions against each other sees one byte."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.process

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "same_rows.py"
STAND_IN = """#!{python}
import sys
from pathlib import Path
out = Path(sys.argv[-1])
out.mkdir()
if {rows!r} is not None:
    (out / "diff.csv").write_text({rows!r})
sys.exit({status})
"""


def version(place: Path, name: str, rows: str | None, status: int = 0) -> str:
    """A command that judges anything to these rows."""
    path = place / name
    path.write_text(STAND_IN.format(python=sys.executable, rows=rows, status=status))
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("rows", "status", "expected", "said"),
    [
        ("a,b\n1,2\n", 1, 0, "captures: 1 rows, the same to the byte"),
        ("a,b\n1,3\n", 0, 1, "captures: differs at line 2\n  before 1,2\n  after  1,3"),
        ("a,b\n1,2\n3,4\n", 0, 1, "differs at line 3\n  before \n  after  3,4"),
        (None, 0, 2, "exit status 0"),
        ("a,b\n1,2\n", 2, 2, "exit status 2"),
    ],
)
def test_a_byte_is_seen(tmp_path: Path, rows: str | None, status: int, expected: int, said: str) -> None:
    """The same rows are the same; a digit, a row, a missing table and a refusal are named."""
    before, after = version(tmp_path, "before", "a,b\n1,2\n"), version(tmp_path, "after", rows, status)
    done = subprocess.run(
        [sys.executable, str(SCRIPT), before, after, "captures"], capture_output=True, text=True, check=False
    )
    assert done.returncode == expected, done.stdout + done.stderr
    assert said in done.stdout
