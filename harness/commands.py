"""What the commands do, as functions that return an exit status."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from harness import adapters, paths, pipeline, running
from harness.contract import ContractError
from harness.judge import known
from harness.judge.rows import Row, Verdict
from harness.manifest import Clock, manifest
from harness.pipeline import Capturing, Folder
from harness.spec import Network, Problem, SpecError, load

DIVERGES, CANNOT_RUN = 1, 3


@dataclass(frozen=True)
class Options:
    """The options that `run` and `capture` share."""

    adapter: tuple[str, ...] = ()
    dtype: str | None = None
    seed: int | None = None
    threads: int = 1
    time_limit: float = 600.0
    memory_limit: float | None = None

    def capturing(self) -> Capturing:
        """How captures are made."""
        memory = None if self.memory_limit is None else int(self.memory_limit * 2**30)
        return Capturing(threads=self.threads, limits=running.Limits(seconds=self.time_limit, memory=memory))


def networks(specs: Sequence[Path]) -> list[Network]:
    """The networks of files and folders, specs/networks by default. Raises SpecError with the problems of all of them."""
    files: list[Path] = []
    for given in specs or [paths.specs_folder() / "networks"]:
        files.extend(sorted(given.rglob("*.yaml")) if given.is_dir() else [given])
    loaded: list[Network] = []
    found: list[Problem] = []
    for file in files:
        try:
            loaded.extend(load(file))
        except SpecError as error:
            found.extend(error.problems)
    if found:
        raise SpecError(found)
    if not loaded:
        raise ContractError(f"{', '.join(map(str, specs))}: no specs there; expected *.yaml")
    names = [n.name for n in loaded]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise ContractError(f"two specs are called {twice[0]!r}; give one of them another `name`")
    return loaded


def run(specs: Sequence[Path], options: Options, out: Path, keep: Path | None) -> int:
    """Draw, capture, judge, report."""
    clock = Clock()
    wanted = pipeline.variants(networks(specs), options.dtype)
    listed = known.load(paths.specs_folder() / "known")
    chosen, absent = _adapters(options.adapter)
    with _work_folder(out, keep) as root, _progress() as told, pipeline.pool(pipeline.cores()) as workers:
        folder = Folder(root)
        pipeline.draw(folder, wanted, options.seed, told, workers)
        rows = pipeline.capture_and_judge(folder, wanted, chosen, options.capturing(), told, workers)
        return _report(list(known.apply(rows, listed)), [folder], out, clock, options.seed, absent)


def capture(specs: Sequence[Path], options: Options, out: Path) -> int:
    """Draw and capture."""
    if out.exists() and any(out.iterdir()):
        raise ContractError(f"--out {out}: is not empty; expected a new folder, so that no capture is overwritten")
    wanted = pipeline.variants(networks(specs), options.dtype)
    chosen, absent = _adapters(options.adapter)
    folder = Folder(out)
    with _progress() as told, pipeline.pool(pipeline.cores()) as workers:
        pipeline.draw(folder, wanted, options.seed, told, workers)
        pipeline.capture(folder, wanted, chosen, options.capturing(), told)
    crashed = [d for d in pipeline.framework_documents(folder).values() if d.get("status") == "crashed"]
    Console(soft_wrap=True).print(f"{len(wanted)} problems captured in {out}", highlight=False)
    return CANNOT_RUN if crashed or absent else 0


def judge(folders: Sequence[Path], out: Path) -> int:
    """Judge what was captured before, here or elsewhere; captures of one problem are joined by its digest."""
    clock = Clock()
    listed = known.load(paths.specs_folder() / "known")
    jobs = pipeline.joined([Folder(f) for f in folders])
    with _progress() as told, pipeline.pool(pipeline.cores()) as workers:
        rows = pipeline.judge_all(workers, jobs, told)
    return _report(list(known.apply(rows, listed)), [Folder(f) for f in folders], out, clock, None, [])


def _adapters(given: Sequence[str]) -> tuple[list[adapters.Adapter], list[str]]:
    """The adapters to run and, where none was named, why others cannot: a framework that was asked for by name must be there."""
    if given:
        return [adapters.find(name) for name in dict.fromkeys(given)], []
    found, absent = [], []
    for name in adapters.names():
        try:
            found.append(adapters.find(name))
        except adapters.AdapterError as error:
            absent.append(str(error))
    if not found:
        raise adapters.AdapterError("\n".join(absent) or "no adapters found")
    return found, absent


@contextmanager
def _work_folder(out: Path, keep: Path | None) -> Iterator[Path]:
    """Where problems and captures lie meanwhile: beside the report, where there is room for it, or where the user keeps them."""
    if keep is not None:
        if keep.exists() and any(keep.iterdir()):
            raise ContractError(f"--keep {keep}: is not empty; expected a new folder")
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        yield folder.resolve()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _progress() -> Iterator[pipeline.Progress]:
    lock = threading.Lock()
    bars: dict[str, TaskID] = {}
    columns = (TextColumn("{task.description:>12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:

        def told(stage: str, done: int, total: int) -> None:
            with lock:
                if stage not in bars:
                    bars[stage] = progress.add_task(stage, total=total)
                progress.update(bars[stage], completed=done)

        yield told


def _report(rows: list[Row], folders: Sequence[Folder], out: Path, clock: Clock, seed: int | None, absent: Sequence[str]) -> int:
    from harness import report  # pandas takes a second to import, and `check` or `doctor` needs none

    info = manifest(folders, clock, seed)
    frame = report.frame_of(rows)
    report.write_frame(frame, info, out)
    console = Console()
    console.print(report.terminal_summary(frame, info))
    for message in absent:
        console.print(f"not run: {message}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"report: {out / 'index.html'}", highlight=False, soft_wrap=True)
    return status_of(rows, bool(absent))


def status_of(rows: Sequence[Row], absent: bool) -> int:
    """The exit status: what diverges comes before what could not run."""
    verdicts = {row.verdict for row in rows}
    if verdicts & {Verdict.DIVERGES, Verdict.MISSING}:
        return DIVERGES
    return CANNOT_RUN if Verdict.CRASHED in verdicts or absent else 0
