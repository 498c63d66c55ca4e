"""The steps of a behaviour's script in NNabla's words."""

import contextlib

import nnabla as nn
import numpy as np

from . import network, reasons
from .adapter import compute_in


class Script:
    """A network that a script is run over: its variables by name, those of the nodes once the graph is built.

    Each step of a script is the method of that name.
    """

    def __init__(self, problem, tensors, nodes):
        self.nodes, self.names = nodes, [node["name"] for node in problem["nodes"]]
        self.cotangent = tensors["cotangent/" + problem["output"]]
        compute_in(problem["dtype"])
        nn.clear_parameters()
        self.leaves = {
            e["name"]: nn.Variable.from_numpy_array(tensors[e["name"]], need_grad=e["grad"]) for e in problem["inputs"]
        }
        for e in problem["parameters"] + problem["buffers"]:
            self.leaves[e["name"]] = network.register(e["name"], tensors[e["name"]], e["grad"])
        self.values, self.results, self.built = dict(self.leaves), {}, None

    def forward(self, no_grad, detach, through_numpy):
        """Run the graph, which is built the first time, and again only where it is to be cut elsewhere."""
        if self.built != (no_grad, detach, through_numpy):
            self.built = no_grad, detach, through_numpy
            self.values = self.nodes(self.leaves, around=Cuts(*self.built))
        # All, for the output is not linked to what it reads through a variable that was unlinked.
        nn.forward_all([self.values[name] for name in self.names])

    def backward(self, of, cotangent, keep_graph):
        """``backward(grad)`` of the output, or without grad where there is no cotangent.

        A graph that need not be kept gives its buffers away on the way: ``clear_buffer=True``, as in the manual's
        training loops.
        """
        output = self.values[of]
        if cotangent == "none":
            output.backward(clear_buffer=not keep_graph)
        else:
            seed = self.cotangent if cotangent == "given" else np.zeros(output.shape, np.float32)
            output.backward(seed, clear_buffer=not keep_graph)

    def grad(self, of, wrt, name, store, keep, keep_graph):
        """``nn.grad``, and a forward of the graph that it returns; ``store`` is its ``bind_grad_output``."""
        if keep:
            raise NotImplementedError("nnabla.grad has no option to keep the gradients of intermediates")
        output, inputs = self.values[of], [self.values[each] for each in wrt]
        ones = nn.Variable.from_numpy_array(np.ones(output.shape, np.float32))
        found = nn.grad([output], inputs, [ones], bind_grad_output=store)
        nn.forward_all([gradient for gradient in found if gradient is not None])
        self.results.update((name + "/" + each, gradient) for each, gradient in zip(wrt, found))

    def keep(self, tensors):
        """Mark variables ``persistent``, so that no pass gives their buffers away."""
        for name in tensors:
            self.values[name].persistent = True

    def clear(self, tensors, to):
        """Clear gradients by ``grad.zero()``, be it to none or to zeros: a buffer always holds numbers."""
        for name in tensors:
            self.values[name].grad.zero()

    def fill(self, tensor, value):
        """Make every element of a gradient one number: ``grad.fill(value)``."""
        self.values[tensor].grad.fill(value)

    def set(self, tensor, value):
        """Change an input by assigning its ``d``."""
        self.change(tensor, value)

    def change(self, tensor, value):
        """Change a variable by assigning its ``d``, which writes into its buffer; nothing counts the versions."""
        self.values[tensor].d = value

    def read(self, ask):
        """A gradient, an output or a result of ``grad`` as a NumPy array of its own; None where there is none."""
        kind, _, name = ask.partition("/")
        found = self.results[name] if kind == "result" else self.values[name]
        if found is None:
            return None
        # NNabla's own mark on a buffer that it gave away and that nobody wrote since; reading takes it off.
        if (found.grad if kind == "grad" else found.data).clear_called:
            return None, "buffer_reused"
        return (found.g if kind == "grad" else found.d).copy()

    def explain(self, lineage, name):
        """Why no gradient comes to a variable, by NNabla's graph as it is now: a reason with its place, or None."""
        return reasons.explain(lineage, self.values, [name]).get(name)


class Cuts:
    """Cuts the graph off at some nodes and tensors, while it is called around each node."""

    def __init__(self, no_grad, detach, through_numpy):
        self.no_grad, self.detach, self.through_numpy = no_grad, detach, through_numpy

    def __call__(self, node, apply, tensors):
        """Apply a node to its tensors, as it is to see them."""
        names = [name for _, name in node["tensors"]]
        with nn.no_grad() if node["name"] in self.no_grad else contextlib.nullcontext():
            return apply(*map(self.cut, names, tensors))

    def cut(self, name, variable):
        """A variable as its readers see it; where a slot has several, each of them."""
        if isinstance(name, list):
            return list(map(self.cut, name, variable))
        if variable is not None and "." in name:
            # Parameters are fetched from the store where they are used: nn.no_grad() works on no other variable.
            return network.register(name, variable, variable.need_grad)
        if name in self.detach:
            return variable.get_unlinked_variable(need_grad=False)
        if name in self.through_numpy:
            if variable.parent is not None:
                # Until the graph has run there is no array to take.
                variable.forward()
            return nn.Variable.from_numpy_array(variable.d)
        return variable
