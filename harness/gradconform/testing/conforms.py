"""For tests of one's own: `assert_conforms`, and what a failing test shows."""

from __future__ import annotations

import math
import os
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from gradconform.capture.adapters import Adapter, AdapterError
from gradconform.capture.choice import present
from gradconform.capture.together import Capturing
from gradconform.contract import explained
from gradconform.contract.folder import Folder
from gradconform.draw.variants import Variant, variants
from gradconform.dtypes import FLOAT64, NAMES, known
from gradconform.judge import conventions
from gradconform.judge.known import Known, KnownError
from gradconform.judge.lists import shipped
from gradconform.reasons import Code
from gradconform.rows import Blame, CheckKind, Row, Verdict
from gradconform.run import way
from gradconform.spec import Network
from gradconform.spec.files import networks as networks_of

SHOWN = 10

Place = str | os.PathLike[str]


class NotConformingError(AssertionError):
    """A framework diverges, lacks a gradient, crashed, or was not judged at all; the message has node and numbers."""


def assert_conforms(
    spec: Place,
    *,
    adapters: Place | Sequence[Place] | None = None,
    dtype: str | None = None,
    seed: int | None = None,
    known: Iterable[Known | Mapping[str, Any]] = (),
) -> list[Row]:
    """Build a spec in every framework and judge each output and gradient. Returns the rows, where all conform.

    spec: a YAML file, or a folder of them.
    adapters: names (`torch`, `chainer-6.3`) or folders; by default all whose framework is there, with a warning for
    each that is not.
    dtype: `float32` or `float64`; by default those of the spec.
    seed: drawn from in place of the spec's.
    known: divergences to expect beside those that come along, each written as an entry of specs/known; one that no
    longer shows in its network, which is that of `spec` where the entry names none, fails.

    Raises NotConformingError, an AssertionError, also where a framework could judge nothing of the spec; SpecError and
    KnownError with all that is wrong; AdapterError where a framework that was named is not there.
    """
    # pytest then shows the line of the test that called, and the message, and nothing of what is below here.
    __tracebackhide__ = True
    if dtype not in (None, *NAMES):
        raise ValueError(f"dtype is {dtype!r}; expected {' or '.join(NAMES)}")
    networks = networks_of([Path(spec)])
    entries = [*shipped(), *(_entry(each, Path(spec)) for each in known)]
    chosen = _present(adapters)
    recorded = conventions.beside(networks)
    rows = list(conventions.apply(_rows(variants(networks, dtype), chosen, seed, entries), recorded))
    message = complaint(rows, networks)
    for adapter in chosen:
        message = message or nothing_judged([row for row in rows if row.framework == adapter.framework])
    if message:
        raise NotConformingError(message)
    return rows


def _entry(given: Known | Mapping[str, Any], spec: Path) -> Known:
    """An entry; where it does not say in which network it shows, in the one that is asked for."""
    if isinstance(given, Mapping):
        given = {"shows": {"in": spec}, **given}
    try:
        entry = Known.model_validate(given)
        entry.shows.network()
        return entry
    except ValidationError as error:
        raise KnownError(f"known: {explained(error)}") from error


def _present(named: Place | Sequence[Place] | None) -> list[Adapter]:
    """The adapters to run. Raises AdapterError where one that was named, or every one, is not there."""
    if named is None:
        names = []
    else:
        names = [os.fspath(n) for n in ([named] if isinstance(named, str | os.PathLike) else named)]
        if not names:
            raise AdapterError("adapters is empty; expected a name, or None for all that are there")
    there, absent = present(names)
    for sentence in absent.values():
        warnings.warn(f"not run: {sentence}", stacklevel=3)
    return there


