"""`gradconform run`: draw, capture, judge, report."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import click

from gradconform.capture.choice import present
from gradconform.cluster import work
from gradconform.command.console import progress_bars
from gradconform.command.options import (
    FOLDER,
    Options,
    capture_options,
    cluster_options,
    keeping_options,
    out_option,
    specs_argument,
)
from gradconform.command.report import write_report
from gradconform.command.streamed import Ending
from gradconform.contract import ContractError
from gradconform.contract.folder import Folder
from gradconform.contract.place import check_new, check_writable, scratch
from gradconform.draw.variants import Variant, numbers_of, variants
from gradconform.history.keep import NOWHERE, Keeping
from gradconform.judge import conventions
from gradconform.judge.known import Known
from gradconform.judge.lists import shipped
from gradconform.numeric.scales import check_dtypes
from gradconform.report.parts import Parts
from gradconform.run import processes, way
from gradconform.run.manifest import Clock
from gradconform.spec.files import networks


@click.command("run")
@specs_argument
@capture_options
@cluster_options
@out_option
@keeping_options
@click.option("--keep", type=FOLDER, help="Keep problems and captures in this folder.")
@click.option("--no-known", is_flag=True, help="Judge as if no divergence were listed in specs/known.")
def command(
    specs: Sequence[Path],
    out: Path,
    keep: Path | None,
    history: Path | None,
    baseline: Path | None,
    subset: bool,
    no_known: bool,
    **options: Any,
) -> None:
    """Draw, capture, judge and report.

    SPEC: files, folders, or names of what comes along (`lstm`); specs/networks and specs/semantics by default.
    """
    entries = () if no_known else None
    sys.exit(execute(specs, Options(**options), out, keep, Keeping(history, baseline, subset), entries))


def execute(
    specs: Sequence[Path],
    options: Options,
    out: Path,
    keep: Path | None,
    keeping: Keeping = NOWHERE,
    entries: Sequence[Known] | None = None,
) -> int:
    """Draw the specs, capture and judge them, and write the report. Returns the exit status.

    entries: the divergences that are listed; those that come along by default, and always on a cluster. Raises
    ContractError where others are asked for there.
    """
    if entries is not None and options.cluster is not None:
        raise ContractError(
            "--no-known: a cluster judges by the lists that come along; leave --no-known or --cluster off"
        )
    clock = Clock()
    keeping.check(out)
    loaded = networks(specs)
    wanted = variants(loaded, options.dtype)
    if options.numeric:
        check_dtypes(variant.dtype for variant in wanted)
    # A list that cannot be read is told of before hours of work.
    shipped()
    mark = partial(conventions.apply, entries=conventions.beside(loaded))
    if options.cluster is not None:
        ending = Ending(mark, out, clock, options.seed, keeping)
        return _on_cluster(wanted, options, ending, keep)
    chosen, absent = present(options.adapter)
    how = options.capturing(chosen)
    with (
        _work_folder(out, keep) as root,
        progress_bars() as told,
        processes.crew([*map(numbers_of, wanted)]) as workers,
    ):
        folder = Folder(root)
        way.draw(folder, wanted, options.seed, told, workers)
        if options.numeric:
            way.probe(folder, wanted, options.eps, told, workers)
        if options.order == 2:
            way.direct(folder, wanted, workers)
        rows = way.capture_and_judge(folder, wanted, chosen, how, told, workers, entries)
        return write_report(list(mark(rows)), [folder], out, clock, options.seed, absent, keeping)


def _on_cluster(wanted: Sequence[Variant], options: Options, ending: Ending, keep: Path | None) -> int:
    """The same on the workers of a cluster, which all see the folder of problems and captures."""
    assert options.cluster is not None
    with (
        work.chosen(options.cluster, options.cluster_wait, options.adapter) as (cluster, there, absent),
        _work_folder(ending.out, keep) as root,
        scratch(ending.out) as beside,
    ):
        parts = Parts(beside / "parts")
        with work.site(cluster, root) as site, progress_bars() as told:
            how = options.capturing(there, site.describe)
            site.scatter(wanted, len(wanted), there, how, options.seed, told, parts.add)
        return ending.write(parts, [Folder(root)], absent)


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
