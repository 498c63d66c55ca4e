"""The ways to get gradients out of Chainer, and why one may be missing."""

import chainer


def backward_retain_grad(network, problem, tensors):
    """``output.backward(retain_grad=True)``: every variable keeps its gradient."""
    return _backward(network, problem, tensors, retain_grad=True)


def backward(network, problem, tensors):
    """``output.backward()``: only inputs and parameters keep theirs."""
    return _backward(network, problem, tensors, retain_grad=False)


def chainer_grad(network, problem, tensors):
    """``chainer.grad``: asked for by variable, nothing is stored in the graph."""
    values, output, cotangent = _forward(network, problem, tensors)
    wanted = {name: values[name] for name in _wanted(problem) if values[name].requires_grad}
    # chainer.grad cannot be asked for nothing: from 7.0 on that ends in an AttributeError.
    found = chainer.grad([output], list(wanted.values()), [chainer.Variable(cotangent)]) if wanted else []
    gradients = {name: None if g is None else g.array for name, g in zip(wanted, found)}
    return _read(problem, values, gradients, retained=True)


PRIMARY = "backward_retain_grad"
ROUTES = {"backward_retain_grad": backward_retain_grad, "backward": backward, "chainer_grad": chainer_grad}


def _forward(network, problem, tensors):
    """Run forward; return the variables by name, the output among them, and the gradient to hand to it."""
    inputs = {
        entry["name"]: chainer.Variable(tensors[entry["name"]], requires_grad=entry["grad"])
        for entry in problem["inputs"]
    }
    values = network(inputs)
    # A copy, for average_pooling_nd with pad_value=None divides the gradient it is given in place.
    return values, values[problem["output"]], tensors["cotangent/" + problem["output"]].copy()


def _backward(network, problem, tensors, *, retain_grad):
    values, output, cotangent = _forward(network, problem, tensors)
    # backward adds to what is there. Inputs and intermediates are new; parameters may have been here before.
    network.cleargrads()
    output.grad = cotangent
    output.backward(retain_grad=retain_grad)
    gradients = {name: values[name].grad for name in _wanted(problem)}
    return _read(problem, values, gradients, retained=retain_grad)


def _wanted(problem):
    """The names of the tensors whose gradient a capture must hold or explain."""
    names = [node["name"] for node in problem["nodes"] if node["name"] != problem["output"]]
    return names + [entry["name"] for entry in problem["inputs"] + problem["parameters"] if entry["grad"]]


def _read(problem, values, gradients, *, retained):
    """Collect outputs, gradients, and for each missing gradient its reason.

    No copies: forward and backward are over and the graph dies with this call, so nothing writes any more.
    What backward itself overwrote on its way is captured as it left it, for that is what a user reads.
    """
    captured, missing = {}, {}
    for node in problem["nodes"]:
        for name in (entry["name"] for entry in node["outputs"]):
            value = values[name]
            captured["output/" + name] = value.array if isinstance(value, chainer.Variable) else value
    asking, needed, reached = _asking(problem), _needed(problem), _reached(values[problem["output"]])
    for name in _wanted(problem):
        variable, gradient = values[name], gradients.get(name)
        if gradient is not None and variable.node in reached:
            captured["grad/" + name] = gradient
        elif gradient is not None:
            # Backward never came here: what is stored is what the variable was made with.
            missing["grad/" + name] = "uninitialised"
        elif name not in needed:
            missing["grad/" + name] = "not_on_path"
        elif name not in asking:
            missing["grad/" + name] = "not_requested"
        elif variable.node not in reached or not variable.requires_grad:
            missing["grad/" + name] = "graph_cut"
        elif not retained and variable.creator_node is not None:
            missing["grad/" + name] = "not_retained"
        else:
            # Chainer's graph leads here and keeps gradients: a function on the way gave none.
            missing["grad/" + name] = "not_differentiable"
    return captured, missing


def _asking(problem):
    """The tensors that a gradient is asked for, or that are computed from such: by the problem's edges."""
    names = {entry["name"] for entry in problem["inputs"] + problem["parameters"] if entry["grad"]}
    for node in problem["nodes"]:
        if not names.isdisjoint(_read_by(node)):
            names.add(node["name"])
    return names


def _needed(problem):
    """The tensors on a path to the output: by the problem's edges."""
    names = {problem["output"]}
    for node in reversed(problem["nodes"]):
        if node["name"] in names:
            names.update(_read_by(node))
    return names


def _read_by(node):
    """The names of the tensors a node reads."""
    for _, name in node["tensors"]:
        if name is not None:
            yield from name if isinstance(name, list) else [name]


def _reached(output):
    """The variable nodes on a path to the output: by Chainer's own graph."""
    reached, waiting = set(), [output.node]
    while waiting:
        node = waiting.pop()
        if node not in reached:
            reached.add(node)
            waiting += node.creator_node.inputs if node.creator_node is not None else ()
    return reached
