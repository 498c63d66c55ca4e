"""What the commands do, as functions that return an exit status."""

from __future__ import annotations

import difflib
import json
import os
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from harness import adapters, paths, pipeline, running
from harness import why as questions
from harness.contract import ContractError, write_whole
from harness.history.keep import NOWHERE, Keeping, finish, spread_of
from harness.history.place import scratch
from harness.history.runs import open_run, runs_in
from harness.judge import conventions, known
from harness.judge.rows import Row, Verdict
from harness.manifest import Clock, manifest
from harness.numeric import tables
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
    numeric: bool = False
    eps: float | None = None
    plain: bool = False

    def __post_init__(self) -> None:
        """Raises ContractError where options that need each other do not come together."""
        if (self.eps is None) == self.plain or (self.plain and not self.numeric):
            given = [] if self.eps is None else [f"--eps {self.eps:g}"]
            came = " ".join([*given, *["--plain"] * self.plain])
            raise ContractError(f"{came}: --eps EPS and --plain need each other, and --numeric")

    def capturing(self, chosen: Sequence[adapters.Adapter]) -> Capturing:
        """How captures are made. Raises AdapterError where no adapter has the route that is asked for."""
        memory = None if self.memory_limit is None else int(self.memory_limit * 2**30)
        limits = running.Limits(seconds=self.time_limit, memory=memory)
        routes = self._routes(chosen)
        return Capturing(routes, threads=self.threads, limits=limits, numeric=self.numeric, eps=self.eps)

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
    """The networks of files and folders, specs/networks and specs/semantics by default.

    Raises SpecError with the problems of all of them, ContractError where there are none.
    """
    places = list(specs) or [paths.specs_folder() / "networks", paths.specs_folder() / "semantics"]
    files: dict[Path, Path] = {}
    for given in places:
        for file in sorted(given.rglob("*.yaml")) if given.is_dir() else [given]:
            # What frameworks do to behaviours lies beside them and holds no spec.
            if not given.is_dir() or file.parent.name != conventions.FOLDER:
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


def run(
    specs: Sequence[Path], options: Options, out: Path, keep: Path | None, keeping: Keeping = NOWHERE
) -> int:
    """Draw, capture, judge, report."""
    clock = Clock()
    keeping.check(out)
    wanted = pipeline.variants(networks(specs), options.dtype)
    listed = known.load(paths.specs_folder() / "known")
    recorded = conventions.beside([variant.network for variant in wanted])
    chosen, absent = _adapters(options.adapter)
    how = options.capturing(chosen)
    with _work_folder(out, keep) as root, _progress() as told, pipeline.pool(pipeline.cores()) as workers:
        folder = Folder(root)
        pipeline.draw(folder, wanted, options.seed, told, workers)
        if options.numeric:
            pipeline.probe(folder, wanted, options.eps, told, workers)
        rows = pipeline.capture_and_judge(folder, wanted, chosen, how, told, workers)
        rows = list(known.apply(conventions.apply(rows, recorded), listed))
        return _report(rows, [folder], out, clock, options.seed, absent, keeping)


def capture(specs: Sequence[Path], options: Options, out: Path) -> int:
    """Draw and capture."""
    _check_new("--out", out)
    wanted = pipeline.variants(networks(specs), options.dtype)
    chosen, absent = _adapters(options.adapter)
    how = options.capturing(chosen)
    folder = Folder(out)
    with _progress() as told, pipeline.pool(pipeline.cores()) as workers:
        pipeline.draw(folder, wanted, options.seed, told, workers)
        if options.numeric:
            pipeline.probe(folder, wanted, options.eps, told, workers)
        pipeline.capture(folder, wanted, chosen, how, told)
    told_of = [(path, d) for path, d in pipeline.capture_documents(folder) if d.get("status") == "crashed"]
    console = Console(soft_wrap=True, highlight=False, markup=False)
    for path, document in told_of:
        console.print(f"crashed: {path.parent.relative_to(out)}: {document.get('reason')}")
    for message in absent.values():
        console.print(f"not run: {message}")
    console.print(f"{len(wanted)} problems captured in {out}")
    return CANNOT_RUN if told_of or absent else 0


