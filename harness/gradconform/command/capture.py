"""`gradconform capture`: draw and capture, for a judge elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from gradconform.capture import together
from gradconform.capture.choice import present
from gradconform.cluster import work
from gradconform.command.console import progress_bars
from gradconform.command.exits import CANNOT_RUN
from gradconform.command.options import FOLDER, Options, capture_options, cluster_options, specs_argument
from gradconform.contract.folder import Folder, capture_documents
from gradconform.contract.place import check_new
from gradconform.draw.variants import Variant, numbers_of, variants
from gradconform.run import processes, way
from gradconform.spec.files import networks


@click.command("capture")
@specs_argument
@capture_options
@cluster_options
@click.option("--out", type=FOLDER, required=True, help="A new folder for problems and captures.")
def command(specs: Sequence[Path], out: Path, **options: Any) -> None:
    """Draw and capture only; `gradconform judge` does the rest, on this machine or another."""
    sys.exit(execute(specs, Options(**options), out))


def execute(specs: Sequence[Path], options: Options, out: Path) -> int:
    """Draw every problem and capture it in every framework that was chosen. Returns the exit status."""
    check_new("--out", out)
    wanted = variants(networks(specs), options.dtype)
    folder = Folder(out)
    absent = _on_cluster(folder, wanted, options) if options.cluster is not None else _here(folder, wanted, options)
    told_of = [(path, d) for path, d in capture_documents(folder) if d.get("status") == "crashed"]
    console = Console(soft_wrap=True, highlight=False, markup=False)
    for path, document in told_of:
        console.print(f"crashed: {path.parent.relative_to(out)}: {document.get('reason')}")
    for message in absent.values():
        console.print(f"not run: {message}")
    console.print(f"{len(wanted)} problems captured in {out}")
    return CANNOT_RUN if told_of or absent else 0


def _here(folder: Folder, wanted: Sequence[Variant], options: Options) -> dict[str, str]:
    """Draw and capture in processes of this machine; name of an adapter -> why it could not run."""
    chosen, absent = present(options.adapter)
    how = options.capturing(chosen)
    with progress_bars() as told, processes.crew([*map(numbers_of, wanted)]) as workers:
        way.draw(folder, wanted, options.seed, told, workers)
        if options.numeric:
            way.probe(folder, wanted, options.eps, told, workers)
        if options.order == 2:
            way.direct(folder, wanted, workers)
        together.capture(folder, wanted, chosen, how, told)
    return absent


def _on_cluster(folder: Folder, wanted: Sequence[Variant], options: Options) -> dict[str, str]:
    """The same on the workers of a cluster, which all see the folder."""
    assert options.cluster is not None
    with (
        work.chosen(options.cluster, options.cluster_wait, options.adapter) as (cluster, there, absent),
        work.site(cluster, folder.root) as site,
        progress_bars() as told,
    ):
        how = options.capturing(there, site.describe)
        site.scatter(wanted, len(wanted), there, how, options.seed, told)
    return absent
