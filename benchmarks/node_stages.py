"""One stage over chains of nodes, in a process of its own: seconds for each chain, as the last line, in JSON.

    python benchmarks/node_stages.py draw|judge FOLDER SPEC ...

draw: read each spec and draw it. judge: judge the captures that lie in the folder, and write the report.
benchmarks/nodes.py starts it, and says what the first specs are for.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gradconform.contract.folder import Folder, joined
from gradconform.draw.problem import draw_problem
from gradconform.evidence import witness
from gradconform.judge import judge
from gradconform.report.summary import Summary
from gradconform.report.write import write
from gradconform.rows import Row
from gradconform.run.manifest import Clock, manifest
from gradconform.run.processes import keep_freed_memory
from gradconform.spec.files import networks
from threadpoolctl import threadpool_limits

Seconds = dict[str, dict[str, float]]
"""Stage -> spec -> seconds."""


@contextmanager
def timed(seconds: Seconds, stage: str, spec: str) -> Iterator[None]:
    """Note the time spent inside."""
    start = time.perf_counter()
    yield
    seconds.setdefault(stage, {})[spec] = time.perf_counter() - start


def drawn(folder: Path, specs: list[Path]) -> Seconds:
    """Read and draw each spec."""
    seconds: Seconds = {}
    for path in specs:
        with timed(seconds, "read", path.stem):
            [network] = networks([path])
        with timed(seconds, "draw", path.stem):
            draw_problem(network, Folder(folder / path.stem).problem(path.stem), dtype="float32", values="drawn")
    return seconds


def judged(folder: Path, specs: list[Path]) -> Seconds:
    """Judge and report each spec, which lies in a folder of its own."""
    seconds: Seconds = {}
    for path in specs:
        place = Folder(folder / path.stem)
        with timed(seconds, "judge", path.stem):
            rows: list[Row] = [row for problem, captures in joined([place]) for row in judge(problem, captures)]
        with timed(seconds, "report", path.stem):
            summary = Summary.of(rows, manifest([place], Clock(), None))
            evidence = witness.gather([fault.worst for fault in summary.faults], [place])
            write(summary, folder / f"{path.stem}.report", None, evidence)
    return seconds


STAGES: dict[str, Callable[[Path, list[Path]], Seconds]] = {"draw": drawn, "judge": judged}


if __name__ == "__main__":
    _, stage, root, *given = sys.argv
    threadpool_limits(1)
    keep_freed_memory()
    print(json.dumps(STAGES[stage](Path(root), [Path(path) for path in given])))
