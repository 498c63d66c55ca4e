"""Whether the memory of who asks stays flat: many tiny problems, and ten times as many, judged on a cluster.

One problem is captured, and linked under as many names as are asked for. Scheduler and workers are processes of their
own; the peak is that of the client alone, over all of the run: listing problems, taking rows, writing Parquet.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from gradconform.capture.choice import present
from gradconform.capture.together import Capturing, capture
from gradconform.command import judge, streamed
from gradconform.contract.folder import Folder
from gradconform.draw.problem import draw_problem
from gradconform.draw.variants import variants
from gradconform.spec.files import networks

SPEC = "about: One node.\ninputs: {x: {shape: [3, 2], grad: true}}\nnodes: {y: {op: relu}}\n"


def captured(root: Path, count: int, adapter: str) -> Path:
    """A folder of so many problems and their captures in one framework."""
    root.mkdir()
    spec = root / "tiny.yaml"
    spec.write_text(SPEC, encoding="utf-8")
    folder, [variant] = Folder(root / "captured"), variants(networks([spec]), "float32")
    problem = draw_problem(variant.network, folder.problem(variant.name), dtype="float32", values="drawn")
    folder.digests[variant.name] = problem.digest
    capture(folder, [variant], present([adapter])[0], Capturing(), lambda *_: None)
    for one in (problem.folder, folder.capture(adapter, variant.name)):
        for number in range(count - 1):
            other = one.with_name(f"tiny{number:07}.float32.drawn")
            other.mkdir()
            for path in one.iterdir():
                os.link(path, other / path.name)
    return folder.root


def asked(folder: Path, address: str) -> None:
    """The client: judge the folder, rows alone, and print what it took."""
    streamed.MOST_ROWS = 0
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as out:
        judge.execute([folder], Path(out) / "rows", cluster=address)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"MiB": round(peak), "seconds": round(time.perf_counter() - start, 1)}))


def main() -> None:
    """Print a table: problems, seconds, the client's peak."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--adapter", default="torch")
    parser.add_argument("--problems", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--client", nargs=2, metavar=("FOLDER", "ADDRESS"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.client:
        asked(Path(given.client[0]), given.client[1])
        return
    from distributed import LocalCluster

    print("| problems | seconds | peak of the client, MiB |\n|---|---|---|")
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None, "silence_logs": 50}
    with tempfile.TemporaryDirectory() as root, LocalCluster(host="127.0.0.1", **options) as here:
        for count in given.problems:
            folder = captured(Path(root) / str(count), count, given.adapter)
            command = [sys.executable, __file__, "--client", str(folder), here.scheduler_address]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            told = json.loads(done.stdout.splitlines()[-1])
            print(f"| {count:,} | {told['seconds']} | {told['MiB']} |", flush=True)


if __name__ == "__main__":
    main()
