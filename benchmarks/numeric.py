"""Numerical derivatives: how many rows can tell, how near to its bar an honest gradient comes, and the cost."""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
from gradconform.numeric.scales import SCALES
from gradconform.report.files import read
from measure import ROOT, Place, process, table

SPECS = "specs/networks"
# Half an hour of forwards for one more line; docs/numeric.md has it.
LEFT_OUT = "vgg16"
SINGLE, DOUBLE = SCALES["float32"], SCALES["float64"]
ABOUT = f"""\
Every row of one `gradconform run {SPECS} --numeric`, {LEFT_OUT} left out, whose check is `numeric`. A row is
conclusive where a relative fault of {SINGLE.resolution:.0e} (float32) or {DOUBLE.resolution:.0e} (float64)
would have left its bar; the ratio is |analytic - numerical| / bar, and above 1 a row diverges. Forwards: how often each
framework evaluates the network. Listed divergences (`known`) are in no figure but their own.
"""


def section(place: Place) -> str:
    """Markdown: a line for each network and dtype."""
    out, kept = place.root / "numeric-report", place.root / "numeric-kept"
    specs = [path for path in sorted((ROOT / SPECS).glob("*.yaml")) if path.stem != LEFT_OUT]
    command = [sys.executable, "-m", "gradconform", "run", *specs, "--numeric", "--out", out, "--keep", kept]
    cost = process(command, said_in=out / "run.json", accepted=(0, 1, 3))
    rows = read(out)
    rows = rows[rows["check"] == "numeric"]
    honest = rows[rows["verdict"].isin(["conforms", "inconclusive", "diverges"])]
    conclusive = honest["verdict"] == "conforms"
    diverge = (honest["verdict"] == "diverges").sum()
    took = (
        f"{conclusive.sum():,} of {len(honest):,} rows are conclusive, {diverge} diverge, "
        f"{(rows['verdict'] == 'known').sum()} are listed; the largest honest ratio is {honest['ratio'].max():.2f}. "
        f"The run took {cost.wall:.0f} s, all processes together {cost.cpu:.0f} s of CPU.\n"
    )
    frameworks = sorted(honest["framework"].unique())
    header = ("network", "dtype", "forwards", *(f"{name}: conclusive" for name in frameworks), "largest ratio", "of")
    return "\n".join([ABOUT, took, table(header, _lines(honest, frameworks, kept))])


def _lines(honest: pd.DataFrame, frameworks: Sequence[str], kept: Path) -> Iterator[Sequence[object]]:
    for (spec, dtype), group in honest.groupby(["spec", "dtype"], sort=True):
        shares = []
        for name in frameworks:
            own = group[group["framework"] == name]
            shares.append(f"{(own['verdict'] == 'conforms').sum()} of {len(own)}" if len(own) else "")
        told = group[group["ratio"].notna()]
        worst = told.loc[told["ratio"].idxmax()] if len(told) else None
        largest = ("", "") if worst is None else (f"{worst['ratio']:.2f}", f"{worst['tensor']} ({worst['framework']})")
        yield spec, dtype, f"{_forwards(kept, f'{spec}.{dtype}.drawn'):,}", *shares, *largest


def _forwards(kept: Path, variant: str) -> int:
    probes = json.loads((kept / "problems" / variant / "numeric" / "probes.json").read_text(encoding="utf-8"))
    return sum(len(direction["steps"]) for direction in probes["directions"])
