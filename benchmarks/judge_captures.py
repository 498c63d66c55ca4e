"""Judge captures of one problem in this process and print, as JSON, what it took.

`python benchmarks/judge_captures.py CALLS PROBLEM FRAMEWORK=CAPTURE ...`; the process is set up as one of
`gradconform run` is.
"""

import json
import sys
import time
from collections import Counter
from pathlib import Path

from gradconform.judge import judge
from gradconform.rows import Row
from gradconform.run.processes import keep_freed_memory
from threadpoolctl import threadpool_limits


def main(calls: int, problem: Path, captures: dict[str, Path]) -> None:
    """Judge `calls` times; the first call also pays for what is imported late."""
    threadpool_limits(1)
    keep_freed_memory()
    seconds: list[float] = []
    rows: list[Row] = []
    for _ in range(calls):
        start = time.perf_counter()
        rows = judge(problem, captures)
        seconds.append(time.perf_counter() - start)
    verdicts = Counter(str(row.verdict) for row in rows)
    print(json.dumps({"seconds": seconds, "rows": len(rows), "verdicts": verdicts}))


if __name__ == "__main__":
    _, count, folder, *given = sys.argv
    pairs = (each.partition("=") for each in given)
    main(int(count), Path(folder), {name: Path(path) for name, _, path in pairs})
