"""The largest honest ratio of every operator: what the one limit of the judge leaves as room."""

import math
import sys
from collections.abc import Iterator, Sequence

import pandas as pd
from measure import ROOT, Place, process, table

from harness.judge.rows import LIMIT
from harness.report import read

SPECS = ("specs/networks", "specs/operators")
KEY = ["op", "dtype", "kind", "framework"]
ABOUT = f"""\
Every row of one `gradconform run {" ".join(SPECS)}` whose check is `local` and that has a ratio, largest |error| / bound
over the tensor; a row above {LIMIT:g} diverges. Listed divergences (`known`) are named below and are not in the tables.
"""


def section(place: Place) -> str:
    """Markdown: the largest ratio per operator, dtype and framework, and in full with kind, spec and tensor."""
    out = place.root / "report"
    command = [sys.executable, "-m", "harness.cli", "run", *(ROOT / spec for spec in SPECS), "--out", out]
    # 1: something diverges, and the table says so. 3: a framework could not be run: no column.
    cost = process(command, said_in=out / "run.json", accepted=(0, 1, 3))
    rows = read(out)
    rows = rows.assign(elements=[_elements(shape) for shape in rows["shape"]])
    local = rows[(rows["check"] == "local") & rows["ratio"].notna()]
    honest = local[local["verdict"] != "known"]
    return "\n".join([
        ABOUT,
        f"The run took {cost.wall:.0f} s, all processes together {cost.cpu:.0f} s of CPU.\n",
        _totals(rows, honest), _listed(rows), _wide(honest), _full(honest),
    ])  # fmt: skip


def _elements(shape: str) -> int:
    return math.prod(int(extent) for extent in shape.strip("[]").split(",") if extent.strip())


def _totals(rows: pd.DataFrame, honest: pd.DataFrame) -> str:
    judged = rows[rows["check"].isin(["local", "exact"])]
    counts = judged["verdict"].value_counts()
    verdicts = ", ".join(f"{count:,} {verdict}" for verdict, count in counts.items())
    exact = judged[(judged["check"] == "exact") & (judged["verdict"] == "conforms")]
    above = int((honest["ratio"] > LIMIT).sum())
    return (
        f"{len(honest):,} tensors with {honest['elements'].sum():,} elements have a ratio; the largest is "
        f"{honest['ratio'].max():.2f}; {above} are above {LIMIT:g}. Besides, {len(exact):,} tensors with "
        f"{exact['elements'].sum():,} elements of exact problems agree to the bit. Verdicts: {verdicts}.\n"
    )


def _listed(rows: pd.DataFrame) -> str:
    """Everything that does not conform, but for what a framework does not have."""
    other = rows[~rows["verdict"].isin(["conforms", "measured", "unsupported"])]
    columns = ["verdict", "spec", "dtype", "framework", "tensor", "check", "ratio", "reason"]
    if other.empty:
        return "Nothing diverges or is listed.\n"
    return table(columns, other[columns].itertuples(index=False))


def _wide(honest: pd.DataFrame) -> str:
    """One line per operator and dtype: the largest ratio per framework, and where the largest of all is from."""
    frameworks = sorted(honest["framework"].unique())
    lines = []
    for (op, dtype), group in honest.groupby(["op", "dtype"], sort=True):
        largest = group.groupby("framework")["ratio"].max()
        worst = group.loc[group["ratio"].idxmax()]
        each = [f"{largest[name]:.2f}" if name in largest else "" for name in frameworks]
        source = f"{worst['spec']} {worst['tensor']} ({worst['framework']})"
        lines.append([op, dtype, f"{group['elements'].sum():,}", *each, source])
    return table(("operator", "dtype", "elements", *frameworks, "the largest is from"), lines)


def _full(honest: pd.DataFrame) -> str:
    header = ("operator", "dtype", "kind", "framework", "tensors", "elements", "largest", "spec", "tensor")
    folded = "<details><summary>By kind, each with its spec and tensor</summary>\n"
    return f"{folded}\n{table(header, _lines(honest))}\n</details>\n"


def _lines(honest: pd.DataFrame) -> Iterator[Sequence[object]]:
    for key, group in honest.groupby(KEY, sort=True):
        worst = group.loc[group["ratio"].idxmax()]
        count = f"{group['elements'].sum():,}"
        yield (*key, len(group), count, f"{worst['ratio']:.3f}", worst["spec"], worst["tensor"])
