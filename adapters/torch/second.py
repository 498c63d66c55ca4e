"""Second order: a backward that keeps its graph, and a backward through that (``torch.autograd.grad`` twice)."""

from functools import partial

import torch

from . import network as native
from .bits import array_of, tensor_of
from .routes import answer, cotangent

# What torch says where the backward of an operator has no derivative of its own.
LACKING = (
    "is not implemented",
    "does not require grad and does not have a grad_fn",
    "Expected a proper Tensor but got None",
)


def identity(x):
    """The same numbers as a tensor of its own."""
    return x.clone()


def double_backward(network, problem, tensors, directions):
    """All gradients with a graph; their sum along ``directions`` differentiated in them and in the tensors.

    directions: arrays by the leaves that a gradient is asked of. Returns what a capture of second order holds.
    """
    lineage = network.nodes.lineage
    values = network(native.inputs(problem, tensors))
    output, seed = values[problem["output"]], cotangent(problem, tensors)
    if not output.requires_grad:
        return answer(lineage, values, {})
    seed.requires_grad_()
    names = [name for name in lineage.wanted if values[name].requires_grad]
    own = {}
    for name in lineage.between:
        if values[name].requires_grad:
            values[name].register_hook(partial(own_gradient, own, name))
    asked = [values[name] for name in names]
    found = torch.autograd.grad(output, asked, seed, create_graph=True, allow_unused=True)
    gradients = {**dict(zip(names, found)), **own}
    captured, missing = answer(lineage, values, gradients)
    return {**captured, **second(lineage, values, gradients, seed, directions)}, missing


def own_gradient(own, name, gradient):
    """A gradient that is no other tensor's: a sum hands one and the same to both summands."""
    own[name] = gradient.clone()
    return own[name]


def second(lineage, values, gradients, seed, directions):
    """``tangent/...`` of the nodes and ``grad2/...`` of all that gradients are asked of."""
    leaves = [name for name in lineage.leaves if gradients.get(name) is not None]
    total = sum((gradients[name] * tensor_of(directions[name])).sum() for name in leaves)
    received = {lineage.output: seed}
    received.update((name, gradients[name]) for name in lineage.between if gradients.get(name) is not None)
    wanted = {"tangent/" + name: gradient for name, gradient in received.items()}
    wanted.update(("grad2/" + name, values[name]) for name, gradient in gradients.items() if gradient is not None)
    wanted = {name: tensor for name, tensor in wanted.items() if tensor.requires_grad}
    if not leaves or not total.requires_grad:
        return {}
    try:
        found = torch.autograd.grad(total, list(wanted.values()), allow_unused=True)
    except RuntimeError as error:
        if any(words in str(error) for words in LACKING):
            raise NotImplementedError(str(error).splitlines()[0]) from error
        raise
    # Resolved: what is known to be zero has no memory until somebody asks for it.
    return {name: array_of(each.detach().clone()) for name, each in zip(wanted, found) if each is not None}
