"""The frame as CSV and as Parquet, and back."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import pandas as pd

from gradconform.contract import digest
from gradconform.contract.place import check_replaceable, put, scratch
from gradconform.contract.run import MANIFEST, ROWS, RunInfo
from gradconform.report.frame import frame_of, rows_of, typed
from gradconform.rows import COLUMNS, NUMBERS, Row

CSV, PARQUET, PAGE = "diff.csv", ROWS, "index.html"
SUMMARY, JUNIT, EVIDENCE = "summary.md", "junit.xml", "evidence.json"

LATER = ("culprit_op", "blame")
"""Columns that runs of version 0.1.0 lack, and that are empty when these are read."""

Writer = Callable[[Path], object]


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame as CSV by RFC 4180: every text quoted, UTF-8, floats in full, with `nan`, `inf` and `-inf`."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
        out.writerow(COLUMNS)
        # csv writes a float by repr: the shortest text that reads back as the same bits.
        out.writerows(frame.astype(object).itertuples(index=False, name=None))


def write_parquet(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame as Parquet, with the same rows and columns as the CSV."""
    frame.to_parquet(path, engine="pyarrow", index=False)


def read_csv(path: Path) -> pd.DataFrame:
    """The frame that `write_csv` wrote, to the last bit. Raises ValueError where the columns are others."""
    texts = pd.read_csv(path, dtype="string", na_filter=False, encoding="utf-8")
    # Python's float rounds correctly; what pandas' own parser does has changed from version to version.
    numbers = {name: [float(text) for text in texts[name]] for name in NUMBERS if name in texts}
    return _checked(texts.assign(**numbers), path)


def read_parquet(path: Path) -> pd.DataFrame:
    """The frame that `write_parquet` wrote. Raises ValueError where the columns are others."""
    return _checked(pd.read_parquet(path, engine="pyarrow"), path)


def read(folder: Path) -> pd.DataFrame:
    """The rows of a finished run folder. Raises FileNotFoundError, ValueError."""
    path = folder / PARQUET
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; expected the folder of a finished run; run `gradconform run`")
    return read_parquet(path)


def read_run(folder: Path) -> tuple[list[Row], RunInfo]:
    """The rows and the manifest of a finished run folder. Raises FileNotFoundError, ValueError."""
    return rows_of(read(folder)), RunInfo.from_json((folder / MANIFEST).read_text(encoding="utf-8"))


def write_whole(folder: Path, writers: Mapping[str, Writer]) -> None:
    """Put a folder with all these files in place of the one that is there: a reader sees the old one or the new one.

    writers: name of a file -> what writes it.
    Raises ContractError where the old folder holds what no run wrote, OSError.
    """
    check_replaceable(folder, writers)
    with scratch(folder) as work:
        write_files(work / "new", writers)
        put(work / "new", folder)


def write_files(folder: Path, writers: Mapping[str, Writer]) -> None:
    """Write a new folder. `run.json` gets the digests of all files beside it, under `files`."""
    folder.mkdir()
    for name, writer in writers.items():
        writer(folder / name)
    manifest = folder / MANIFEST
    if manifest.exists():
        document = json.loads(manifest.read_text(encoding="utf-8"))
        document["files"] = {
            path.relative_to(folder).as_posix(): digest(path)
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path != manifest
        }
        manifest.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _checked(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    if tuple(frame.columns) == tuple(name for name in COLUMNS if name not in LATER):
        frame = frame.assign(**dict.fromkeys(LATER, "")).reindex(columns=list(COLUMNS))
    if tuple(frame.columns) != COLUMNS:
        other = sorted(set(frame.columns) ^ set(COLUMNS)) or ["another order"]
        raise ValueError(
            f"{path}: columns differ: {', '.join(other)}; expected those of reports/README.md; "
            "run `gradconform run` again"
        )
    return typed(frame)


def write_night(rows: Sequence[Row], run: RunInfo, folder: Path) -> None:
    """Write what is kept of a run among those of other nights into a new folder: the rows and the manifest."""
    write_files(
        folder,
        {
            PARQUET: partial(write_parquet, frame_of(rows)),
            MANIFEST: lambda path: path.write_text(run.to_json(), encoding="utf-8"),
        },
    )
