"""Rows and a manifest as a run gives them: small or large, good or spoiled in every way."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from gradconform.contract.run import FrameworkInfo, NetworkInfo, RunInfo
from gradconform.reasons import Code
from gradconform.rows import Row, Verdict, blank

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
TENSORS = dict.fromkeys(("conv2d", "linear", "batch_norm", "layer_norm"), ("weight", "bias"))
CHECKS = ("local", "exact", "end_to_end")
EXACT_TO_THE_BIT = ("relu", "max_pool2d", "dropout")
UNIT = {"float32": 2.0**-24, "float64": 2.0**-53}
NO_FLOAT64 = "nnabla computes in float32 only: its CPU functions are built for no other dtype"


def networks(count: int = 3, depth: int = 8) -> tuple[NetworkInfo, ...]:
    """Networks of `depth` nodes that end in a loss."""
    names = [*((f"{OPS[j % len(OPS)]}_{j}", OPS[j % len(OPS)]) for j in range(depth - 1)), ("loss", "cross_entropy")]
    chain = ["x", *(name for name, _ in names)]
    return tuple(
        NetworkInfo(
            name=f"net{i:02}",
            about=f"Network {i}: a chain of {depth} nodes, as small as shows the operators at work.",
            path=f"specs/networks/net{i:02}.yaml",
            nodes=tuple(names),
            # And one shortcut, so that the graph has two lanes.
            edges=(*pairwise(chain), (chain[1], chain[-2]), ("target", "loss")),
        )
        for i in range(count)
    )


def run_info(of: tuple[NetworkInfo, ...]) -> RunInfo:
    """A manifest as the command line gives it, absolute paths of a machine included."""
    frameworks = tuple(
        FrameworkInfo(name, version, "3.11.7", "1.26.4", 1, f"/home/somebody/gradconform/.tox/{name}/bin/python")
        for name, (version, _) in FRAMEWORKS.items()
    )
    return RunInfo(
        command="gradconform run --out reports/latest",
        started="2025-11-04T02:17:09+00:00",
        seconds=187.4,
        seed=7,
        harness_version="0.1.0",
        platform="Linux-6.1-x86_64",
        python="3.11.7",
        cores=2,
        networks=of,
        frameworks=frameworks,
    )


def good_rows(of: tuple[NetworkInfo, ...], *, checks: tuple[str, ...] = CHECKS) -> list[Row]:
    """A row for each tensor, framework, dtype and check of networks that conform; nnabla has no float64."""
    rows = []
    for network in of:
        for framework, (version, dtypes) in FRAMEWORKS.items():
            for dtype in ("float32", "float64"):
                base = blank(spec=network.name, framework=framework, version=version, route="primary", dtype=dtype)
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
                row = replace(base, node=node, op=op, tensor=tensor, kind=kind, check=check, shape="[4, 16, 28, 28]")
                measured = check == "end_to_end" or check.startswith("cross:")
                yield _measured(row, draw) if measured else _conforming(row, draw)


def _conforming(row: Row, draw: random.Random) -> Row:
    exact = row.check == "exact" or row.op in EXACT_TO_THE_BIT
    ratio = 0.0 if exact else min(10.0 ** draw.uniform(-2.5, 0.2), 1.3)
    expected = draw.gauss(0.3, 0.7)
    error = ratio * UNIT[row.dtype] * abs(expected)
    return replace(
        row,
        ratio=ratio,
        max_abs_err=error,
        max_rel_err=ratio * UNIT[row.dtype],
        worst_index="[0, 3, 1, 2]",
        got=expected + error,
        expected=expected,
        verdict=Verdict.CONFORMS,
    )


def _measured(row: Row, draw: random.Random) -> Row:
    error = UNIT[row.dtype] * 10.0 ** draw.uniform(0, 4)
    return replace(
        row,
        max_abs_err=error * 2,
        max_rel_err=error,
        worst_index="[0, 3, 1, 2]",
        got=0.5,
        expected=0.5 + error,
        verdict=Verdict.MEASURED,
    )


def diverging(row: Row, *, ratio: float = 12_345.0, reason: str = Code.VALUE, culprit: str = "") -> Row:
    """The same row, found wrong."""
    return replace(
        row,
        ratio=ratio,
        got=float("nan") if reason == Code.NONFINITE else 0.9,
        expected=0.3,
        max_abs_err=0.6,
        max_rel_err=0.7,
        n_bad=3,
        verdict=Verdict.DIVERGES,
        reason=reason,
        culprit=culprit or row.node,
    )


def missing(row: Row, reason: str, culprit: str = "") -> Row:
    """The same row, with nothing captured."""
    nan = float("nan")
    return replace(
        row,
        ratio=nan,
        max_abs_err=nan,
        max_rel_err=nan,
        got=nan,
        expected=nan,
        worst_index="",
        n_bad=0,
        verdict=Verdict.MISSING,
        reason=reason,
        culprit=culprit,
    )


CRASH = """Traceback (most recent call last):
  File "/home/somebody/gradconform/adapters/chainer/adapter.py", line 41, in op_gelu
ValueError: a < b & c > d"""
NO_ERF = "nnabla has only the tanh form of GELU; approximate is 'none'"


def bad_rows(of: tuple[NetworkInfo, ...]) -> list[Row]:
    """Every kind of failure but in the first network; chainer crashes in the last, nnabla refuses."""
    last = of[-1].name
    gone = {(last, "chainer"), (last, "nnabla")}
    rows = [_spoiled(row) for row in good_rows(of) if (row.spec, row.framework) not in gone]
    base = blank(spec=last, route="primary", framework="chainer", version="7.8.1")
    rows += [replace(base, dtype=d, verdict=Verdict.CRASHED, reason=CRASH) for d in ("float32", "float64")]
    node, op = of[-1].nodes[5]
    base = blank(spec=last, route="primary", framework="nnabla", version="1.39.0", dtype="float32", node=node, op=op)
    rows.append(replace(base, verdict=Verdict.UNSUPPORTED, reason=f"node '{node}' ({op}): {NO_ERF}"))
    return rows


def _spoiled(row: Row) -> Row:
    """chainer's convolutions are wrong, torch's softmax gradient is NaN, nnabla loses gradients."""
    if row.check not in ("local", "exact") or row.spec == "net00":
        return row
    match row.framework, row.op, row.kind, row.check:
        case "chainer", "conv2d", _, "exact":
            return diverging(row, ratio=float("inf"), reason=Code.NOT_BITWISE)
        case "chainer", "conv2d", kind, _:
            return diverging(row, ratio={"output": 5.1, "grad_output": 812.0}.get(kind, 3.4e6))
        case "torch", "softmax", "grad_output", _:
            return diverging(row, reason=Code.NONFINITE, ratio=float("inf"), culprit="softmax_7 add_8")
        case "nnabla", "batch_norm", "grad_param", "local":
            return missing(row, "buffer_reused", row.node)
        case "nnabla", "batch_norm", "output", "local":
            return missing(row, "needs output/conv2d_0, which is missing")
        case "nnabla", "layer_norm", "output", "local":
            return replace(diverging(row, ratio=41.0), verdict=Verdict.KNOWN)
        case _:
            return row
