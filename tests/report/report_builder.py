"""Rows and a manifest as a run gives them, small or as large as the real one, good or spoiled in every way."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from harness.judge.rows import Reason, Row, Verdict, blank
from harness.report.run import FrameworkInfo, NetworkInfo, RunInfo

FRAMEWORKS = {
    "torch": ("2.13.0", ("float32", "float64")),
    "chainer": ("7.8.1", ("float32", "float64")),
    "nnabla": ("1.39.0", ("float32",)),
}
OPS = (
    "conv2d",
    "batch_norm",
    "relu",
    "max_pool2d",
    "linear",
    "gelu",
    "layer_norm",
    "softmax",
    "add",
    "dropout",
)
TENSORS = {
    "conv2d": ("weight", "bias"),
    "linear": ("weight", "bias"),
    "batch_norm": ("weight", "bias"),
    "layer_norm": ("weight", "bias"),
}
EXACT_TO_THE_BIT = ("relu", "max_pool2d", "dropout")
UNIT = {"float32": 2.0**-24, "float64": 2.0**-53}
NO_FLOAT64 = "nnabla computes in float32 only: its CPU functions are built for no other dtype"


def networks(count: int = 3, depth: int = 8) -> tuple[NetworkInfo, ...]:
    """Networks of `depth` nodes that end in a loss."""
    return tuple(
        NetworkInfo(
            name=f"net{i:02}",
            about=f"Network {i}: a chain of {depth} nodes, as small as shows the operators at work.",
            path=f"specs/networks/net{i:02}.yaml",
            nodes=(
                *((f"{OPS[j % len(OPS)]}_{j}", OPS[j % len(OPS)]) for j in range(depth - 1)),
                ("loss", "cross_entropy"),
            ),
        )
        for i in range(count)
    )


def run_info(of: tuple[NetworkInfo, ...]) -> RunInfo:
    """A manifest as the command line gives it, absolute paths of a machine included."""
    frameworks = tuple(
        FrameworkInfo(
            name, version, "3.11.7", "1.26.4", 1, f"/home/somebody/gradconform/.tox/{name}/bin/python"
        )
        for name, (version, _) in FRAMEWORKS.items()
    )
    return RunInfo(
        command="gradconform run --out reports/latest", started="2025-11-04T02:17:09+00:00", seconds=187.4, seed=7,
        harness_version="0.1.0", platform="Linux-6.1-x86_64", python="3.11.7", cores=2, networks=of, frameworks=frameworks,
    )  # fmt: skip


def good_rows(
    of: tuple[NetworkInfo, ...], *, checks: tuple[str, ...] = ("local", "exact", "end_to_end")
) -> list[Row]:
    """A row for each tensor, framework, dtype and check of networks that conform everywhere; nnabla has no float64."""
    rows = []
    for network in of:
        for framework, (version, dtypes) in FRAMEWORKS.items():
            for dtype in ("float32", "float64"):
                base = blank(
                    spec=network.name, framework=framework, version=version, route="primary", dtype=dtype
                )
                if dtype not in dtypes:
                    rows.append(replace(base, verdict=Verdict.UNSUPPORTED, reason=NO_FLOAT64))
                else:
                    rows += _of_problem(base, network, checks)
    return rows


def _of_problem(base: Row, network: NetworkInfo, checks: tuple[str, ...]) -> Iterator[Row]:
    draw = random.Random(f"{base.spec} {base.framework} {base.dtype}")
    for node, op in network.nodes:
        tensors = [(f"output/{node}", "output"), (f"grad/{node}", "grad_output")]
        tensors += [(f"grad/{node}.{slot}", "grad_param") for slot in TENSORS.get(op, ())]
        for tensor, kind in tensors[: 1 if node == "loss" else None]:
            for check in checks:
                row = replace(
                    base, node=node, op=op, tensor=tensor, kind=kind, check=check, shape="[4, 16, 28, 28]"
                )
                yield (
                    _measured(row, draw) if check == "end_to_end" or ":" in check else _conforming(row, draw)
                )


def _conforming(row: Row, draw: random.Random) -> Row:
    exact = row.check == "exact" or row.op in EXACT_TO_THE_BIT
    ratio = 0.0 if exact else min(10.0 ** draw.uniform(-2.5, 0.2), 1.3)
    expected = draw.gauss(0.3, 0.7)
    error = ratio * UNIT[row.dtype] * abs(expected)
    return replace(
        row, ratio=ratio, max_abs_err=error, max_rel_err=ratio * UNIT[row.dtype], worst_index="[0, 3, 1, 2]",
        got=expected + error, expected=expected, verdict=Verdict.CONFORMS,
    )  # fmt: skip


def _measured(row: Row, draw: random.Random) -> Row:
    error = UNIT[row.dtype] * 10.0 ** draw.uniform(0, 4)
    return replace(
        row, max_abs_err=error * 2, max_rel_err=error, worst_index="[0, 3, 1, 2]", got=0.5, expected=0.5 + error, verdict=Verdict.MEASURED,
    )  # fmt: skip


def diverging(row: Row, *, ratio: float = 12_345.0, reason: str = Reason.VALUE, culprit: str = "") -> Row:
    """The same row, found wrong."""
    return replace(
        row, ratio=ratio, got=0.9, expected=0.3, max_abs_err=0.6, max_rel_err=0.7, n_bad=3, verdict=Verdict.DIVERGES,
        reason=reason, culprit=culprit or row.node,
    )  # fmt: skip


def bad_rows(of: tuple[NetworkInfo, ...]) -> list[Row]:
    """A run with every kind of failure: a faulty node with many bad tensors, a missing gradient, a crash, a refusal, a known divergence."""
    rows = [_spoiled(row) for row in good_rows(of)]
    last = of[-1]
    crash = (
        'Traceback (most recent call last):\n  File "/home/somebody/gradconform/adapters/chainer/adapter.py", line 41, in op_gelu\n'
        "ValueError: a < b & c > d"
    )
    # What crashed or was refused has no other rows.
    rows = [r for r in rows if (r.spec, r.framework) not in ((last.name, "chainer"), (last.name, "nnabla"))]
    common = {"spec": last.name, "route": "primary"}
    for dtype in ("float32", "float64"):
        rows.append(
            blank(
                **common,
                framework="chainer",
                version="7.8.1",
                dtype=dtype,
                verdict=Verdict.CRASHED,
                reason=crash,
            )
        )
    node, op = last.nodes[5]
    said = f"node '{node}' ({op}): nnabla has only the tanh form of GELU; approximate is 'none'"
    rows.append(
        blank(
            **common,
            framework="nnabla",
            version="1.39.0",
            dtype="float32",
            node=node,
            op=op,
            verdict=Verdict.UNSUPPORTED,
            reason=said,
        )
    )
    return rows


def _spoiled(row: Row) -> Row:
    if row.check not in ("local", "exact") or row.spec == "net00":
        return row
    if row.framework == "chainer" and row.op == "conv2d":
        if row.check == "exact":
            return diverging(row, ratio=float("inf"), reason=Reason.NOT_BITWISE)
        return diverging(row, ratio={"output": 5.1, "grad_output": 812.0}.get(row.kind, 3.4e6))
    if row.framework == "torch" and row.op == "softmax" and row.kind == "grad_output":
        return diverging(row, reason=Reason.NONFINITE, ratio=float("inf"), culprit="softmax_7 add_8")
    if (
        row.framework == "nnabla"
        and row.op == "batch_norm"
        and row.kind == "grad_param"
        and row.check == "local"
    ):
        return replace(
            blank(spec=row.spec, node=row.node, op=row.op, tensor=row.tensor, kind=row.kind, check=row.check, framework=row.framework,
                  version=row.version, route=row.route, dtype=row.dtype, shape=row.shape),
            verdict=Verdict.MISSING, reason="buffer_reused", culprit=row.node,
        )  # fmt: skip
    if row.framework == "nnabla" and row.op == "layer_norm" and row.kind == "output" and row.check == "local":
        return replace(diverging(row, ratio=41.0), verdict=Verdict.KNOWN)
    return row
