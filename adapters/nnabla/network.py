"""The native network: an NNabla graph, its parameters registered under the spec's names."""

import mmap

import nnabla as nn
import numpy as np
from nnabla import functions as F

from . import empty
from .adapter import compute_in
from .graph import functions_above


class Network:
    """A graph that has not run.

    output: its variable.
    variables: by the spec's names.
    leaves: the variables that it starts from.
    """

    def __init__(self, output, leaves, nodes):
        self.leaves = leaves
        self.lineage = nodes.lineage
        self._output, self._nodes = output, nodes
        self.link()

    def name_failing(self, entered):
        """Say at which node the graph failed, and what the nodes before it had computed.

        entered: the functions that began, the one that failed last.
        """
        problem, known, began = self._nodes.problem, set(), set(entered)
        ran, at = {}, None
        for node in problem["nodes"]:
            outputs = {output["name"]: self.variables[output["name"]] for output in node["outputs"]}
            functions = {f for v in outputs.values() for f in functions_above(v)} - known
            known |= functions
            if entered[-1] in functions:
                at = node
            elif functions <= began:
                ran.update((name, variable.d.copy()) for name, variable in outputs.items())
        self._nodes.node, self._nodes.ran = at, ran

    def link(self):
        """Apply the nodes to the leaves, which makes the graph; what an earlier call made is let go."""
        self.variables = self._nodes(self.leaves)
        self.output = self.variables[self._output]


def build(problem, tensors, nodes):
    """The graph of a problem.

    The process's one parameter store holds the parameters of this problem alone afterwards.
    """
    empty.refuse(problem, nodes.lineage)
    compute_in(problem["dtype"])
    nn.clear_parameters()
    leaves = {}
    for entry in problem["inputs"]:
        leaves[entry["name"]] = nn.Variable.from_numpy_array(tensors[entry["name"]], need_grad=entry["grad"])
    for entry in problem["parameters"] + problem["buffers"]:
        leaves[entry["name"]] = register(entry["name"], tensors[entry["name"]], entry["grad"])
    release(tensors.values())
    return Network(problem["output"], leaves, nodes)


def register(name, array, need_grad):
    """Copy an array into the parameter store, 'conv1.weight' as 'conv1/weight', and return its variable."""
    scope, slot = name.rsplit(".", 1)
    with nn.parameter_scope(scope):
        return nn.parameter.get_parameter_or_create(slot, array.shape, initializer=array, need_grad=need_grad)


def release(arrays):
    """Give back the pages of the files that arrays are mapped from, file by file: NNabla has copied what it needs.

    They count as this process's memory, 550 MB for VGG16; a page that is read again comes from the file again.
    """
    files = {}
    for array in arrays:
        while isinstance(array, np.ndarray):
            array = array.base
        content = array.obj if isinstance(array, memoryview) else array
        if isinstance(content, mmap.mmap) and hasattr(content, "madvise"):
            files[id(content)] = content
    for content in files.values():
        content.madvise(mmap.MADV_DONTNEED)


def held(network):
    """What the leaves of the graph hold now, as arrays by the problem's names; NNabla copied them all."""
    # A buffer that was given back holds whatever was written there since.
    return {name: variable.d for name, variable in network.leaves.items() if not variable.data.clear_called}


def identity(x):
    """The same numbers in memory of their own, with a gradient of their own."""
    return F.identity(x)


def computed(values):
    """What the nodes before the one at which the graph failed, or could not be built, compute, as arrays by name."""
    if all(isinstance(value, np.ndarray) for value in values.values()):
        return values
    for variable in values.values():
        variable.persistent = True
    # All at once, since batch normalisation in training must not run twice.
    nn.forward_all(list(values.values()))
    return {name: variable.d.copy() for name, variable in values.items()}


def evaluate(network, problem, tensors):
    """The network's output at what ``tensors`` hold now, running statistics included: training would move them."""
    for name, variable in network.leaves.items():
        variable.d = tensors[name]
    # Once through, and each buffer is given back when nothing further reads it.
    network.output.forward(clear_buffer=True)
    return network.output.d
