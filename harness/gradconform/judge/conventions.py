"""Recorded conventions: where a framework differs from the sum rule, in which versions it was seen, and why.

A row that does what is recorded is `known`. One that no longer does makes the run fail until somebody has looked, in
versions that were never seen too.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from gradconform import paths
from gradconform.behaviour import Word
from gradconform.contract import explained
from gradconform.errors import nearest
from gradconform.judge.behaviours import NUMBERED
from gradconform.judge.known import KnownError
from gradconform.judge.lists import listed
from gradconform.reasons import changed
from gradconform.reasons import recorded as recorded_as
from gradconform.rows import CheckKind, Row, Verdict
from gradconform.spec import Network, SpecError
from gradconform.spec import load as load_spec

FOLDER = "conventions"


def _word(does: str) -> str:
    word, _, rest = does.partition(" ")
    if word not in list(Word) or bool(rest) != (word in NUMBERED):
        expected = f"expected one of {', '.join(Word)}, with the numbers after {' and '.join(NUMBERED)}"
        raise ValueError(f"{does!r}; {expected}")
    return does


class Convention(BaseModel):
    """One recorded difference from the sum rule.

    behaviour, ask: where it shows.
    does: the word for it, for `other` and `subgradient` with the numbers.
    versions: those it was seen in, without a build's own suffix.
    reason: why the framework does so.
    error: what the exception says, where it raises.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    behaviour: str
    ask: str
    does: Annotated[str, AfterValidator(_word)]
    versions: Annotated[tuple[str, ...], Field(min_length=1)]
    reason: Annotated[str, Field(min_length=20)]
    error: Annotated[str, Field(min_length=8)] | None = None

    def done_by(self, row: Row) -> bool:
        """Whether a row shows what is recorded here."""
        as_raised = self.error is None or self.error in row.reason
        judged = row.verdict in (Verdict.CONFORMS, Verdict.DIVERGES)
        return judged and row.answered.word == self.does and as_raised


Conventions = Mapping[tuple[str, str, str], tuple[Convention, ...]]
"""(framework, behaviour, ask) -> what is recorded of it, one entry for each thing that versions do."""


def load(folder: Path | None = None, in_hand: Sequence[Network] = ()) -> Conventions:
    """What is recorded in `conventions/<framework>.yaml` below a folder of behaviours, specs/semantics by default.

    in_hand: networks that were loaded already, all of each file; the other files are read to know their behaviours.
    One of them that is broken or no spec is nobody's concern here, and what is recorded of it is taken as it stands.
    Raises KnownError.
    """
    folder = folder or paths.specs_folder() / "semantics"
    asks = {network.name: network.asks for network in in_hand if network.path.parent == folder}
    unread: set[str] = set()
    for path in set(folder.glob("*.yaml")) - {network.path for network in in_hand}:
        try:
            asks |= {network.name: network.asks for network in load_spec(path)}
        except SpecError:
            unread.add(path.stem)
    recorded_of: dict[tuple[str, str, str], tuple[Convention, ...]] = {}
    for path in sorted((folder / FOLDER).glob("*.yaml")):
        for i, written in enumerate(listed(path, "conventions"), 1):
            entry = _entry(f"{path}: entry {i}", written, asks, unread)
            key = (path.stem, entry.behaviour, entry.ask)
            twice = {v for other in recorded_of.get(key, ()) for v in other.versions}.intersection(entry.versions)
            if twice:
                version = sorted(twice)[0]
                raise KnownError(f"{path}: entry {i}: {entry.behaviour}, {entry.ask}: {version} is in two entries")
            recorded_of[key] = (*recorded_of.get(key, ()), entry)
    return recorded_of


def _entry(where: str, written: Any, asks: Mapping[str, Sequence[str]], unread: Collection[str]) -> Convention:
    """One entry as it is written. asks: of each behaviour. unread: the files, by stem, whose behaviours are unknown."""
    try:
        entry = Convention.model_validate(written)
    except ValidationError as error:
        raise KnownError(f"{where}: {explained(error)}") from error
    known = entry.behaviour.rpartition(".")[0] not in unread
    if known and entry.behaviour not in asks:
        hint = nearest(entry.behaviour, asks)
        raise KnownError(f"{where}: there is no behaviour {entry.behaviour!r}; {hint}".rstrip("; "))
    if known and entry.ask not in asks[entry.behaviour]:
        hint = nearest(entry.ask, asks[entry.behaviour])
        raise KnownError(f"{where}: {entry.behaviour} does not ask for {entry.ask!r}; {hint}".rstrip("; "))
    if (entry.does == Word.RAISES) != (entry.error is not None):
        what = "raises, so `error` must say" if entry.error is None else "does not raise, so there is no `error` with"
        raise KnownError(f"{where}: {entry.behaviour}, {entry.ask}: {what} what the exception says")
    return entry


def beside(networks: Sequence[Network]) -> Conventions:
    """What is recorded in the folders that the behaviours among these networks come from.

    networks: all of each file that any of them comes from.
    Raises KnownError.
    """
    folders = dict.fromkeys(network.path.parent for network in networks if network.script)
    return {key: entries for folder in folders for key, entries in load(folder, networks).items()}


@cache
def recorded() -> Conventions:
    """The conventions that come along with the package, read once."""
    return load()


def apply(rows: Iterable[Row], entries: Conventions | None = None) -> Iterator[Row]:
    """The rows, with recorded differences marked `known`, and those that are no longer as recorded diverging.

    entries: what is recorded; what comes along by default, which is read only where a row is of a behaviour.
    """
    for row in rows:
        if row.check.kind != CheckKind.SEMANTICS or not row.tensor:
            yield row
            continue
        known = (recorded() if entries is None else entries).get((row.framework, row.spec, row.tensor))
        yield _marked(row, known) if known else row


def _marked(row: Row, entries: Sequence[Convention]) -> Row:
    entry = _of_version(row.version.partition("+")[0], entries)
    if entry.done_by(row):
        if row.verdict == Verdict.CONFORMS:
            return row
        return replace(
            row, verdict=Verdict.KNOWN, reason=recorded_as(row.reason, entry.reason), culprit="", culprit_op=""
        )
    word, seen = row.answered.word, ", ".join(entry.versions)
    was = f"{row.framework} {seen} did `{entry.does}`" + (f" ({entry.error})" if entry.error else "")
    update = f"look, then update specs/semantics/{FOLDER}/{row.framework}.yaml"
    reason = changed(row.reason, word, was, row.version, update)
    return replace(row, verdict=Verdict.DIVERGES, reason=reason, culprit=row.node, culprit_op=row.op)


def _of_version(version: str, entries: Sequence[Convention]) -> Convention:
    """The entry that lists a version; where none does, that of the newest version that was seen."""
    for entry in entries:
        if version in entry.versions:
            return entry
    return max(entries, key=lambda entry: max(map(_ordered, entry.versions)))


def _ordered(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)))
