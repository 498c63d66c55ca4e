"""How small a relative error of one element of a weight's gradient is caught, for each framework and weight.

An element is beyond its bound where its error exceeds LIMIT times the bound, so the smallest error that
is caught is that over the element's magnitude, give or take the framework's own rounding. The element is the
largest of the gradient, then the median one of those that are not zero.

Run as ``python benchmarks/sensitivity.py [SPEC ...]``; prints a table in Markdown.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from gradconform import paths
from gradconform.capture import adapters, together
from gradconform.capture.together import Capturing
from gradconform.contract import ContractError, read_capture, read_problem
from gradconform.contract.folder import Folder
from gradconform.draw.problem import draw_problem
from gradconform.draw.variants import Variant
from gradconform.judge.local import LocalCheck
from gradconform.reference.tracked.rounding import Rounded
from gradconform.rows import LIMIT
from gradconform.spec import SpecError, load

DEFAULT = ("cnn", "transformer")


def caught(expected: Rounded) -> tuple[float, float]:
    """The smallest relative errors that are caught: of the largest element and of the median one."""
    size, bound = np.abs(expected.value).ravel(), np.broadcast_to(expected.bound(), expected.shape).ravel()
    order = np.argsort(size)[np.count_nonzero(size == 0) :]
    if not order.size:
        return np.nan, np.nan
    largest, median = (float(LIMIT * bound[i] / size[i]) for i in (order[-1], order[len(order) // 2]))
    return largest, median


def captured(spec: Path, chosen: list[adapters.Adapter], dtype: str) -> Iterator[tuple[str, str, LocalCheck]]:
    """(spec, adapter, its local check) for every network of a file, drawn and captured anew."""
    with tempfile.TemporaryDirectory() as root:
        folder = Folder(Path(root))
        wanted = [Variant(network, dtype, "drawn") for network in load(spec)]
        for v in wanted:
            drawn = draw_problem(v.network, folder.problem(v.name), dtype=dtype, values="drawn")
            folder.digests[v.name] = str(drawn.document["digest"])
        together.capture(folder, wanted, chosen, Capturing(), lambda stage, done, total: None)
        for v in wanted:
            for adapter in chosen:
                opened = read_problem(folder.problem(v.name))
                found = read_capture(folder.capture(adapter.name, v.name), opened)
                if found.status == "ok":
                    yield v.network.name, adapter.name, LocalCheck(opened, found)
                else:
                    print(f"{v.network.name}: {adapter.name}: {found.status}: {found.reason}", file=sys.stderr)


def table(specs: list[Path], chosen: list[adapters.Adapter], dtype: str) -> Iterator[str]:
    """The lines of the table."""
    names = [a.name for a in chosen]
    yield "| spec | gradient | shape | " + " | ".join(f"{n}: largest | {n}: median" for n in names) + " |"
    yield "|---|---|---|" + "--:|--:|" * len(names)
    for spec in specs:
        cells: dict[tuple[str, str, str], dict[str, tuple[float, float]]] = {}
        for network, name, check in captured(spec, chosen, dtype):
            for judgement in check.judgements():
                weight = judgement.kind == "grad_param" and judgement.tensor.endswith(".weight")
                if weight and isinstance(judgement.expectation, Rounded):
                    key = (network, judgement.tensor, str(list(judgement.shape)))
                    cells.setdefault(key, {})[name] = caught(judgement.expectation)
        for key, found in cells.items():
            figures = [
                "-" if np.isnan(error) else f"{error:.1e}" for n in names for error in found.get(n, (np.nan, np.nan))
            ]
            yield "| " + " | ".join([*key, *figures]) + " |"


def main() -> int:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("specs", nargs="*", type=Path, metavar="SPEC")
    parser.add_argument("--adapter", action="append", metavar="NAME_OR_FOLDER", help="all that come along by default")
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    given = parser.parse_args()
    specs = given.specs or [paths.specs_folder() / "networks" / f"{name}.yaml" for name in DEFAULT]
    try:
        chosen = [adapters.find(name) for name in given.adapter or adapters.names()]
        for line in table(specs, chosen, given.dtype):
            print(line, flush=True)
    except (SpecError, ContractError, adapters.AdapterError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
