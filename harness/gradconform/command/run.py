"""`gradconform run`: draw, capture, judge, report."""


from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from gradconform.capture.choice import present
from gradconform.command.console import progress_bars
from gradconform.command.options import (
    FOLDER,
    Options,
    capture_options,
    keeping_options,
    out_option,
    specs_argument,
)
from gradconform.command.report import write_report
from gradconform.contract.folder import Folder
from gradconform.contract.place import check_new, check_writable, scratch
from gradconform.draw.variants import variants
from gradconform.history.keep import NOWHERE, Keeping
from gradconform.judge import conventions
from gradconform.judge.marked import listed, marked
from gradconform.run import processes, way
from gradconform.run.manifest import Clock
from gradconform.spec.files import networks


@click.command("run")
@specs_argument
@capture_options
@out_option
@keeping_options
@click.option("--keep", type=FOLDER, help="Keep problems and captures in this folder.")
def command(
    specs: Sequence[Path], out: Path, keep: Path | None, history: Path | None, baseline: Path | None, subset: bool,
    **options: Any,
) -> None:  # fmt: skip
    """Draw, capture, judge and report. SPEC: files or folders; specs/networks and specs/semantics by default."""
    sys.exit(execute(specs, Options(**options), out, keep, Keeping(history, baseline, subset)))


def execute(
    specs: Sequence[Path], options: Options, out: Path, keep: Path | None, keeping: Keeping = NOWHERE
) -> int:
    """Draw the specs, capture and judge them, and write the report. Returns the exit status."""
    clock = Clock()
    keeping.check(out)
    loaded = networks(specs)
    wanted = variants(loaded, options.dtype)
    entries, recorded = listed(), conventions.beside(loaded)
    chosen, absent = present(options.adapter)
    how = options.capturing(chosen)
    with _work_folder(out, keep) as root, progress_bars() as told, processes.pool(processes.cores()) as workers:
        folder = Folder(root)
        way.draw(folder, wanted, options.seed, told, workers)
        if options.numeric:
            way.probe(folder, wanted, options.eps, told, workers)
        rows = way.capture_and_judge(folder, wanted, chosen, how, told, workers)
        return write_report(marked(rows, entries, recorded), [folder], out, clock, options.seed, absent, keeping)


@contextmanager
def _work_folder(out: Path, keep: Path | None) -> Iterator[Path]:
    """The folder of a run's problems and captures: the one of `--keep`, else a scratch folder beside the report."""
    check_writable(out)
    if keep is not None:
        check_new("--keep", keep)
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    with scratch(out) as folder:
        yield folder
