"""The ways to get gradients out of PyTorch."""

import torch

from . import network as native


def retain_grad(network, problem, tensors):
    """Forward, retain_grad() on every node output, backward(), read .grad."""
    values = network(native.inputs(problem, tensors))
    nodes = [node["name"] for node in problem["nodes"]]
    for name in nodes:
        if values[name].requires_grad:
            values[name].retain_grad()
    output = values[problem["output"]]
    if output.requires_grad:
        output.backward(torch.from_numpy(tensors["cotangent/" + problem["output"]]))

    extra = [entry["name"] for node in problem["nodes"] for entry in node["outputs"]]
    captured = {"output/" + name: values[name].detach().numpy() for name in extra}
    wanted = [name for name in nodes if name != problem["output"]]
    wanted += [entry["name"] for entry in problem["inputs"] + problem["parameters"] if entry["grad"]]
    captured.update(
        ("grad/" + name, values[name].grad.numpy()) for name in wanted if values[name].grad is not None
    )
    without = [name for name in wanted if values[name].grad is None]
    return captured, reasons(problem, values, without)


def reasons(problem, values, names):
    """Why each named tensor has no gradient: looked up in the problem's graph and in autograd's."""
    if not names:
        return {}
    asked, on_path = asked_for(problem), leading_to_output(problem)
    reached = autograd_nodes(values[problem["output"]])
    found = {}
    for name in names:
        tensor = values[name]
        if not tensor.is_floating_point():
            found["grad/" + name] = "not_differentiable"
        elif name not in asked:
            found["grad/" + name] = "not_requested"
        elif name not in on_path:
            found["grad/" + name] = "not_on_path"
        elif not tensor.requires_grad or torch.autograd.graph.get_gradient_edge(tensor).node not in reached:
            found["grad/" + name] = "graph_cut"
        else:
            raise RuntimeError(
                f"'{name}' has no gradient though autograd's graph leads from the output to it"
            )
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


PRIMARY = "retain_grad"
ROUTES = {"retain_grad": retain_grad}
