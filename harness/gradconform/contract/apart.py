"""A problem with an identity between some tensors and each node that reads them: its second capture.

Where several nodes read one tensor its gradient is the sum of what each sends back, and a wrong sum does not say whose
part is wrong. With a node `x->reader` between them each part is the gradient of a tensor of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gradconform.contract.files import ContractError, read_document
from gradconform.contract.problem import Problem, with_document

FOLDER = "apart"
"""Below the folder of a capture: the rewritten problem.json, and what was captured of it."""
IDENTITY = "identity"
"""The operator of the nodes that are put in. No spec has it: the worker takes it from an adapter's network.py."""
ARROW = "->"


def edge(tensor: str, reader: str) -> str:
    """The name of the node between a tensor and one of its readers."""
    return f"{tensor}{ARROW}{reader}"


def reader_of(name: str) -> str:
    """The reader at the end of an edge; of any other name, the name."""
    return name.rpartition(ARROW)[2]


def separated(problem: Problem, names: Iterable[str]) -> Problem:
    """The problem with an identity between each of these tensors and each of its readers, of the same numbers.

    names: leaves or nodes. The identity comes right before its reader, so that all else runs in the same order.
    """
    given, nodes = list(dict.fromkeys(names)), []
    for node in problem.document["nodes"]:
        reads = dict.fromkeys(name for _, read in node["tensors"] for name in _listed(read))
        instead = {name: edge(name, node["name"]) for name in reads if name in given}
        nodes += [_identity(name, between, problem.graph.shape(name)) for name, between in instead.items()]
        nodes.append({**node, "tensors": [[slot, _renamed(read, instead)] for slot, read in node["tensors"]]})
    document = {key: value for key, value in problem.document.items() if key != "claims"}
    return with_document(problem, {**document, "nodes": nodes, FOLDER: given})


def read_separated(problem: Problem, folder: Path) -> Problem:
    """The rewritten problem of a second capture. Raises ContractError where it is not one of this problem.

    folder: that of the second capture.
    """
    path = folder / "problem.json"
    document = read_document(path)
    names = document.get(FOLDER)
    known = {*problem.graph.leaves, *problem.graph.makers}
    if isinstance(names, list) and all(isinstance(name, str) and name in known for name in names):
        made = separated(problem, names)
        if made.document["nodes"] == document.get("nodes"):
            return made
    raise ContractError(f"{path}: is not its problem with identities between tensors and readers; capture it again")


def _identity(tensor: str, name: str, shape: Sequence[int]) -> dict[str, Any]:
    outputs = [{"name": name, "shape": list(shape)}]
    return {"name": name, "op": IDENTITY, "tensors": [["x", tensor]], "attributes": {}, "outputs": outputs}


def _listed(read: Any) -> list[str]:
    return [] if read is None else list(read) if isinstance(read, list | tuple) else [read]


def _renamed(read: Any, instead: Mapping[str, str]) -> Any:
    if isinstance(read, list | tuple):
        return [instead.get(name, name) for name in read]
    return instead.get(read, read)
