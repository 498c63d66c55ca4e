"""Rows on disk before a run is over: a Parquet file for each part of them, so that nobody has to hold them all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from gradconform.report.frame import clean
from gradconform.rows import COLUMNS, COUNTS, NUMBERS, Row

BATCH = 2_000
"""Rows that are in memory at a time."""

_TYPES = dict.fromkeys(COLUMNS, pa.string()) | dict.fromkeys(NUMBERS, pa.float64()) | dict.fromkeys(COUNTS, pa.int64())
_SCHEMA = pa.schema(list(_TYPES.items()))


class Parts:
    """Rows in a folder, as `diff.parquet` has them, a file for each part. count: how many there are."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.count = folder, 0

    def add(self, number: int, rows: Sequence[Row]) -> None:
        """Write the rows of a part. number: its place among all; parts come in any order. Raises OSError."""
        pq.write_table(_table(rows), self.folder / f"rows-{number:09}.parquet")
        self.count += len(rows)

    def rows(self) -> Iterator[Row]:
        """All rows, part after part."""
        for path in sorted(self.folder.glob("rows-*.parquet")):
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(BATCH):
                    columns = [column.to_pylist() for column in batch.columns]
                    yield from map(Row, *columns)


def write_stream(rows: Iterable[Row], path: Path) -> None:
    """Rows to one Parquet file, in the order in which they come, few of them in memory at a time. Raises OSError."""
    left = iter(rows)
    with pq.ParquetWriter(path, _SCHEMA) as writer:
        while batch := list(islice(left, BATCH)):
            writer.write_table(_table(batch))


def _table(rows: Sequence[Row]) -> pa.Table:
    columns = {name: [clean(name, getattr(row, name)) for row in rows] for name in COLUMNS}
    return pa.table({name: pa.array(values, _TYPES[name]) for name, values in columns.items()}, schema=_SCHEMA)
