"""What every benchmark shares: processes measured from outside, medians with their spread, tables."""

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from gradconform import __version__
from gradconform.capture import adapters
from gradconform.capture.worker import environment
from gradconform.contract.folder import Folder
from gradconform.draw.variants import Variant
from gradconform.run import way
from gradconform.run.processes import cores, pool
from gradconform.spec.files import networks

ROOT = Path(__file__).resolve().parent.parent
THREADS = 1
# ru_maxrss is in KiB, but in bytes on macOS.
RSS_UNIT = 1 if sys.platform == "darwin" else 1024


class BenchmarkError(RuntimeError):
    """A benchmark could not be measured; the message says which command, what came and what to do."""


@dataclass(frozen=True)
class Cost:
    """What one process took. wall, cpu: seconds; peak: bytes resident; said: the JSON that it left."""

    wall: float
    cpu: float
    peak: float
    said: Mapping[str, Any]


def process(command: Sequence[str | Path], *, said_in: Path | None = None, accepted: Container[int] = (0,)) -> Cost:
    """Run a process with the environment of a worker and measure it from outside, its start and end included.

    said_in: the file it leaves its JSON in; without one, the JSON is the last line it prints. accepted: exit
    statuses. Raises BenchmarkError.
    """
    # A file and not a pipe: nothing here has to read while the clock runs.
    with tempfile.TemporaryFile() as log:
        start = time.perf_counter()
        child = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment(THREADS),
            cwd=ROOT,
        )
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        log.seek(0)
        lines = log.read().decode("utf-8", "replace").strip().splitlines()
    try:
        if child.returncode not in accepted:
            raise ValueError(f"exit status {child.returncode}")
        said = json.loads(said_in.read_text(encoding="utf-8") if said_in else lines[-1])
    except (OSError, ValueError, IndexError) as error:
        shown = " ".join(str(part) for part in command)
        last = " | ".join(lines[-6:])
        raise BenchmarkError(f"{shown}: {error}; expected JSON; last lines: {last}") from error
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * RSS_UNIT, said)


def alternated(runs: Mapping[str, Callable[[], Cost]], repeat: int) -> dict[str, list[Cost]]:
    """Measure A B A B ..., so that a slow minute of the machine falls on all alike; costs by name."""
    costs: dict[str, list[Cost]] = {name: [] for name in runs}
    for _ in range(repeat):
        for name, run in runs.items():
            # What the run before left to be written to disk is not this one's to wait for.
            os.sync()
            costs[name].append(run())
    return costs


def spread(values: Iterable[float], form: str = ".2f", unit: str = "") -> str:
    """The median, and after it the smallest and the largest where there are several."""
    values = list(values)
    whole = f"{median(values):{form}}{unit}"
    return whole if len(values) == 1 else f"{whole} ({min(values):{form}} to {max(values):{form}})"


def ratios(above: Iterable[float], below: Iterable[float]) -> str:
    """The spread of pairwise ratios: each pair was measured one after the other."""
    return spread(a / b for a, b in zip(above, below, strict=True))


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    cells = ([str(cell).replace("|", "\\|") for cell in line] for line in lines)
    text = "\n".join(f"| {' | '.join(line)} |" for line in cells) + "\n"
    # What a framework wrote may name a folder of this machine.
    return text.replace(f"{ROOT}{os.sep}", "")


def machine() -> str:
    """When, on what and with which versions, as a Markdown list."""
    models = (line for line in _cpuinfo() if line.startswith("model name"))
    model = next(models, "").partition(":")[2].strip() or platform.processor() or platform.machine()
    load = os.getloadavg()[0]
    about = {name: adapters.describe(adapters.find(name)) for name in adapters.names()}
    found = [f"{n} {a['version']} (Python {a['python']}, NumPy {a['numpy']})" for n, a in about.items()]
    return "\n".join(
        f"- {line}"
        for line in (
            f"{datetime.now(UTC).isoformat(timespec='minutes')}, load average at the start {load:.1f}",
            f"{model}, {cores()} cores, {platform.platform()}; each process has {THREADS} thread",
            f"gradconform {__version__} (Python {platform.python_version()}, NumPy {np.__version__})",
            *found,
        )
    )


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


@dataclass
class Place:
    """A folder under the system's temporary one, with problems and captures made when first asked for."""

    root: Path
    repeat: int
    made: set[str] = field(default_factory=set)

    def problem(self, spec: str, dtype: str) -> Variant:
        """The problem of specs/networks/<spec>.yaml in a dtype, drawn with the spec's own seed."""
        network = networks([ROOT / "specs" / "networks" / f"{spec}.yaml"])[0]
        variant = Variant(network, dtype, "drawn")
        if variant.name not in self.made:
            # In another process: what a child is said to have had at its peak counts this one's memory too.
            with pool(1) as workers:
                way.draw(self.folder, [variant], None, _quiet, workers)
            self.made.add(variant.name)
        return variant

    @property
    def folder(self) -> Folder:
        """Where problems and captures lie."""
        return Folder(self.root)

    def capture(self, variant: Variant, adapter: adapters.Adapter) -> Cost:
        """One run of the worker on one problem, in a process of its own; the capture stays in `folder`."""
        target = self.folder.capture(adapter.name, variant.name)
        shutil.rmtree(target, ignore_errors=True)
        job = self.root / "job.json"
        task = {"problem": str(self.folder.problem(variant.name)), "capture": str(target)}
        what = {"adapter": str(adapter.folder), "route": "primary", "threads": THREADS, "tasks": [task]}
        job.write_text(json.dumps(what), encoding="utf-8")
        cost = process([adapter.interpreter, "-I", adapters.worker(), job], said_in=target / "capture.json")
        if cost.said["status"] == "crashed":
            raise BenchmarkError(f"{adapter.name} on {variant.name}: {cost.said['reason']}")
        return cost

    def captures(self, variant: Variant) -> dict[str, Path]:
        """The capture folders of the frameworks that have the problem's dtype, made where not there yet."""
        found = {}
        for name in adapters.names():
            folder = self.folder.capture(name, variant.name)
            if not (folder / "capture.json").exists():
                self.capture(variant, adapters.find(name))
            if json.loads((folder / "capture.json").read_text(encoding="utf-8"))["status"] == "ok":
                found[name] = folder
        return found


def _quiet(stage: str, done: int, total: int) -> None:
    """No progress bar: it would be work beside what is measured."""
