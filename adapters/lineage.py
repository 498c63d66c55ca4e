"""The ways from a tensor to the output in a problem's graph, and where a framework's own graph cuts them.

The worker hands it to adapters as ``nodes.lineage``; what it needs to know of a framework are two functions. Valid
Python 3.8, like all that runs in a framework's interpreter.
"""

GRAPH_CUT = "graph_cut"


def addresses(problem):
    """The names of all that a capture of a problem must hold or explain, in the order of the graph: the one list."""
    names = ["output/" + output["name"] for node in problem["nodes"] for output in node["outputs"]]
    names += ["grad/" + node["name"] for node in problem["nodes"] if node["name"] != problem["output"]]
    return names + ["grad/" + e["name"] for e in problem["inputs"] + problem["parameters"] if e["grad"]]


class Lineage:
    """A problem's graph by names: which tensors lead to the output, and of which a gradient is asked."""

    def __init__(self, problem):
        self.reads = {node["name"]: list(_read_by(node)) for node in problem["nodes"]}
        self._operators = {node["name"]: node["op"] for node in problem["nodes"]}
        self.output = problem["output"]
        self.leaves = [entry["name"] for entry in problem["inputs"] + problem["parameters"] if entry["grad"]]
        given = [e for e in problem["inputs"] + problem["parameters"] if not e["grad"]]
        self.unasked = [entry["name"] for entry in given if entry["dtype"].startswith("float")]
        # Of each a capture must hold or explain the gradient; that of the output is the cotangent.
        names = addresses(problem)
        self.wanted = [name[len("grad/") :] for name in names if name.startswith("grad/")]
        self.asked = set(self.leaves)
        for name, reads in self.reads.items():
            if not self.asked.isdisjoint(reads):
                self.asked.add(name)
        self.on_path = {self.output}
        for name in reversed(list(self.reads)):
            if name in self.on_path:
                self.on_path.update(self.reads[name])

    def explain(self, names, requires, leads):
        """The reason of each name that can have no gradient, by the problem's graph or by the framework's.

        requires(name): whether the framework computes a gradient of the tensor at all. leads(node, read): whether its
        graph leads from what a node gave back to a tensor that the node read, past no other tensor the node read.
        ``graph_cut`` comes with its place: ``("graph_cut", node, ...)``; see ``_place``.
        """
        found = {name: self._aside(name) for name in names}
        asking = [name for name in names if found[name] is None]
        if asking:
            live = self._live(requires, leads)
            whole = {self.output} if requires(self.output) else set()
            for node in reversed(list(self.reads)):
                if node in whole:
                    whole.update(live[node])
            found.update((n, (GRAPH_CUT,) + self._place(n, requires, live)) for n in asking if n not in whole)
        return {name: reason for name, reason in found.items() if reason is not None}

    def call(self, node):
        """A node as a line of code in the problem's names, without attributes: ``relu3 = relu(fc2)``."""
        return "%s = %s(%s)" % (node, self._operators[node], ", ".join(self.reads[node]))

    def _aside(self, name):
        """Why a tensor needs no gradient by the problem's graph alone; None where it does."""
        if name not in self.on_path:
            return "not_on_path"
        return None if name in self.asked else "not_requested"

    def _live(self, requires, leads):
        """For each node those of the tensors it read to which the framework's graph leads back."""
        live = {}
        for node, reads in self.reads.items():
            given = dict.fromkeys(reads) if node in self.on_path and requires(node) else ()
            live[node] = [r for r in given if r in self.asked and requires(r) and leads(node, r)]
        return live

    def _place(self, name, requires, live):
        """Where all ways from a tensor to the output are cut, as names of nodes in the order of the graph.

        That is the first node on each way that does not lead back to what it read. A tensor that requires no gradient
        was cut above: at the node that should have made it so. If it is a leaf that requires none, its name comes
        first, and the nodes are those that read it.
        """
        leaves, places = [], set()
        if not requires(name):
            leaves, places = self._above(name, requires)
        else:
            for node, read in self._edges_down(name, live):
                if read not in live[node]:
                    places.add(node)
        return tuple(leaves) + tuple(node for node in self.reads if node in places)

    def _edges_down(self, name, live):
        """(node, tensor it read) on each way from a tensor towards the output, as far as the first that is cut."""
        seen = {name}
        for node, reads in self.reads.items():
            for read in seen.intersection(reads) if node in self.on_path else ():
                if read in live[node]:
                    seen.add(node)
                yield node, read

    def _above(self, name, requires):
        """Leaves that require no gradient, and the nodes that read them or cut what they read."""
        if name in self.leaves:
            return [name], {n for n, reads in self.reads.items() if name in reads and n in self.on_path}
        leaves, places, waiting = [], set(), [name]
        while waiting:
            node = waiting.pop()
            reads = [read for read in dict.fromkeys(self.reads[node]) if read in self.asked]
            without = [read for read in reads if not requires(read)]
            frozen = [read for read in without if read in self.leaves]
            if len(without) < len(reads):
                places.add(node)
            elif frozen:
                places.add(node)
                leaves += [leaf for leaf in frozen if leaf not in leaves]
            waiting += [read for read in without if read not in self.leaves and len(without) == len(reads)]
        return leaves, places


def _read_by(node):
    """The names of the tensors a node reads, one for each time."""
    for _, name in node["tensors"]:
        if name is not None:
            yield from name if isinstance(name, list) else [name]


def places(missing):
    """What a route gave as missing, taken apart: tensor -> reason, and tensor -> where, for those that say where."""
    reasons = {name: reason[0] if isinstance(reason, tuple) else reason for name, reason in missing.items()}
    cuts = {n: list(r[1:]) for n, r in missing.items() if isinstance(r, tuple) and len(r) > 1}
    return reasons, cuts


def advice(lineage, route, missing, cuts, module):
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


def _remedy(lineage, remedies, name, reason, cut):
    """The line that would give a gradient; None where the adapter has none. What was cut is asked by what cut it."""
    leaves = [each for each in cut if each not in lineage.reads]
    is_leaf = bool(leaves) if cut else name not in lineage.reads
    line = remedies.get((reason, "leaf" if is_leaf else "between"))
    at = "; ".join(lineage.call(node) for node in cut if node in lineage.reads)
    return line and line.format(name=name, output=lineage.output, leaf=(leaves or [name])[0], at=at)
