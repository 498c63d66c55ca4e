"""Second order: ``chainer.grad`` with ``enable_double_backprop``, and ``chainer.grad`` of what that gives."""

import chainer
from chainer import functions as F

from .routes import forward, read


class Own(chainer.FunctionNode):
    """The identity with memory of its own, whose gradient is a variable of its own and can be differentiated again."""

    def forward(self, inputs):
        """A copy of what it is given."""
        return (inputs[0].copy(),)

    def backward(self, indexes, gradients):
        """The gradient that arrives, as another variable."""
        return Own().apply(gradients)


def identity(x):
    """The same numbers as a variable of its own."""
    return Own().apply((x,))[0]


def double_backward(network, problem, tensors, directions):
    """All gradients with a graph; their sum along ``directions`` differentiated in them and in the tensors.

    directions: arrays by the leaves that a gradient is asked of. Returns what a capture of second order holds.
    """
    lineage = network.gradconform[1].lineage
    # Functions that are asked for it compute otherwise, so the first order is not asked so.
    with chainer.using_config("gradconform_twice", True):
        values, output, cotangent = forward(network, problem, tensors)
    asked = {name: values[name] for name in lineage.wanted if values[name].requires_grad}
    # Behind the identity of each node its gradient is a variable of its own; before it, a sum hands one and the same
    # to both summands.
    behind = [name for name in lineage.between + [lineage.output] if values[name].requires_grad]
    raw = {name: values[name].creator_node.inputs[0].get_variable() for name in behind}
    if not asked:
        return read(network, values, {}, set(values))
    seed = chainer.Variable(cotangent)
    found = chainer.grad([output], list(asked.values()) + list(raw.values()), [seed], enable_double_backprop=True)
    gradients = dict(zip(asked, found))
    received = {name: g for name, g in zip(raw, found[len(asked) :]) if g is not None}
    there = {name: g for name, g in gradients.items() if g is not None}
    captured, missing = read(network, values, {name: g.array for name, g in there.items()}, set(values))
    return {**captured, **second(lineage, values, there, received, directions)}, missing


def second(lineage, values, gradients, received, directions):
    """``tangent/...`` of the nodes and ``grad2/...`` of all that gradients are asked of."""
    leaves = [name for name in lineage.leaves if name in gradients]
    if not leaves:
        return {}
    total = sum(F.sum(gradients[name] * directions[name]) for name in leaves)
    wanted = {"tangent/" + name: gradient for name, gradient in received.items()}
    wanted.update(("grad2/" + name, values[name]) for name in gradients)
    wanted = {name: variable for name, variable in wanted.items() if variable.requires_grad}
    if total.creator_node is None or not wanted:
        return {}
    try:
        found = chainer.grad([total], list(wanted.values()))
    except (AttributeError, TypeError) as error:
        # A backward that its author never differentiated fails where it stands.
        raise NotImplementedError("chainer.grad of a gradient: %s" % error) from error
    except RuntimeError as error:
        # Of a chainer.Function, which came before chainer.FunctionNode, the backward is in arrays.
        if "cannot twice-differentiate an old style Function" not in str(error):
            raise
        raise NotImplementedError("chainer.grad of a gradient: %s" % error) from error
    return {name: each.array for name, each in zip(wanted, found) if each is not None}
