"""Known divergences: real, minimal, listed with a reason, and loud when they go stale."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.judge.rows import Row, Verdict, blank


class KnownError(ValueError):
    """A file of known divergences is malformed; the message says where and what was expected."""


class Known(BaseModel):
    """One listed divergence. An empty list of versions stands for every version; everything else must match exactly."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    spec: str
    tensor: str
    framework: str
    versions: tuple[str, ...] = ()
    dtype: str | None = None
    check: str = "local"
    reason: Annotated[str, Field(min_length=20)]
    link: Annotated[str, Field(min_length=3)]

    def covers(self, row: Row) -> bool:
        """Whether this entry speaks of the row's tensor."""
        return (
            (self.spec, self.tensor, self.framework, self.check) == (row.spec, row.tensor, row.framework, row.check)
            and (not self.versions or row.version in self.versions)
            and self.dtype in (None, row.dtype)
        )


def load(folder: Path) -> tuple[Known, ...]:
    """Every entry of every `*.yaml` of a folder. Raises KnownError."""
    entries: list[Known] = []
    for path in sorted(folder.glob("*.yaml")):
        try:
            listed = yaml.safe_load(path.read_text(encoding="utf-8"))
            if not isinstance(listed, list):
                raise KnownError(f"{path}: holds a {type(listed).__name__}; expected a list of divergences")
            entries.extend(Known.model_validate(entry) for entry in listed)
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise KnownError(f"{path}: {error}") from error
        except ValidationError as error:
            first = error.errors()[0]
            raise KnownError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    return tuple(entries)


def apply(rows: Iterable[Row], entries: Sequence[Known]) -> Iterator[Row]:
    """The rows with listed divergences marked `known`, and a diverging row for each entry that no longer happens."""
    happened: set[Known] = set()
    looked: set[Known] = set()
    for row in rows:
        entry = next((e for e in entries if e.covers(row)), None)
        if entry is not None:
            looked.add(entry)
            if row.verdict in (Verdict.DIVERGES, Verdict.MISSING):
                happened.add(entry)
                row = replace(row, verdict=Verdict.KNOWN, reason=f"{row.reason}: {entry.reason} ({entry.link})")
        yield row
    for entry in entries:
        if entry in looked - happened:
            yield blank(
                spec=entry.spec, tensor=entry.tensor, framework=entry.framework, check=entry.check, verdict=Verdict.DIVERGES,
                dtype=entry.dtype or "", node=entry.tensor.partition("/")[2],
                reason=f"listed divergence vanished: {entry.reason}; take it off specs/known",
            )  # fmt: skip
