"""What the command's exit statuses say."""


from __future__ import annotations

from collections.abc import Collection, Sequence

from gradconform.rows import Row, Verdict

DIVERGES, USAGE, CANNOT_RUN = 1, 2, 3
INTERRUPTED = 128


def status_of(rows: Sequence[Row], absent: bool) -> int:
    """The exit status: what diverges comes before what could not run."""
    return status_of_verdicts({row.verdict for row in rows}, absent)


def status_of_verdicts(verdicts: Collection[Verdict], absent: bool) -> int:
    """The same of the verdicts that any row has."""
    if any(verdict.wrong for verdict in verdicts):
        return DIVERGES
    return CANNOT_RUN if Verdict.CRASHED in verdicts or absent else 0
