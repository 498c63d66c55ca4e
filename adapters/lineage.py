"""The ways from a tensor to the output in a problem's graph, and where a framework's own graph cuts them.

The worker hands it to adapters as ``nodes.lineage``; what it needs to know of a framework are two functions. Valid
Python 3.8, like all that runs in a framework's interpreter. Everything is linear in the nodes: what is said of a tensor
is made of what was said of the tensors beside it.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, Callable, Dict, Iterable, Iterator, Mapping, Sequence, Tuple, Union

Problem = Mapping[str, Any]
# A word, or a word and its place.
Why = Union[str, Tuple[str, ...]]
# By tensor: which of its readers, or of the nodes above it, cut the way.
Places = Dict[str, Tuple[str, ...]]

GRAPH_CUT = "graph_cut"


def addresses(problem: Problem) -> list[str]:
    """The names of all that a capture of a problem must hold or explain, in the order of the graph: the one list."""
    names = ["output/" + output["name"] for node in problem["nodes"] for output in node["outputs"]]
    made = [name for node in problem["nodes"] for name in results(node)]
    names += ["grad/" + name for name in made if name != problem["output"]]
    return names + ["grad/" + e["name"] for e in problem["inputs"] + problem["parameters"] if e["grad"]]


def results(node: Mapping[str, Any]) -> list[str]:
    """The outputs of a node that others may read and that a gradient comes back to; the first is always one."""
    first = node["outputs"][0]
    return [each["name"] for each in node["outputs"] if each is first or each.get("result")]


class Lineage:
    """A problem's graph by names: which tensors lead to the output, and of which a gradient is asked.

    reads: each tensor that a node gives -> the names that the node reads. What is said below of a node is said of each
    tensor that it gives, but for places, which name the nodes themselves.
    """

    def __init__(self, problem: Problem) -> None:
        self.reads: dict[str, list[str]] = {}
        self._makers: dict[str, Mapping[str, Any]] = {}
        for node in problem["nodes"]:
            for name in results(node):
                self.reads[name], self._makers[name] = list(_read_by(node)), node
        self.output: str = problem["output"]
        self._problem = problem
        given = [e for e in problem["inputs"] + problem["parameters"] if not e["grad"]]
        self.unasked: list[str] = [entry["name"] for entry in given if entry["dtype"].startswith("float")]
        # Every tensor that a node gives; and those of which a capture must hold or explain the gradient, nodes first.
        # That of the output is the cotangent.
        self.outputs, self.wanted = (
            [name[len(kind) :] for name in addresses(problem) if name.startswith(kind)] for kind in ("output/", "grad/")
        )
        self.between = [name for name in self.wanted if name in self.reads]
        self.leaves = [name for name in self.wanted if name not in self.reads]
        self.asked = set(self.leaves)
        for name, reads in self.reads.items():
            if not self.asked.isdisjoint(reads):
                self.asked.add(name)
        self.on_path = {self.output}
        for name in reversed(list(self.reads)):
            if name in self.on_path:
                self.on_path.update(self.reads[name])
        # What a capture of second order may hold besides: of nodes the tangents, of all that is wanted a gradient more.
        moving = [name for name in self.reads if name in self.on_path and name in self.asked]
        self.second = ["tangent/" + name for name in moving]
        self.second += ["grad2/" + name for name in self.wanted if name in self.on_path and name in self.asked]
        self._order = {name: i for i, name in enumerate(self.reads)}
        # Tensor -> the nodes on the way to the output that read it.
        self.readers: dict[str, list[str]] = {}
        for node, reads in self.reads.items():
            for read in dict.fromkeys(reads) if node in self.on_path else ():
                self.readers.setdefault(read, []).append(node)

    def results(self, node: Mapping[str, Any]) -> list[str]:
        """The outputs of a node that others may read."""
        return results(node)

    @property
    def empty(self) -> set[str]:
        """The tensors without elements."""
        problem = self._problem
        leaves = problem["inputs"] + problem["parameters"] + problem["buffers"]
        outputs = [output for node in problem["nodes"] for output in node["outputs"]]
        return {entry["name"] for entry in leaves + outputs if 0 in entry["shape"]}

    def at_nothing(self, node: Mapping[str, Any]) -> bool:
        """Whether a node reads or gives a tensor without elements."""
        return not self.empty.isdisjoint([*_read_by(node), *(output["name"] for output in node["outputs"])])

    def explain(
        self, names: Iterable[str], requires: Callable[[str], bool], leads: Callable[[str, str], bool]
    ) -> dict[str, Why]:
        """The reason of each name that can have no gradient, by the problem's graph or by the framework's.

        requires(name): whether the framework computes a gradient of the tensor at all. leads(node, read): whether its
        graph leads from what a node gave back to a tensor that the node read, past no other tensor the node read.
        ``graph_cut`` comes with its place, as names of nodes in the order of the graph: ``("graph_cut", node, ...)``.
        That is the first node on each way that does not lead back to what it read. A tensor that requires no gradient
        was cut above: at the node that should have made it so. If it is a leaf that requires none, its name comes
        first, and the nodes are those that read it.
        """
        found: dict[str, Why | None] = {name: self._aside(name) for name in names}
        asking = [name for name in names if found[name] is None]
        if asking:
            live = self._live(requires, leads)
            whole = {self.output} if requires(self.output) else set()
            for node in reversed(list(self.reads)):
                if node in whole:
                    whole.update(live[node])
            lost = [name for name in asking if name not in whole]
            if lost:
                below, above = self._cut_below(live), self._cut_above(requires)
                found.update((n, (GRAPH_CUT,) + (below.get(n, ()) if requires(n) else above[n])) for n in lost)
        return {name: reason for name, reason in found.items() if reason is not None}

    def call(self, node: str) -> str:
        """A node as a line of code in the problem's names, without attributes: ``relu3 = relu(fc2)``."""
        maker = self._makers[node]
        return "%s = %s(%s)" % (", ".join(results(maker)), maker["op"], ", ".join(self.reads[node]))

    def _aside(self, name: str) -> str | None:
        """Why a tensor needs no gradient by the problem's graph alone; None where it does."""
        if name not in self.on_path:
            return "not_on_path"
        return None if name in self.asked else "not_requested"

    def _live(self, requires: Callable[[str], bool], leads: Callable[[str, str], bool]) -> dict[str, set[str]]:
        """For each node those of the tensors it read to which the framework's graph leads back."""
        live: dict[str, set[str]] = {}
        for node, reads in self.reads.items():
            given = dict.fromkeys(reads) if node in self.on_path and requires(node) else ()
            live[node] = {r for r in given if r in self.asked and requires(r) and leads(node, r)}
        return live

    def _cut_below(self, live: Mapping[str, set[str]]) -> Places:
        """Tensor -> the first node on each of its ways to the output that does not lead back to what it read."""
        found: Places = {}
        for name in list(reversed(list(self.reads))) + self.leaves:
            ways = [found[node] if name in live[node] else (node,) for node in self.readers.get(name, ())]
            found[name] = _joined(ways)
        return {name: self._in_order(nodes) for name, nodes in found.items()}

    def _cut_above(self, requires: Callable[[str], bool]) -> Places:
        """Of each tensor that requires no gradient and should: leaves that require none, then nodes.

        The nodes are those that read these leaves, or that cut what they read.
        """
        frozen_leaves = [leaf for leaf in self.leaves if not requires(leaf)]
        found = {leaf: (leaf,) + self._in_order(tuple(self.readers.get(leaf, ()))) for leaf in frozen_leaves}
        leaves: Places = {}
        nodes: Places = {}
        for node in self.reads:
            if node not in self.asked or requires(node):
                continue
            asked = [read for read in dict.fromkeys(self.reads[node]) if read in self.asked]
            frozen = tuple(read for read in asked if read not in self.reads and not requires(read))
            further = [read for read in asked if read in self.reads]
            if any(requires(read) for read in asked):
                # It cut what still required one.
                leaves[node], nodes[node] = (), (node,)
            else:
                # The last that was read comes first.
                leaves[node] = _joined([frozen] + [leaves[read] for read in reversed(further)])
                nodes[node] = _joined([(node,) if frozen else ()] + [nodes[read] for read in further])
        found.update((node, leaves[node] + self._in_order(nodes[node])) for node in leaves)
        return found

    def _in_order(self, nodes: tuple[str, ...]) -> tuple[str, ...]:
        """The nodes that give some tensors, each once, in the order of the graph."""
        names = sorted(nodes, key=self._order.__getitem__)
        return tuple(dict.fromkeys(self._makers[name]["name"] for name in names))


