"""What is said of a run as a whole: computed once from its rows, and rendered by page, texts and terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

from gradconform.contract.run import UNKNOWN, RunInfo
from gradconform.reasons import Code
from gradconform.report.behaviours import Table, table_of
from gradconform.report.claims import Heard, claims_of
from gradconform.report.doubts import Doubt, doubts_of
from gradconform.report.faults import Fault, Refusal, faults_of, operators_of, refusals_of
from gradconform.report.findings import Finding, findings_of
from gradconform.report.headline import Headline, headline_of
from gradconform.report.ratios import Ratios, ratios_of
from gradconform.report.routes import RouteView, routes_of
from gradconform.rows import ORDER, TEXTS, CheckKind, Row, Verdict
from gradconform.words import listed, printable


@dataclass(frozen=True)
class Nearest:
    """How near one operator came to its bound in one dtype.

    op, dtype: which.
    worst: the conforming row that came nearest; None where none conforms.
    judged, failed: how many rows are.
    """

    op: str
    dtype: str
    worst: Row | None
    judged: int
    failed: int


@dataclass(frozen=True)
class Counts:
    """Rows by verdict, in the order of `Verdict`, and framework, in the order of the manifest.

    columns: framework and version in one text.
    lines: verdict, with its counts in the order of the columns; verdicts that no row has are left out.
    """

    columns: tuple[str, ...]
    lines: tuple[tuple[Verdict, tuple[int, ...]], ...]


@dataclass(frozen=True)
class Summary:
    """Everything that is said of a run as a whole.

    run: what is known of it besides its rows.
    rows: all of them, in the order of every report, fit to be printed.
    headline: the answer in one line.
    doubts: what fails no check and must be looked at.
    faults, known: what is wrong, and what a list knows to be, by whose fault it is, the worst first.
    findings, known_findings: the same, one for all the nodes that show the same.
    crashed, unsupported: what frameworks could not do, in their own words.
    nearest: the operators, those first that came nearest to their bound.
    ratios: how the ratios of each operator are spread in each framework.
    uninformative: how many rows conform without having tested much.
    behaviours, claims, routes: what their rows say together.
    apart: the specs that hold a behaviour and no arithmetic.
    """

    run: RunInfo
    rows: tuple[Row, ...]
    headline: Headline
    counts: Counts
    doubts: tuple[Doubt, ...]
    faults: tuple[Fault, ...]
    known: tuple[Fault, ...]
    findings: tuple[Finding, ...]
    known_findings: tuple[Finding, ...]
    crashed: tuple[Refusal, ...]
    unsupported: tuple[Refusal, ...]
    nearest: tuple[Nearest, ...]
    ratios: tuple[Ratios, ...]
    uninformative: int
    behaviours: Table
    claims: tuple[Heard, ...]
    routes: tuple[RouteView, ...]
    apart: frozenset[str]

    @classmethod
    def of(cls, every: Iterable[Row], run: RunInfo = UNKNOWN) -> Summary:
        """The summary of the rows. With the manifest it also says which network or framework is absent."""
        rows = tuple(sorted(map(_printable, every), key=attrgetter(*ORDER)))
        ops = operators_of(rows)
        faults = faults_of([row for row in rows if row.verdict.wrong], ops)
        # What a framework means by a gradient is a convention of its own and no fault.
        on_a_list = [row for row in rows if row.verdict == Verdict.KNOWN and row.check.kind != CheckKind.SEMANTICS]
        known = faults_of(on_a_list, ops)
        findings = findings_of(faults)
        apart, doubts = _apart(rows), doubts_of(rows, run)
        return cls(
            run=run,
            rows=rows,
            headline=headline_of(rows, run, findings, doubts, apart),
            counts=_counts(rows, run),
            doubts=doubts,
            faults=faults,
            known=known,
            findings=findings,
            known_findings=findings_of(known),
            crashed=refusals_of(rows, Verdict.CRASHED),
            unsupported=refusals_of(rows, Verdict.UNSUPPORTED),
            nearest=_nearest(rows),
            ratios=ratios_of(rows),
            uninformative=sum(row.reason.code == Code.UNINFORMATIVE for row in rows),
            behaviours=table_of(rows, run),
            claims=claims_of(rows),
            routes=routes_of(rows),
            apart=apart,
        )

    @property
    def faulty_operators(self) -> tuple[str, ...]:
        """`operator (framework)` for each at fault: one defect seen in twenty networks is recognised."""
        named = [fault for fault in self.faults if fault.nodes]
        return tuple(dict.fromkeys(f"{listed(fault.ops or fault.nodes)} ({fault.framework})" for fault in named))


def _printable(row: Row) -> Row:
    """The row with every text fit to be printed: a framework's own words may hold anything."""
    texts = {name: getattr(row, name) for name in TEXTS}
    cleaned: dict[str, Any] = {name: clean for name, text in texts.items() if (clean := printable(text)) != text}
    return replace(row, **cleaned) if cleaned else row


def _apart(rows: Iterable[Row]) -> frozenset[str]:
    behaviours = {row.spec for row in rows if row.check.kind == CheckKind.SEMANTICS}
    other = {
        row.spec for row in rows if row.verdict.judged and row.check.kind not in (CheckKind.SEMANTICS, CheckKind.CLAIM)
    }
    return frozenset(behaviours - other)


def _counts(rows: Sequence[Row], run: RunInfo) -> Counts:
    count = Counter((row.verdict, f"{row.framework} {row.version}".strip()) for row in rows)
    first = [f"{info.name} {info.version}" for info in run.frameworks]
    columns = tuple(dict.fromkeys([*first, *sorted({name for _, name in count})]))
    verdicts = {verdict for verdict, _ in count}
    lines = ((verdict, tuple(count[verdict, name] for name in columns)) for verdict in Verdict if verdict in verdicts)
    return Counts(columns, tuple(lines))


def _nearest(rows: Iterable[Row]) -> tuple[Nearest, ...]:
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if not row.verdict.judged:
            continue
        # What is wrong counts with the operator that did it, which need not be the one whose tensor it is.
        for op in row.culprit_op.split() or [row.op] * bool(row.op):
            groups.setdefault((op, row.dtype), []).append(row)
    nearest = (_nearest_of(op, dtype, group) for (op, dtype), group in groups.items())
    return tuple(sorted(nearest, key=lambda each: (-_ratio(each), each.op, each.dtype)))


def _nearest_of(op: str, dtype: str, rows: Sequence[Row]) -> Nearest:
    # The bar of a numerical derivative is no rounding bound of an operator.
    honest = [row for row in rows if row.verdict == Verdict.CONFORMS and row.check.kind != CheckKind.NUMERIC]
    worst = max((row for row in honest if row.ratio == row.ratio), key=attrgetter("ratio"), default=None)
    return Nearest(op, dtype, worst, len(rows), sum(row.verdict.fails for row in rows))


def _ratio(nearest: Nearest) -> float:
    return nearest.worst.ratio if nearest.worst else -1.0
