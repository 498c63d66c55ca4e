"""Why a gradient is missing: looked up in the problem's graph and in Chainer's."""


def explain(problem, values, wanted, gradients, kept):
    """The reason for each wanted name without a gradient that can be taken for one.

    values: variables by name. gradients: arrays or None by name. kept: the names that the route can give.
    """
    asking, needed, reached = _asking(problem), _needed(problem), _reached(values[problem["output"]])
    found = {}
    for name in wanted:
        variable, gradient = values[name], gradients.get(name)
        if gradient is not None and variable.node in reached:
            continue
        if gradient is not None:
            # Backward never came here: what is stored is what the variable was made with.
            found[name] = "uninitialised"
        elif name not in needed:
            found[name] = "not_on_path"
        elif name not in asking:
            found[name] = "not_requested"
        elif variable.node not in reached or not variable.requires_grad:
            found[name] = "graph_cut"
        elif name not in kept:
            found[name] = "not_retained"
        else:
            # Chainer's graph leads here and keeps gradients: a function on the way gave none.
            found[name] = "not_differentiable"
    return found


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
