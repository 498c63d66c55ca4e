"""What the commands do, as functions that return an exit status."""

from __future__ import annotations

import difflib
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
    route: str = "primary"

    def capturing(self, chosen: Sequence[adapters.Adapter]) -> Capturing:
        """How captures are made. Raises AdapterError where no adapter has the route that is asked for."""
        memory = None if self.memory_limit is None else int(self.memory_limit * 2**30)
        limits = running.Limits(seconds=self.time_limit, memory=memory)
        return Capturing(routes=self._routes(chosen), threads=self.threads, limits=limits)

    def _routes(self, chosen: Sequence[adapters.Adapter]) -> dict[str, list[str]]:
        if self.route == "primary":
            return {}
        found: dict[str, list[str]] = {}
        known: set[str] = set()
        for adapter in chosen:
            about = adapters.describe(adapter)
            others = [route for route in about["routes"] if route != about["primary"]]
            known.update(about["routes"])
            found[adapter.name] = [route for route in others if self.route in ("all", route)]
        if self.route != "all" and self.route not in known:
            close = difflib.get_close_matches(self.route, known, 1)
            hint = f"; did you mean {close[0]}?" if close else ""
            there = ", ".join(["all", "primary", *sorted(known)])
            raise adapters.AdapterError(f"--route {self.route}: no such route; there are {there}{hint}")
        return found


def networks(specs: Sequence[Path]) -> list[Network]:
    """The networks of files and folders, specs/networks by default.

    Raises SpecError with the problems of all of them, ContractError where there are none.
    """
    places = list(specs) or [paths.specs_folder() / "networks"]
    files: dict[Path, Path] = {}
    for given in places:
        for file in sorted(given.rglob("*.yaml")) if given.is_dir() else [given]:
            files.setdefault(file.resolve(), file)
    loaded: list[Network] = []
    found: list[Problem] = []
    for file in files.values():
        try:
            loaded.extend(load(file))
        except SpecError as error:
            found.extend(error.problems)
    if found:
        raise SpecError(found)
    if not loaded:
        raise ContractError(f"{', '.join(map(str, places))}: no specs there; expected *.yaml")
    by_name: dict[str, Path] = {}
    for network in loaded:
        first = by_name.setdefault(network.name, network.path)
        if first != network.path:
            raise ContractError(
                f"{network.path}: is called {network.name!r} like {first}; give one of them another `name`"
            )
    return loaded


def run(specs: Sequence[Path], options: Options, out: Path, keep: Path | None) -> int:
    """Draw, capture, judge, report."""
    clock = Clock()
    wanted = pipeline.variants(networks(specs), options.dtype)
    listed = known.load(paths.specs_folder() / "known")
    chosen, absent = _adapters(options.adapter)
    how = options.capturing(chosen)
    with _work_folder(out, keep) as root, _progress() as told, pipeline.pool(pipeline.cores()) as workers:
        folder = Folder(root)
        pipeline.draw(folder, wanted, options.seed, told, workers)
        rows = pipeline.capture_and_judge(folder, wanted, chosen, how, told, workers)
        return _report(list(known.apply(rows, listed)), [folder], out, clock, options.seed, absent)


def capture(specs: Sequence[Path], options: Options, out: Path) -> int:
    """Draw and capture."""
    _check_new("--out", out)
    wanted = pipeline.variants(networks(specs), options.dtype)
    chosen, absent = _adapters(options.adapter)
    how = options.capturing(chosen)
    folder = Folder(out)
    with _progress() as told, pipeline.pool(pipeline.cores()) as workers:
        pipeline.draw(folder, wanted, options.seed, told, workers)
        pipeline.capture(folder, wanted, chosen, how, told)
    told_of = [(path, d) for path, d in pipeline.capture_documents(folder) if d.get("status") == "crashed"]
    console = Console(soft_wrap=True, highlight=False, markup=False)
    for path, document in told_of:
        console.print(f"crashed: {path.parent.relative_to(out)}: {document.get('reason')}")
    for message in absent:
        console.print(f"not run: {message}")
    console.print(f"{len(wanted)} problems captured in {out}")
    return CANNOT_RUN if told_of or absent else 0


def judge(folders: Sequence[Path], out: Path) -> int:
    """Judge what was captured before, here or elsewhere; captures of one problem are joined by its digest."""
    clock = Clock()
    listed = known.load(paths.specs_folder() / "known")
    _check_writable(out)
    jobs = pipeline.joined([Folder(f) for f in folders])
    with _progress() as told, pipeline.pool(pipeline.cores()) as workers:
        rows = pipeline.judge_all(workers, jobs, told)
    return _report(list(known.apply(rows, listed)), [Folder(f) for f in folders], out, clock, None, [])


def _adapters(given: Sequence[str]) -> tuple[list[adapters.Adapter], list[str]]:
    """The adapters to run and, where none was named, why others cannot.

    A framework that was asked for by name must be there. Raises AdapterError.
    """
    if given:
        chosen = [adapters.find(name) for name in dict.fromkeys(given)]
        by_name: dict[str, adapters.Adapter] = {}
        for adapter in chosen:
            # Their captures would lie in one folder.
            first = by_name.setdefault(adapter.name, adapter)
            if first is not adapter:
                raise adapters.AdapterError(
                    f"--adapter: {first.folder} and {adapter.folder} are both called {adapter.name!r}; "
                    "rename one of the folders, or run them one after the other"
                )
        return chosen, []
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
    """Where problems and captures lie meanwhile: beside the report, where there is room, or where they are kept."""
    _check_writable(out)
    if keep is not None:
        _check_new("--keep", keep)
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    folder = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        yield folder.resolve()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _check_new(option: str, folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        raise ContractError(f"{option} {folder}: is not empty; expected a new folder, so that nothing is overwritten")


def _check_writable(out: Path) -> None:
    """Find out before hours of work whether a report can be written there. Raises OSError."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=out if out.exists() else out.parent):
        pass


@contextmanager
def _progress() -> Iterator[pipeline.Progress]:
    """Bars on a terminal; elsewhere a line for each stage that is done."""
    lock = threading.Lock()
    bars: dict[str, TaskID] = {}
    columns = (TextColumn("{task.description:>12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True, highlight=False)
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:

        def told(stage: str, done: int, total: int) -> None:
            with lock:
                if not console.is_terminal:
                    if done == total:
                        console.print(f"{stage}: {done} done", markup=False)
                    return
                if stage not in bars:
                    bars[stage] = progress.add_task(stage, total=total)
                progress.update(bars[stage], completed=done)

        yield told


def _report(
    rows: list[Row], folders: Sequence[Folder], out: Path, clock: Clock, seed: int | None, absent: Sequence[str]
) -> int:
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