def judge(given: Sequence[Path], out: Path, keeping: Keeping = NOWHERE) -> int:
    """Judge what was captured before, here or elsewhere; captures of one problem are joined by its digest."""
    clock = Clock()
    listed = known.load(paths.specs_folder() / "known")
    _check_writable(out)
    keeping.check(out)
    folders, absent = _captured(given)
    jobs = pipeline.joined(folders)
    with _progress() as told, pipeline.pool(pipeline.cores()) as workers:
        rows = pipeline.judge_all(workers, jobs, told)
        rows = list(known.apply(conventions.apply(rows), listed))
    return _report(rows, folders, out, clock, None, absent, keeping)


def compare(before: Path, after: Path, history: Path | None, *, subset: bool, as_json: bool) -> int:
    """Say what changed from one run to another."""
    from harness.history import compare as comparing
    from harness.history.terminal import comparison

    earlier = open_run(before)
    found = comparing.changes(earlier, open_run(after), spread_of(history, earlier), subset=subset)
    if as_json:
        click.echo(json.dumps(asdict(found) | {"regressions": found.regressions}, indent=1))
    else:
        wide_console().print(comparison(found))
    if found.regressions:
        return DIVERGES
    return CANNOT_RUN if any(entry.after for entry in found.not_run) else 0


def history(folder: Path, row: str | None, *, changes: bool) -> int:
    """Tell what the runs of a folder say, together."""
    from harness.history import tables, trend

    runs, refused = runs_in(folder)
    for message in refused:
        Console(stderr=True, soft_wrap=True, highlight=False, markup=False).print(f"not read: {message}")
    if not runs:
        raise ContractError(f"{folder}: holds no run that can be read; `gradconform run --history {folder}` adds one")
    if row is not None:
        wide_console().print(tables.trend_table(trend.trend(runs, row)))
    elif changes:
        wide_console().print(tables.events_table(trend.nights(runs), trend.events(runs)))
    else:
        wide_console().print(tables.nights_table(trend.nights(runs)))
    return CANNOT_RUN if refused else 0


def wide_console(width: int = 250) -> Console:
    """As wide as the terminal, or so wide that no table in a file or a pipe is cut."""
    console = Console(highlight=False)
    return console if console.is_terminal or "COLUMNS" in os.environ else Console(highlight=False, width=width)


def _captured(given: Sequence[Path]) -> tuple[list[Folder], dict[str, str]]:
    """The folders that hold captures and, where there are others, name -> why: a framework that gave nothing.

    Raises ContractError where none holds any.
    """
    folders: list[Folder] = []
    absent: dict[str, str] = {}
    for place in given:
        try:
            next(Folder(place).found())
            folders.append(Folder(place))
        except ContractError as error:
            absent[place.resolve().name] = str(error)
    if not folders:
        raise ContractError("\n".join(absent.values()))
    return folders, absent


def numeric(spec: Path, tensors: Sequence[str], options: Options) -> int:
    """Print each framework's gradients beside numerical derivatives of its own forward."""
    chosen, absent = _adapters(options.adapter)
    limits = options.capturing([]).limits
    verdicts: set[Verdict] = set()
    with tempfile.TemporaryDirectory(prefix="gradconform-numeric-") as folder:
        for network in networks([spec]):
            root = Path(folder) / network.name
            asked = tables.ask(network, tensors, options.dtype, options.seed, options.eps, root)
            for name, found in tables.captures(asked, chosen, options.threads, limits, root).items():
                for verdict, shown in tables.tables(asked, name, found):
                    verdicts.add(verdict)
                    wide_console().print(shown)
    for message in absent.values():
        wide_console().print(f"not run: {message}", markup=False, soft_wrap=True)
    if Verdict.DIVERGES in verdicts:
        return DIVERGES
    return CANNOT_RUN if Verdict.CRASHED in verdicts or absent else 0


