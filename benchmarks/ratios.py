"""The largest honest ratio of every operator: how much room the one limit of the judge leaves."""

import math
import sys
from collections.abc import Iterable, Iterator, Sequence

import pandas as pd
from gradconform.report.files import read
from gradconform.rows import LIMIT
from gradconform.spec import Network
from gradconform.spec.files import networks
from measure import ROOT, Place, process, table

SPECS = ("specs/networks", "specs/operators")
KEY = ["operator", "dtype", "kind", "framework"]
ABOUT = f"""\
Every row of one `gradconform run {" ".join(SPECS)}` whose check is `local` and that has a ratio, which is
the largest |error| / bound over the tensor; a row above {LIMIT:g} diverges. An output stands under its own
operator, a gradient under the operator that sends it back, the reader of the tensor (`add + relu` where two
read one tensor). Listed divergences (`known`) are named below and are in no other table.
"""


def section(place: Place) -> str:
    """Markdown: the largest ratio per operator, dtype and framework; in full with kind, spec and tensor."""
    out = place.root / "report"
    command = [sys.executable, "-m", "gradconform", "run", *(ROOT / spec for spec in SPECS), "--out", out]
    # 1: something diverges, and the table says so. 3: a framework could not be run, and it has no column.
    cost = process(command, said_in=out / "run.json", accepted=(0, 1, 3))
    rows = read(out)
    local = rows[(rows["check"] == "local") & rows["ratio"].notna()]
    honest = local[local["verdict"] != "known"]
    sending = _sending(networks([ROOT / spec for spec in SPECS]))
    senders = [sending[spec, tensor] for spec, tensor in zip(honest["spec"], honest["tensor"], strict=True)]
    honest = honest.assign(operator=senders, elements=_elements(honest))
    took = f"The run took {cost.wall:.0f} s, all processes together {cost.cpu:.0f} s of CPU.\n"
    return "\n".join([ABOUT, took, _totals(rows, honest), _listed(rows), _wide(honest), _full(honest)])


def _sending(networks: Iterable[Network]) -> dict[tuple[str, str], str]:
    """(spec, `output/...` or `grad/...`) -> the operator whose work it is, or all of them, joined by +."""
    found: dict[tuple[str, str], set[str]] = {}
    for network in networks:
        for node in network.nodes:
            for output in node.outputs:
                found[network.name, f"output/{output.name}"] = {node.op}
            for name in node.reads:
                found.setdefault((network.name, f"grad/{name}"), set()).add(node.op)
        for name in [t.name for t in network.tensors] + [n.name for n in network.nodes]:
            found.setdefault((network.name, f"grad/{name}"), {"(read by none)"})
    return {key: " + ".join(sorted(ops)) for key, ops in found.items()}


def _elements(rows: pd.DataFrame) -> list[int]:
    return [math.prod(int(n) for n in shape.strip("[]").split(",") if n.strip()) for shape in rows["shape"]]


def _totals(rows: pd.DataFrame, honest: pd.DataFrame) -> str:
    judged = rows[rows["check"].isin(["local", "exact"])]
    counts = judged["verdict"].value_counts()
    verdicts = ", ".join(f"{count:,} {verdict}" for verdict, count in counts.items())
    exact = judged[(judged["check"] == "exact") & (judged["verdict"] == "conforms")]
    above = int((honest["ratio"] > LIMIT).sum())
    return (
        f"{len(honest):,} tensors with {honest['elements'].sum():,} elements have a ratio; the largest is "
        f"{honest['ratio'].max():.2f}; {above} are above {LIMIT:g}. Besides, {len(exact):,} tensors with "
        f"{sum(_elements(exact)):,} elements of exact problems agree to the bit. Verdicts: {verdicts}.\n"
    )


def _listed(rows: pd.DataFrame) -> str:
    """Everything that does not conform, but for what a framework does not have; claims judge what somebody printed."""
    other = rows[~rows["verdict"].isin(["conforms", "measured", "unsupported"]) & (rows["check"] != "claim")]
    columns = ["verdict", "spec", "dtype", "framework", "tensor", "check", "ratio", "reason"]
    if other.empty:
        return "Nothing diverges or is listed.\n"
    return table(columns, other.assign(ratio=other["ratio"].map("{:.3g}".format))[columns].values.tolist())


def _wide(honest: pd.DataFrame) -> str:
    """One line per operator and dtype: the largest ratio per framework, and where the largest is from."""
    frameworks = sorted(honest["framework"].unique())
    lines = []
    for (op, dtype), group in honest.groupby(["operator", "dtype"], sort=True):
        largest = group.groupby("framework")["ratio"].max()
        worst = group.loc[group["ratio"].idxmax()]
        each = [f"{largest[name]:.2f}" if name in largest else "" for name in frameworks]
        source = f"{worst['spec']} {worst['tensor']} ({worst['framework']})"
        lines.append([op, dtype, f"{group['elements'].sum():,}", *each, source])
    return table(("operator", "dtype", "elements", *frameworks, "the largest is from"), lines)


def _full(honest: pd.DataFrame) -> str:
    header = (*KEY, "tensors", "elements", "largest", "spec", "tensor")
    folded = "<details><summary>By kind, each with its spec and tensor</summary>\n"
    return f"{folded}\n{table(header, _lines(honest))}\n</details>\n"


def _lines(honest: pd.DataFrame) -> Iterator[Sequence[object]]:
    for key, group in honest.groupby(KEY, sort=True):
        worst = group.loc[group["ratio"].idxmax()]
        count = f"{group['elements'].sum():,}"
        yield (*key, len(group), count, f"{worst['ratio']:.3f}", worst["spec"], worst["tensor"])
