"""The ways to get gradients out of Chainer. Why one may be missing is found out in reasons.py."""

import chainer

from . import hooks, reasons


def backward_retain_grad(network, problem, tensors):
    """``output.backward(retain_grad=True)``: every variable keeps its gradient."""
    values, output, cotangent = forward(network, problem, tensors)
    output.grad = cotangent
    output.backward(retain_grad=True)
    return read(network, values, _stored(network, values), kept=set(values))


def backward(network, problem, tensors):
    """``output.backward()``: only leaves, that is inputs and parameters, keep theirs."""
    values, output, cotangent = forward(network, problem, tensors)
    output.grad = cotangent
    output.backward()
    return read(network, values, _stored(network, values), kept=_leaves(values))


def chainer_grad(network, problem, tensors):
    """``chainer.grad``: returned for each variable asked for, and stored nowhere."""
    values, output, cotangent = forward(network, problem, tensors)
    asked = _differentiable(network, values)
    # chainer.grad cannot be asked for nothing: from 7.0 on that ends in an AttributeError.
    found = chainer.grad([output], list(asked.values()), [chainer.Variable(cotangent)]) if asked else []
    gradients = {name: None if g is None else g.array for name, g in zip(asked, found)}
    return read(network, values, gradients, kept=set(values))


def chainer_grad_set_grad(network, problem, tensors):
    """``chainer.grad(set_grad=True)``: stored as well, in each variable asked for."""
    values, output, cotangent = forward(network, problem, tensors)
    asked = _differentiable(network, values)
    if asked:
        chainer.grad([output], list(asked.values()), [chainer.Variable(cotangent)], set_grad=True)
    return read(network, values, _stored(network, values), kept=set(values))


def chainer_grad_retain_grad(network, problem, tensors):
    """``chainer.grad(retain_grad=True)``, asked for leaves: stored in all between them and the output.

    In the leaves nothing is stored, for only a variable that some function made is thought of as intermediate.
    """
    values, output, cotangent = forward(network, problem, tensors)
    leaves = _leaves(values)
    asked = [v for name, v in _differentiable(network, values).items() if name in leaves]
    if asked:
        chainer.grad([output], asked, [chainer.Variable(cotangent)], retain_grad=True)
    return read(network, values, _stored(network, values), kept=set(values) - leaves)


def function_hook(network, problem, tensors):
    """A ``chainer.FunctionHook`` that sees each gradient arrive; leaves have no function, and keep theirs."""
    values, output, cotangent = forward(network, problem, tensors)
    # A hook is handed what a function reads and never what it returns, so outputs come from the variables. They
    # are copied before backward: one that backward writes into differs from the primary route's.
    copies = {name: values[name].array.copy() for name in _lineage(network).outputs}
    output.grad = cotangent
    with hooks.ArrivingGradients() as hook:
        output.backward()
    gradients = {name: hook.arrived.get(values[name].node, stored) for name, stored in _stored(network, values).items()}
    return read(network, values, gradients, kept=set(values), outputs=copies)


def link_hook(network, problem, tensors):
    """A ``chainer.LinkHook`` that sees what links return: the nodes that own parameters or buffers."""
    with hooks.LinkOutputs() as hook:
        values, output, cotangent = forward(network, problem, tensors)
    output.grad = cotangent
    output.backward(retain_grad=True)
    seen = {}
    for node in problem["nodes"]:
        names = [entry["name"] for entry in node["outputs"]]
        seen.update(zip(names, map(chainer.as_variable, hook.returned.get(node["name"], ()))))
    kept = set(seen) | _leaves(values)
    stored = _stored(network, dict(values, **seen))
    gradients = {name: stored[name] for name in stored if name in kept}
    return read(network, values, gradients, kept, outputs={name: v.array for name, v in seen.items()})


def chainerx(network, problem, tensors):
    """ChainerX, C++ arrays with an autograd of their own; Chainer is built without it unless told otherwise."""
    if not chainer.chainerx.is_available():
        raise NotImplementedError("this Chainer was built without ChainerX: chainerx.is_available() is False")
    raise NotImplementedError("this Chainer was built with ChainerX, for which the adapter has no route")


PRIMARY = "backward_retain_grad"
ROUTES = {
    route.__name__: route
    for route in (
        backward_retain_grad,
        backward,
        chainer_grad,
        chainer_grad_set_grad,
        chainer_grad_retain_grad,
        function_hook,
        link_hook,
        chainerx,
    )
}


def forward(network, problem, tensors):
    """Run forward; return the variables by name, the output among them, and the gradient to hand to it."""
    # backward adds to what is there. Inputs and intermediates are new; parameters may have been here before.
    network.cleargrads()
    inputs = {
        entry["name"]: chainer.Variable(tensors[entry["name"]], requires_grad=entry["grad"])
        for entry in problem["inputs"]
    }
    # What is an array already, such as running statistics, becomes a variable that no gradient leads to.
    values = {name: chainer.as_variable(value) for name, value in network(inputs).items()}
    # A copy, for average_pooling_nd with pad_value=None divides the gradient it is given in place.
    return values, values[problem["output"]], tensors["cotangent/" + problem["output"]].copy()


def _lineage(network):
    """The ways from tensors to the output in the problem's graph."""
    return network.gradconform[1].lineage


def _differentiable(network, values):
    """The wanted variables that can be asked for a gradient."""
    return {name: values[name] for name in _lineage(network).wanted if values[name].requires_grad}


def _leaves(values):
    """The names of the variables that no function made."""
    return {name for name, value in values.items() if value.creator_node is None}


def _stored(network, values):
    """What each wanted variable has in ``.grad``."""
    return {name: values[name].grad for name in _lineage(network).wanted}


def read(network, values, gradients, kept, outputs=None):
    """Collect outputs, gradients, and for each one missing its reason.

    gradients: arrays or None by name. kept: the names that the route by its nature can give. outputs: arrays by
    name, where a route does not read them from the variables.

    No copies: forward and backward are over and the graph dies with this call, so nothing writes any more.
    What backward itself overwrote on its way is captured as it left it, for that is what a user reads.
    """
    lineage = _lineage(network)
    if outputs is None:
        outputs = {name: values[name].array for name in lineage.outputs}
    missing = {"output/" + name: "not_retained" for name in lineage.outputs if name not in outputs}
    explained = reasons.explain(lineage, values, gradients, kept)
    missing.update(("grad/" + name, reason) for name, reason in explained.items())
    captured = {"output/" + name: array for name, array in outputs.items()}
    captured.update(("grad/" + n, gradients[n]) for n in lineage.wanted if n not in explained)
    return captured, missing