def table(folder: Path, into: Path | None) -> int:
    """Print the table of behaviours of a run, or put it into a file. Raises ContractError."""
    from harness.report import semantics  # pandas takes a second to import

    try:
        markdown = semantics.behaviours_of(folder)
        if into is None:
            print(markdown)
        else:
            write_whole(into, semantics.filled(into.read_text(encoding="utf-8"), markdown))
    except ValueError as error:
        raise ContractError(f"{into or folder}: {error}") from error
    return 0


def why(spec: Path, tensor: str, only: str | None, options: Options) -> int:
    """Ask each framework for one gradient, and print what it says."""
    name, wanted = questions.asked_of(networks([spec]), tensor, only)
    chosen, absent = _adapters(options.adapter)
    able = questions.with_route(chosen, options.route, wanted)
    console = Console(soft_wrap=True, highlight=False, markup=False)
    with tempfile.TemporaryDirectory(prefix="gradconform-why-") as folder:
        asked = questions.ask(wanted, name, options.dtype, Path(folder))
        found = questions.captures(asked, able, options.route, Path(folder))
        for place, question in enumerate(asked):
            console.print(f"{question.tensor} of {question.problem.spec}, {question.problem.dtype}", style="bold")
            for adapter in able:
                for line in questions.answer(question, adapter.name, found[adapter.name][place]):
                    console.print(line)
    for adapter in chosen:
        if adapter not in able:
            console.print(f"{adapter.name}: has no route {options.route}")
    for message in absent.values():
        console.print(f"not run: {message}")
    ran = any(capture.status == "ok" for captures in found.values() for capture in captures)
    return 0 if ran else CANNOT_RUN


def _adapters(given: Sequence[str]) -> tuple[list[adapters.Adapter], dict[str, str]]:
    """The adapters to run and, where none was named, name -> why others cannot.

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
        return chosen, {}
    found: list[adapters.Adapter] = []
    absent: dict[str, str] = {}
    for name in adapters.names():
        try:
            found.append(adapters.find(name))
        except adapters.AdapterError as error:
            absent[name] = str(error)
    if not found:
        raise adapters.AdapterError("\n".join(absent.values()) or "no adapters found")
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
    with scratch(out) as folder:
        yield folder


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
    rows: list[Row], folders: Sequence[Folder], out: Path, clock: Clock, seed: int | None, absent: dict[str, str],
    keeping: Keeping,
) -> int:  # fmt: skip
    from harness import evidence, report  # pandas takes a second to import, and `check` or `doctor` needs none

    info = manifest(folders, clock, seed, tuple(absent.items()))
    frame = report.frame_of(rows)
    shown = evidence.gather([fault.worst for fault in report.summary_of(frame, info).faults], folders)
    changes = finish(
        frame, info, out, keeping, lambda changes: report.write_frame(frame, info, out, changes, shown)
    )
    console = Console()
    console.print(report.terminal_summary(frame, info))
    if changes is not None:
        from harness.history.terminal import comparison

        wide_console().print(comparison(changes))
    elif keeping.baseline is not None:
        console.print(f"{keeping.baseline}: holds no earlier run to compare with", markup=False, soft_wrap=True)
    for message in absent.values():
        console.print(f"not run: {message}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"report: {out / 'index.html'}", highlight=False, soft_wrap=True)
    status = status_of(rows, bool(absent))
    return DIVERGES if changes is not None and changes.regressions else status


def status_of(rows: Sequence[Row], absent: bool) -> int:
    """The exit status: what diverges comes before what could not run."""
    verdicts = {row.verdict for row in rows}
    if verdicts & {Verdict.DIVERGES, Verdict.MISSING}:
        return DIVERGES
    return CANNOT_RUN if Verdict.CRASHED in verdicts or absent else 0
