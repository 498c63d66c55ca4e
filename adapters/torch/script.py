"""The steps of a behaviour's script in PyTorch's words."""

import contextlib

import torch

from . import reasons
from .bits import array_of, tensor_of


class Script:
    """A network that a script is run over: its tensors by name, those of the nodes from the last forward.

    Each step of a script is the method of that name.
    """

    def __init__(self, problem, tensors, nodes):
        self.nodes = nodes
        self.cotangent = tensor_of(tensors["cotangent/" + problem["output"]])
        entries = problem["inputs"] + problem["parameters"] + problem["buffers"]
        self.leaves = {e["name"]: tensor_of(tensors[e["name"]]).requires_grad_(e["grad"]) for e in entries}
        self.values, self.results = dict(self.leaves), {}

    def forward(self, no_grad, detach, through_numpy):
        """Apply every node; each forward makes new tensors and a new graph."""
        self.values = self.nodes(self.leaves, around=Cuts(no_grad, detach, through_numpy))

    def backward(self, of, cotangent, keep_graph):
        """``tensor.backward(gradient)`` of the output, or without a gradient where there is no cotangent."""
        tensor = self.values[of]
        if cotangent == "none":
            tensor.backward(retain_graph=keep_graph)
        elif cotangent == "zeros":
            tensor.backward(torch.zeros_like(tensor), retain_graph=keep_graph)
        else:
            tensor.backward(self.cotangent, retain_graph=keep_graph)

    def grad(self, of, wrt, name, store, keep, keep_graph):
        """``torch.autograd.grad``, which refuses a tensor that the output does not depend on."""
        if store or keep:
            option = "store" if store else "keep"
            raise NotImplementedError("torch.autograd.grad returns gradients and has no option to %s them" % option)
        output, inputs = self.values[of], [self.values[each] for each in wrt]
        found = torch.autograd.grad(output, inputs, torch.ones_like(output), retain_graph=keep_graph)
        self.results.update((name + "/" + each, gradient) for each, gradient in zip(wrt, found))

    def keep(self, tensors):
        """``retain_grad()`` on what the last forward made; the next one makes other tensors."""
        for name in tensors:
            self.values[name].retain_grad()

    def clear(self, tensors, to):
        """Clear gradients as ``zero_grad(set_to_none=True)`` does, or as ``zero_grad(set_to_none=False)``."""
        for name in tensors:
            tensor = self.values[name]
            if to == "none":
                tensor.grad = None
            elif tensor.grad is not None:
                tensor.grad.zero_()

    def fill(self, tensor, value):
        """Make every element of a ``.grad`` one number."""
        self.values[tensor].grad = torch.full_like(self.values[tensor], value)

    def set(self, tensor, value):
        """Change an input in place, as an optimizer changes parameters."""
        self.change(tensor, value)

    def change(self, tensor, value):
        """Change a tensor in place, unseen by the graph but not by the tensor's count of its versions."""
        with torch.no_grad():
            self.values[tensor].copy_(torch.tensor(value))

    def read(self, ask):
        """A gradient, an output or a result of ``grad`` as a NumPy array of its own; None where there is none."""
        kind, _, name = ask.partition("/")
        found = self.results[name] if kind == "result" else self.values[name]
        found = found.grad if kind == "grad" else found
        return None if found is None else array_of(found).copy()

    def explain(self, lineage, name):
        """Why a tensor has no gradient, by autograd's graph as it is now: a reason, or one with its place."""
        tensor = self.values[name]
        kept = {name} if tensor.is_leaf or tensor.retains_grad else set()
        return reasons.reasons(lineage, self.values, [name], kept)["grad/" + name]


class Cuts:
    """Cuts the graph off at some nodes and tensors, while it is called around each node."""

    def __init__(self, no_grad, detach, through_numpy):
        self.no_grad, self.detach, self.through_numpy = no_grad, detach, through_numpy

    def __call__(self, node, apply, tensors):
        """Apply a node to its tensors, as it is to see them."""
        names = [name for _, name in node["tensors"]]
        with torch.no_grad() if node["name"] in self.no_grad else contextlib.nullcontext():
            return apply(*map(self.cut, names, tensors))

    def cut(self, name, tensor):
        """A tensor as its readers see it; where a slot has several, each of them."""
        if isinstance(name, list):
            return list(map(self.cut, name, tensor))
        if name in self.detach:
            return tensor.detach()
        if name in self.through_numpy:
            return tensor_of(array_of(tensor))
        return tensor
