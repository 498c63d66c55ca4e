"""Known divergences: real, minimal, listed with a reason, and loud when they go stale."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gradconform import reasons
from gradconform.contract import explained
from gradconform.errors import GradconformError
from gradconform.rows import Row, Verdict, blank


class KnownError(GradconformError, ValueError):
    """A file of known divergences or conventions is malformed; the message says where and what was expected."""


class Known(BaseModel):
    """One listed divergence. A row has it where every field matches; versions or a dtype that are not given match all.

    spec, tensor, framework, dtype, check: of the row.
    versions: of the framework; empty for every version.
    verdict: what is listed. A tensor that is known to diverge and then goes missing is news, and the reverse.
    reason, link: why it is so, and where more is said.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    spec: str
    tensor: str
    framework: str
    versions: tuple[str, ...] = ()
    dtype: str | None = None
    check: str = "local"
    verdict: Literal["diverges", "missing"] = "diverges"
    reason: Annotated[str, Field(min_length=20)]
    link: Annotated[str, Field(min_length=3)]

    def covers(self, row: Row) -> bool:
        """Whether this entry speaks of the row's tensor, in the row's framework, version, dtype and check."""
        return (
            (self.spec, self.tensor, self.framework, self.check) == (row.spec, row.tensor, row.framework, row.check)
            and (not self.versions or row.version in self.versions)
            and self.dtype in (None, row.dtype)
        )


def load(folder: Path) -> tuple[Known, ...]:
    """Every listed divergence in the `*.yaml` files of a folder. Raises KnownError."""
    entries: list[Known] = []
    for path in sorted(folder.glob("*.yaml")):
        for i, entry in enumerate(listed(path, "divergences"), 1):
            try:
                entries.append(Known.model_validate(entry))
            except ValidationError as error:
                raise KnownError(f"{path}: entry {i}: {explained(error)}") from error
    return tuple(entries)


def listed(path: Path, what: str) -> list[Any]:
    """The list that a YAML file holds; its entries are not looked at. Raises KnownError.

    what: what the entries are, for the message.
    """
    try:
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    # Not every scalar that looks like a date is one (ValueError).
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise KnownError(f"{path}: {error}") from error
    if not isinstance(entries, list):
        raise KnownError(f"{path}: holds a {type(entries).__name__}; expected a list of {what}")
    return entries


def apply(rows: Iterable[Row], entries: Sequence[Known]) -> Iterator[Row]:
    """The rows with listed divergences marked `known`, and a diverging row for each entry that no longer happens."""
    happened: set[Known] = set()
    looked: dict[Known, Row] = {}
    for row in rows:
        entry = next((e for e in entries if e.covers(row)), None)
        if entry is not None:
            looked.setdefault(entry, row)
            if row.verdict == entry.verdict:
                happened.add(entry)
                row = replace(row, verdict=Verdict.KNOWN, reason=reasons.listed(row.reason, entry.reason, entry.link))
        yield row
    for entry, row in looked.items():
        if entry not in happened:
            yield blank(
                spec=row.spec,
                node=row.node,
                op=row.op,
                tensor=row.tensor,
                kind=row.kind,
                check=row.check,
                framework=row.framework,
                version=row.version,
                route=row.route,
                dtype=row.dtype,
                shape=row.shape,
                verdict=Verdict.DIVERGES,
                culprit=row.node,
                culprit_op=row.op,
                reason=reasons.vanished(entry.reason),
            )