def _joined(ways: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """All names of these, each once. Where only one has any it is handed on as it is, so that a chain costs nothing."""
    some = [names for names in ways if names]
    return some[0] if len(some) == 1 else tuple(dict.fromkeys(name for names in some for name in names))


def _read_by(node: Mapping[str, Any]) -> Iterator[str]:
    """The names of the tensors a node reads, one for each time."""
    for _, name in node["tensors"]:
        if name is not None:
            yield from name if isinstance(name, list) else [name]


def places(missing: Mapping[str, Why]) -> tuple[dict[str, str], dict[str, list[str]]]:
    """What a route gave as missing, taken apart: tensor -> reason, and tensor -> where, for those that say where."""
    reasons = {name: reason[0] if isinstance(reason, tuple) else reason for name, reason in missing.items()}
    cuts = {n: list(r[1:]) for n, r in missing.items() if isinstance(r, tuple) and len(r) > 1}
    return reasons, cuts


def advice(
    lineage: Lineage,
    route: str,
    missing: Mapping[str, str],
    cuts: Mapping[str, Sequence[str]],
    module: ModuleType | None,
) -> dict[str, dict[str, str]]:
    """What capture.json says of how to get gradients: ``remedies`` for those missing, ``lines`` for those there.

    module: the adapter's ``reasons``, with REMEDIES and LINES, or None.
    """
    remedies, kinds = getattr(module, "REMEDIES", {}), ("leaf", "between")
    found = {}
    for name in lineage.wanted:
        tensor = "grad/" + name
        if tensor in missing:
            found[tensor] = _remedy(lineage, remedies, name, missing[tensor], cuts.get(tensor, []))
    for name in lineage.unasked:
        found["grad/" + name] = _remedy(lineage, remedies, name, "not_requested", [])
    lines = {kind: getattr(module, "LINES", {}).get((route, kind)) for kind in kinds}
    return {
        "remedies": {tensor: line for tensor, line in found.items() if line is not None},
        "lines": {kind: line for kind, line in lines.items() if line is not None},
    }


def _remedy(
    lineage: Lineage, remedies: Mapping[tuple[str, str], str], name: str, reason: str, cut: Sequence[str]
) -> str | None:
    """The line that would give a gradient; None where the adapter has none. What was cut is asked by what cut it."""
    leaves = [each for each in cut if each not in lineage.reads]
    is_leaf = bool(leaves) if cut else name not in lineage.reads
    line = remedies.get((reason, "leaf" if is_leaf else "between"))
    at = "; ".join(lineage.call(node) for node in cut if node in lineage.reads)
    return line and line.format(name=name, output=lineage.output, leaf=(leaves or [name])[0], at=at)
