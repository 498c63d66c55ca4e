"""The steps of a behaviour's script in Chainer's words."""

import chainer
import numpy as np

from . import reasons


class Script:
    """A network that a script is run over: its variables by name, those of the nodes from the last forward.

    Each step of a script is the method of that name.
    """

    def __init__(self, problem, tensors, nodes):
        self.nodes = nodes
        self.cotangent = tensors["cotangent/" + problem["output"]]
        self.leaves = {
            e["name"]: chainer.Variable(tensors[e["name"]], requires_grad=e["grad"]) for e in problem["inputs"]
        }
        for e in problem["parameters"]:
            # With a shape, as Chainer's own links make theirs: so made, a parameter's gradient starts as NaN.
            self.leaves[e["name"]] = chainer.Parameter(tensors[e["name"]], e["shape"])
        self.leaves.update((e["name"], tensors[e["name"]]) for e in problem["buffers"])
        self.values, self.retain_grad, self.results = dict(self.leaves), False, {}

    def forward(self, no_grad, detach, through_numpy):
        """Apply every node; each forward makes new variables and a new graph."""
        self.values = self.nodes(self.leaves, around=Cuts(no_grad, detach, through_numpy))

    def backward(self, of, cotangent, keep_graph):
        """``backward()`` of the output, its ``grad`` set before where there is a cotangent; graphs are always kept."""
        output = self.values[of]
        if cotangent == "given":
            output.grad = self.cotangent.copy()
        elif cotangent == "zeros":
            output.grad = np.zeros_like(output.array)
        output.backward(retain_grad=self.retain_grad)

    def grad(self, of, wrt, name, store, keep, keep_graph):
        """``chainer.grad``; ``store`` is its ``set_grad`` and ``keep`` its ``retain_grad``."""
        output, inputs = self.values[of], [self.values[each] for each in wrt]
        ones = chainer.Variable(np.ones_like(output.array))
        found = chainer.grad([output], inputs, [ones], set_grad=store, retain_grad=keep)
        self.results.update((name + "/" + each, gradient) for each, gradient in zip(wrt, found))

    def keep(self, tensors):
        """Have ``backward`` keep the gradients of intermediates; Chainer keeps those of all or of none."""
        self.retain_grad = True

    def clear(self, tensors, to):
        """Clear gradients: ``cleargrad()``, which leaves None, or ``zerograd()``."""
        for name in tensors:
            if to == "none":
                self.values[name].cleargrad()
            else:
                self.values[name].zerograd()

    def fill(self, tensor, value):
        """Make every element of a ``grad`` one number."""
        self.values[tensor].grad = np.full_like(self.values[tensor].array, value)

    def set(self, tensor, value):
        """Change an input's array in place."""
        self.change(tensor, value)

    def change(self, tensor, value):
        """Change a variable's array in place; nothing counts the versions."""
        self.values[tensor].array[...] = value

    def read(self, ask):
        """A gradient, an output or a result of ``grad`` as a NumPy array of its own; None where there is none."""
        kind, _, name = ask.partition("/")
        found = self.results[name] if kind == "result" else self.values[name]
        if found is not None:
            found = found.grad if kind == "grad" else found.array
        return None if found is None else found.copy()

    def explain(self, lineage, name):
        """Why a variable has no gradient, by Chainer's graph as it is now: a reason, or one with its place."""
        kept = self.retain_grad or name in self.leaves
        found = reasons.without_path(lineage, self.values, [name])
        return found.get(name, "not_differentiable" if kept else "not_retained")


class Cuts:
    """Cuts the graph off at some nodes and tensors, while it is called around each node."""

    def __init__(self, no_grad, detach, through_numpy):
        self.no_grad, self.detach, self.through_numpy = no_grad, detach, through_numpy

    def __call__(self, node, apply, tensors):
        """Apply a node to its tensors, as it is to see them."""
        names = [name for _, name in node["tensors"]]
        with chainer.using_config("enable_backprop", node["name"] not in self.no_grad):
            return apply(*map(self.cut, names, tensors))

    def cut(self, name, variable):
        """A variable as its readers see it; where a slot has several, each of them."""
        if isinstance(name, list):
            return list(map(self.cut, name, variable))
        if name in self.detach:
            # The variable forgets the function that made it, for all who read it: Chainer has no detached copy.
            variable.unchain()
        if name in self.through_numpy:
            return chainer.Variable(variable.array)
        return variable
