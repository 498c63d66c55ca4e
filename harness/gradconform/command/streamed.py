"""What a run on a cluster ends with: the usual report, or the rows alone where they are too many for a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from rich.console import Console

from gradconform.command.exits import status_of_verdicts
from gradconform.command.report import write_report
from gradconform.command.tables import table
from gradconform.contract.folder import Folder
from gradconform.contract.run import MANIFEST, FrameworkInfo
from gradconform.history.keep import Keeping
from gradconform.report.files import PARQUET, write_whole
from gradconform.report.parts import Parts, write_stream
from gradconform.rows import Row, Verdict
from gradconform.run.manifest import Clock, manifest

MOST_ROWS = 300_000
"""Rows that a page is made of; all of them are in memory then, and in the page."""


@dataclass(frozen=True)
class Ending:
    """How a run on a cluster ends.

    mark: marks what is known among rows, one after the other. out: where the report goes. clock: of the run.
    seed: what the user asked for. keeping: where the run is kept.
    """

    mark: Callable[[Iterable[Row]], Iterator[Row]]
    out: Path
    clock: Clock
    seed: int | None
    keeping: Keeping

    def write(self, parts: Parts, folders: Sequence[Folder], absent: dict[str, str]) -> int:
        """Write the report of the rows, or the rows alone. Returns the exit status. Raises ContractError, OSError.

        folders: where the problems and captures lie. absent: adapter -> why it could not run.
        """
        rows = self.mark(parts.rows())
        if parts.count <= MOST_ROWS:
            return write_report(list(rows), folders, self.out, self.clock, self.seed, absent, self.keeping)
        return self._rows_alone(rows, parts.count, absent)

    def _rows_alone(self, rows: Iterable[Row], count: int, absent: dict[str, str]) -> int:
        seen: Counter[tuple[str, str, Verdict]] = Counter()

        def counted() -> Iterator[Row]:
            for row in rows:
                seen[row.framework, row.version, row.verdict] += 1
                yield row

        def write_manifest(path: Path) -> None:
            versions = sorted({(name, version) for name, version, _ in seen})
            told = manifest((), self.clock, self.seed, tuple(absent.items()))
            frameworks = tuple(FrameworkInfo(name, version, adapter=name) for name, version in versions)
            path.write_text(replace(told, frameworks=frameworks).to_json(), encoding="utf-8")

        write_whole(self.out, {PARQUET: partial(write_stream, counted()), MANIFEST: write_manifest})
        self._print(seen, count, absent)
        return status_of_verdicts({verdict for _, _, verdict in seen}, bool(absent))

    def _print(self, seen: Counter[tuple[str, str, Verdict]], count: int, absent: dict[str, str]) -> None:
        console = Console(highlight=False, markup=False, soft_wrap=True)
        lines = [(f"{name} {version}", verdict, f"{n:,}") for (name, version, verdict), n in sorted(seen.items())]
        console.print(table(("framework", "verdict", "rows"), lines, shown=None))
        for message in absent.values():
            console.print(f"not run: {message}")
        if self.keeping.history is not None or self.keeping.baseline is not None:
            console.print(f"not kept and not compared: a run of more than {MOST_ROWS:,} rows is neither")
        console.print(
            f"rows: {self.out / PARQUET}; {count:,} are more than the {MOST_ROWS:,} of which a page can be made"
        )
