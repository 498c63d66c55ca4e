"""What the command's exit statuses say."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from gradconform.rows import Row, Verdict

DIVERGES, USAGE, CANNOT_RUN = 1, 2, 3
INTERRUPTED = 128


def status_of(rows: Sequence[Row], absent: bool) -> int:
    """The exit status of a run: that of rows that diverge comes before that of frameworks that could not run.

    absent: whether a framework could not run at all.
    """
    return status_of_verdicts({row.verdict for row in rows}, absent)


def status_of_verdicts(verdicts: Collection[Verdict], absent: bool) -> int:
    """The exit status of a run of which only the verdicts are at hand that any row has.

    absent: whether a framework could not run at all.
    """
    if any(verdict.wrong for verdict in verdicts):
        return DIVERGES
    return CANNOT_RUN if Verdict.CRASHED in verdicts or absent else 0
