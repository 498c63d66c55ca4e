"""Second order: ``nn.grad``, whose graph can be differentiated again, and ``nn.grad`` of what that gives."""

import nnabla as nn
from nnabla import functions as F

from .graph import Capture
from .routes import forward, recursion


def identity(x):
    """The same numbers as a variable of its own; its gradient is another variable than the one that arrives."""
    return F.mul_scalar(x, 1.0, inplace=False)


def double_backward(network, problem, tensors, directions):
    """All gradients with a graph; their sum along ``directions`` differentiated in them and in the tensors.

    directions: arrays by the leaves that a gradient is asked of. Returns what a capture of second order holds.
    """
    capture = Capture(network, problem)
    lineage, variables = capture.lineage, network.variables
    if lineage.empty:
        raise NotImplementedError("nn.grad and an empty tensor kill NNabla's process")
    why_not = {name: capture.why_not(name, variables[name]) for name in lineage.wanted}
    names = [name for name in lineage.wanted if why_not[name] is None]
    seed = nn.Variable.from_numpy_array(tensors["cotangent/" + problem["output"]], need_grad=True)
    # Behind the identity of each node: nn.grad's sum for a tensor with several readers is not on the way further up.
    behind = [name for name in lineage.between if why_not[name] is None]
    behind += [lineage.output] if variables[lineage.output].need_grad else []
    with recursion(problem):
        asked = [variables[name] for name in names] + [variables[name].parent.inputs[0] for name in behind]
        found = gradients_of(network.output, asked, seed)
        gradients, received = dict(zip(names, found)), dict(zip(behind, found[len(names) :]))
        second = differentiated(lineage, variables, gradients, received, directions)
    every = [v for v in list(gradients.values()) + list(second.values()) if v is not None]
    for variable in list(variables.values()) + every:
        variable.persistent = True
    forward(network, every)
    capture.read_outputs(variables)
    capture.values.update(("grad/" + name, g.d.copy()) for name, g in gradients.items() if g is not None)
    capture.values.update((name, each.d.copy()) for name, each in second.items() if each is not None)
    capture.missing.update(("grad/" + name, reason) for name, reason in why_not.items() if reason)
    return capture.values, capture.missing


def gradients_of(output, asked, seed=None):
    """``nn.grad``; None in the place of what it does not reach, for which it makes zeros that lie on no way."""
    if not asked:
        return []
    try:
        found = nn.grad([output], asked, grad_outputs=[seed])
    # Its Python definitions of backward fail in many ways: gather has none, that of maximum2 does not undo a broadcast.
    except Exception as error:
        raise NotImplementedError("nn.grad: %s" % (str(error).splitlines() or ["no reason given"])[0]) from error
    for variable, gradient in zip(asked, found):
        # As of a broadcast that put axes before the first one.
        if tuple(gradient.shape) != tuple(variable.shape):
            shapes = tuple(gradient.shape), tuple(variable.shape)
            raise NotImplementedError("nn.grad: it gives a gradient of shape %s to a variable of shape %s" % shapes)
    return [None if g.parent is not None and g.parent.info.type_name == "Constant" else g for g in found]


def differentiated(lineage, variables, gradients, received, directions):
    """``tangent/...`` of the nodes and ``grad2/...`` of all that gradients are asked of."""
    leaves = [name for name in lineage.leaves if gradients.get(name) is not None]
    if not leaves:
        return {}
    parts = [F.sum(gradients[name] * nn.Variable.from_numpy_array(directions[name])) for name in leaves]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    wanted = {"tangent/" + name: gradient for name, gradient in received.items() if gradient is not None}
    wanted.update(("grad2/" + name, variables[name]) for name, g in gradients.items() if g is not None)
    return dict(zip(wanted, gradients_of(total, list(wanted.values()))))
