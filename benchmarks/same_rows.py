"""Do two versions of gradconform judge the same captures alike, to the byte? For changes that must change no verdict.

    python benchmarks/same_rows.py BEFORE AFTER FOLDER[,FOLDER...] ...

BEFORE, AFTER: the command `gradconform` of an environment of each version, such as .tox/harness/bin/gradconform in two
checkouts. FOLDER: what `gradconform capture` wrote; those joined by commas are judged together. Each diff.csv is
compared as bytes. Exit status: 0 where all are the same, 1 where one differs, 2 where one could not be judged.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from itertools import zip_longest
from pathlib import Path


class NotJudgedError(Exception):
    """A command wrote no diff.csv; the message is what it said."""


def judged(command: str, folders: list[str], out: Path) -> bytes:
    """The diff.csv that a version writes. Raises NotJudgedError."""
    done = subprocess.run([command, "judge", *folders, "--out", str(out)], capture_output=True, text=True, check=False)
    table = out / "diff.csv"
    # Status 1 is a run in which something diverges: its rows are there.
    if done.returncode not in (0, 1, 3) or not table.exists():
        raise NotJudgedError(f"{command}: exit status {done.returncode}: {done.stderr.strip()}")
    return table.read_bytes()


def first_difference(before: bytes, after: bytes) -> str:
    """The first line that differs, of both; empty where none does."""
    lines = zip_longest(before.split(b"\n"), after.split(b"\n"), fillvalue=b"(no line)")
    for number, (old, new) in enumerate(lines, 1):
        if old != new:
            return f"line {number}\n  before {old.decode()}\n  after  {new.decode()}"
    return ""


def main(before: str, after: str, sets: list[str]) -> int:
    """Judge each set with both versions and print what differs."""
    status = 0
    for told in sets:
        folders = told.split(",")
        with tempfile.TemporaryDirectory() as place:
            try:
                old = judged(before, folders, Path(place) / "before")
                new = judged(after, folders, Path(place) / "after")
            except NotJudgedError as error:
                print(f"{told}: {error}")
                return 2
        different = first_difference(old, new)
        rows = max(0, old.count(b"\n") - 1)
        print(f"{told}: {f'differs at {different}' if different else f'{rows:,} rows, the same to the byte'}")
        status = status or int(bool(different))
    return status


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
