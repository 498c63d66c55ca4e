"""The page of the atlas: its table by operator, and what is said of each difference."""

from __future__ import annotations

from collections.abc import Sequence

from gradconform.atlas.differences import Kind
from gradconform.atlas.table import Row, briefly, places
from gradconform.words import counted, listed

INTRODUCTION = """\
# The atlas of what differs

Who ports a network from one framework to another reads this first: where an operator, at one of its edges or with
nothing said of an attribute, gives something else than the stated convention of the reference ([specs.md](specs.md)).
Edges are kinks and ties, ends of domains, zeros and their signs, infinities, NaN, and magnitudes at which plain
formulas overflow or cancel. Every number is measured and none is written by hand; of which kind a difference is, a
person decided. The same for machines: [atlas.csv](atlas.csv).

    gradconform atlas                                       # measure all, in the frameworks that are there
    gradconform atlas gelu --adapter torch                  # one operator in one framework
    gradconform atlas gelu --recorded                       # what stands here, without running anything
    gradconform atlas --script gelu.tail --adapter torch    # the few lines that show it, with torch and NumPy alone
    gradconform atlas --out docs                            # write this page and the table

`specs/atlas/` holds the conditions, `specs/atlas/differences/` what is known to differ. A difference that nobody has
classified makes the command fail (*new*), and so does one that no longer shows (*vanished*). What all frameworks do as
the reference says stands in no row. A run's page has the rows of its operators.
"""

READING = """\
Of tensors of more than three elements those that differ are shown, three at most. *digits*: how many decimal digits are
right in the worst of them.
"""


def markdown(rows: Sequence[Row]) -> str:
    """The page of the atlas."""
    reasons = {row.reason: row for row in rows}
    versions = sorted({(row.framework, row.version) for row in rows})
    parts = [INTRODUCTION, _counts(rows, versions), "## By operator\n"]
    heads = ("operator", "condition", "framework", "tensor", "gives", "reference", "digits", "kind", "why")
    parts += [READING, f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    parts += [_line(row) for row in rows]
    parts.append("\n## Why")
    for kind in Kind:
        of_kind = sorted((row for row in reasons.values() if row.kind == kind), key=lambda row: _natural(row.reason))
        parts.append(f"\n### {kind.capitalize()}\n\n{kind.about.capitalize()}.\n")
        parts += [_reason(row, rows) for row in of_kind]
    return "\n".join(parts) + "\n"


def _counts(rows: Sequence[Row], versions: Sequence[tuple[str, str]]) -> str:
    lines = ["| kind | means | " + " | ".join(f"{name} {version}" for name, version in versions) + " |"]
    lines.append("|---" * (len(versions) + 2) + "|")
    for kind in Kind:
        counts = [str(places(r for r in rows if r.kind == kind and r.framework == name)) for name, _ in versions]
        lines.append(f"| **{kind}** | {kind.about} | {' | '.join(counts)} |")
    total = f"{counted(places(rows), 'pair')} of a condition and a framework, {counted(len(rows), 'tensor')}"
    return "\n".join(lines) + f"\n\n{total}.\n"


def _line(row: Row) -> str:
    gives, reference = briefly(row)
    cells = [
        row.operator,
        row.at + ("" if row.dtype == "float32" else f" ({row.dtype})"),
        row.framework,
        f"`{row.tensor}`",
        gives,
        reference,
        row.digits,
        row.kind,
        f"[{row.reason}](#{row.reason})",
    ]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _reason(row: Row, rows: Sequence[Row]) -> str:
    link = f" [Said here]({row.link})." if row.link else ""
    operators = listed(dict.fromkeys(each.operator for each in rows if each.reason == row.reason))
    return f"#### {row.reason}\n\n{row.framework} {row.version}, {operators}. {row.says}{link}\n"


def _natural(key: str) -> tuple[str, int]:
    name, _, number = key.rpartition("-")
    return name, int(number)