def _rows(
    wanted: Sequence[Variant], chosen: Sequence[Adapter], seed: int | None, entries: Sequence[Known]
) -> list[Row]:
    """Draw, capture and judge some variants, in a folder that is removed at the end."""
    temporary = tempfile.TemporaryDirectory(prefix="gradconform-")
    # One thread in this process: the caller's tests may hold what a process of ours could not be given.
    with temporary as root, threadpool_limits(1), ThreadPoolExecutor(1) as worker:
        folder = Folder(Path(root).resolve())
        way.draw(folder, wanted, seed, _silent, worker)
        return way.capture_and_judge(folder, wanted, chosen, Capturing(), _silent, worker, entries)


def _silent(stage: str, done: int, total: int) -> None:
    """Takes the progress of a run and shows nothing: nobody watches a test's."""


def complaint(rows: Iterable[Row], networks: Iterable[Network]) -> str:
    """What is wrong in these rows, a paragraph for each problem, framework and culprit; empty where nothing is."""
    by_name = {network.name: network for network in networks}
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        if row.verdict.fails:
            exact = "exact" if row.check.kind == CheckKind.EXACT else ""
            key = (row.spec, row.framework, row.version, row.dtype, exact, row.culprit, row.verdict)
            groups.setdefault(key, []).append(row)
    return "\n".join("\n".join(_paragraph(group, by_name.get(key[0]))) for key, group in groups.items())


def _paragraph(group: Sequence[Row], network: Network | None) -> Iterator[str]:
    first = group[0]
    exact = ", exact" if first.check.kind == CheckKind.EXACT else ""
    where = f"{first.spec} in {first.framework} {first.version}".strip() + f", {first.dtype}{exact}"
    if first.verdict == Verdict.CRASHED:
        yield f"{where}: crashed: {first.reason}"
        return
    at = ", ".join(_address(name, network) for name in first.culprit.split())
    together = " together" if any(row.blame == Blame.JOINT for row in group) else ""
    yield f"{where}: {at or 'no node to blame'}{together}: {_counted(len(group), first.verdict)}"
    for row in sorted(group, key=_beyond, reverse=True)[:SHOWN]:
        yield f"  {_found(row)}"
    if len(group) > SHOWN:
        yield f"  and {len(group) - SHOWN} more"


def _counted(n: int, verdict: str) -> str:
    one, many = ("diverges", "diverge") if verdict == Verdict.DIVERGES else ("is missing", "are missing")
    return f"1 tensor {one}" if n == 1 else f"{n} tensors {many}"


def _address(name: str, network: Network | None) -> str:
    if network is None or name not in network.lines:
        return f"culprit {name}"
    where = network.lines[name]
    return f"culprit {name} ({network.node(name).op}, {_nearby(where.path)}:{where.line})"


def _nearby(path: Path) -> Path:
    """A path as one would type it: relative to the working folder where it lies below that."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _beyond(row: Row) -> float:
    return math.inf if math.isnan(row.ratio) else row.ratio


def _found(row: Row) -> str:
    """One tensor in words: how far it is off, and where, in the digits that its dtype can tell apart."""
    text = f"{row.tensor} {row.shape}: "
    if math.isfinite(row.ratio):
        text += f"{row.ratio:.3g} times its bound"
    else:
        text += "beyond its bound of 0" if row.reason.code == Code.VALUE else row.reason
    if row.worst_index:
        dtype = known(row.dtype) or FLOAT64
        got, expected = dtype.text(row.got), dtype.text(row.expected)
        text += f" at {row.worst_index}: got {got}, expected {expected}"
    return text + (f"; {row.n_bad:,} such elements" if row.n_bad > 1 else "")


def nothing_judged(rows: Sequence[Row]) -> str:
    """Why no row of these was judged; empty where one was. Whoever asked for a check must not get none."""
    if any(row.verdict.judged for row in rows):
        return ""
    reasons = dict.fromkeys(f"{r.verdict}: {r.reason}" for r in rows if r.verdict == Verdict.UNSUPPORTED)
    where = f"{rows[0].spec} in {rows[0].framework} {rows[0].version}".strip() if rows else "no rows"
    return f"{where}: nothing was judged" + (f"; {'; '.join(reasons)}" if reasons else "")
