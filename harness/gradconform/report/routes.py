"""Every route beside the primary one, and how far what it gave is from that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from gradconform.rows import NAN, CheckKind, Row, Verdict
from gradconform.words import counted


@dataclass(frozen=True)
class RouteView:
    """One route of one framework, over all networks.

    framework, version, route: which one.
    primary: the route that it is held against.
    identical, within, diverging: how many tensors are the same to the bit, within the bound, beyond it.
    others: rows with another verdict, counted, as text.
    ratio: the largest.
    missing: the reasons of tensors that are not there, counted, as text.
    """

    framework: str
    version: str
    route: str
    primary: str
    identical: int
    within: int
    diverging: int
    others: tuple[str, ...]
    ratio: float
    missing: tuple[str, ...]


def routes_of(rows: Iterable[Row]) -> tuple[RouteView, ...]:
    """What is said of each route beside a primary one, by framework, version and route."""
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        if row.check.kind == CheckKind.ROUTE:
            groups.setdefault((row.framework, row.version, row.route), []).append(row)
    return tuple(_view(*key, group) for key, group in sorted(groups.items()))


def _view(framework: str, version: str, route: str, rows: list[Row]) -> RouteView:
    # What was not kept conforms for its reason, and has no figure.
    kept = [row for row in rows if row.verdict == Verdict.CONFORMS and row.max_abs_err == row.max_abs_err]
    identical = sum(row.max_abs_err == 0 for row in kept)
    others = Counter(row.verdict for row in rows if row.verdict not in (Verdict.CONFORMS, Verdict.DIVERGES))
    absent = Counter(row.reason.code for row in rows if row.max_abs_err != row.max_abs_err)
    primary = {row.check.of for row in rows} - {"primary"}
    return RouteView(
        framework,
        version,
        route,
        " ".join(sorted(primary)) or "primary",
        identical,
        len(kept) - identical,
        sum(row.verdict == Verdict.DIVERGES for row in rows),
        tuple(f"{n:,} {verdict}" for verdict, n in others.most_common()),
        max((row.ratio for row in rows if row.ratio == row.ratio), default=NAN),
        tuple(f"{counted(n, 'tensor')} ({code})" for code, n in absent.most_common() if code),
    )
