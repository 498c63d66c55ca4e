"""How long a year of nights takes to answer: a folder of 365 runs is made from one run, and asked.

The rows of a night are those of a real run folder (or of a made-up one), repeated under other names until there are
as many as asked for; every ratio gets a small factor of its own each night, so that no two nights compress into one.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parents[1]
FIRST = datetime(2025, 1, 1, 2, 17, tzinfo=UTC)


def year(seed_run: Path, folder: Path, nights: int, rows: int) -> None:
    """Write so many runs of so many rows."""
    table = pq.read_table(seed_run / "diff.parquet")
    manifest = json.loads((seed_run / "run.json").read_text(encoding="utf-8"))
    copies, kind = [], table["spec"].type
    for i in range(-(-rows // table.num_rows)):
        named = pc.binary_join_element_wise(table["spec"], pa.scalar(f"_{i:02}", kind), pa.scalar("", kind))
        copies.append(table.set_column(table.schema.get_field_index("spec"), "spec", named))
    whole = pa.concat_tables(copies).slice(0, rows).combine_chunks()
    ratio = whole["ratio"].to_numpy()
    draw = np.random.default_rng(0)
    for night in range(nights):
        grown = ratio * np.exp(0.1 * draw.standard_normal(len(ratio)))
        place = folder / f"{FIRST + timedelta(days=night):%Y%m%dT%H%M%SZ}-{night:08x}"
        place.mkdir(parents=True)
        file = place / "diff.parquet"
        pq.write_table(whole.set_column(whole.schema.get_field_index("ratio"), "ratio", pa.array(grown)), file)
        networks = [
            network | {"name": f"{network['name']}_{i:02}", "seed": night}
            for network in manifest["networks"]
            for i in range(len(copies))
        ]
        told = manifest | {
            "started": (FIRST + timedelta(days=night)).isoformat(timespec="seconds"),
            "networks": networks,
            "problems": [],
            "files": {"diff.parquet": "sha256:" + hashlib.sha256(file.read_bytes()).hexdigest()},
        }
        (place / "run.json").write_text(json.dumps(told), encoding="utf-8")


def seconds(*arguments: object) -> tuple[float, float]:
    """Wall and processor time of the command, start and imports included."""
    begin, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "gradconform", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(command)}: exit status {done.returncode}\n{done.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - begin, used


def main() -> None:
    """Print a line for each question."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="a run folder to take rows from")
    parser.add_argument("--nights", type=int, default=365)
    parser.add_argument("--rows", type=int, default=10_000, help="rows of each night")
    parser.add_argument("--times", type=int, default=3)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="gradconform-history-"))
    try:
        year(given.run, folder, given.nights, given.rows)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        print(f"{given.nights} nights of {given.rows} rows: {size / 2**20:.0f} MiB")
        table = pq.read_table(next(folder.glob("*/diff.parquet")))
        judged = table.filter(pc.equal(table["check"], "local")).slice(len(table) // 5, 1).to_pylist()[0]
        row = "/".join(judged[name] for name in ("spec", "tensor", "framework", "check"))
        nights = sorted(folder.iterdir())
        questions = {
            "list of runs": ("history", folder),
            "trend of one row": ("history", folder, "--row", row),
            "what changed when": ("history", folder, "--changes"),
            "comparison of two nights, with the year's spread": ("compare", nights[-2], nights[-1]),
        }
        for question, arguments in questions.items():
            took = [seconds(*arguments) for _ in range(given.times)]
            (wall, _), (most, _) = min(took), max(took)
            used = min(used for _, used in took)
            print(f"{question}: {wall:.1f} to {most:.1f} s; {used:.1f} s of processor time")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
