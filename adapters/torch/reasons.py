"""Why a tensor has no gradient: looked up in the problem's graph and in autograd's."""

import torch


def reasons(problem, values, without, kept):
    """The reason why each tensor named in ``without`` has no gradient.

    values: the tensors of the forward. kept: the names of the tensors whose gradient the route keeps at all.
    """
    found = without_path(problem, values, without)
    for name in without:
        if name in found:
            continue
        if name in kept:
            raise RuntimeError(
                f"'{name}' has no gradient though autograd's graph leads from the output to it"
            )
        found[name] = "not_retained"
    return {"grad/" + name: reason for name, reason in found.items()}


def without_path(problem, values, names):
    """Those of the named tensors that can have no gradient, each with the reason."""
    if not names:
        return {}
    asked, on_path = asked_for(problem), leading_to_output(problem)
    reached = autograd_nodes(values[problem["output"]])
    found = {}
    for name in names:
        tensor = values[name]
        if not tensor.is_floating_point():
            found[name] = "not_differentiable"
        elif name not in asked:
            found[name] = "not_requested"
        elif name not in on_path:
            found[name] = "not_on_path"
        elif not tensor.requires_grad or torch.autograd.graph.get_gradient_edge(tensor).node not in reached:
            found[name] = "graph_cut"
    return found


def read_by(node):
    """The names of the tensors a node reads."""
    for _, name in node["tensors"]:
        if name is not None:
            yield from name if isinstance(name, list) else [name]


def asked_for(problem):
    """The names whose gradient the problem asks for: leaves that say so and all that depends on them."""
    names = {entry["name"] for entry in problem["inputs"] + problem["parameters"] if entry["grad"]}
    for node in problem["nodes"]:
        if names.intersection(read_by(node)):
            names.add(node["name"])
    return names


def leading_to_output(problem):
    """The names from which a path leads to the output, in the problem's graph."""
    names = {problem["output"]}
    for node in reversed(problem["nodes"]):
        if node["name"] in names:
            names.update(read_by(node))
    return names


def autograd_nodes(output):
    """Every node of autograd's graph that a backward from the output passes through."""
    found, waiting = set(), [output.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in found:
            found.add(node)
            waiting.extend(following for following, _ in node.next_functions)
    return found
