"""Why a tensor has no gradient: looked up in the problem's graph and in autograd's; and the line that gives one."""

from torch.autograd.graph import get_gradient_edge

# Reason and kind of tensor -> the line that would give the gradient. `graph_cut` is by what cut the way: a leaf that
# requires no gradient, or a node in between, whose call is {at}.
REMEDIES = {
    ("not_requested", "leaf"): "{name}.requires_grad_()  # before forward",
    ("not_requested", "between"): "{name}.requires_grad_()  # as soon as it is computed",
    ("not_on_path", "leaf"): "torch.autograd.grad({output}.sum(), {name}, materialize_grads=True)  # zeros",
    ("not_on_path", "between"): "torch.autograd.grad({output}.sum(), {name}, materialize_grads=True)  # zeros",
    ("graph_cut", "leaf"): "{leaf}.requires_grad_()  # before forward",
    ("graph_cut", "between"): "with torch.enable_grad(): {at}  # of tensors, not of .detach(), .data or NumPy",
    ("not_retained", "leaf"): "{output}.sum().backward()  # and read {name}.grad: leaves keep theirs",
    ("not_retained", "between"): "{name}.retain_grad()  # before backward()",
    ("not_differentiable", "leaf"): "return dy * derivative  # from the autograd.Function whose backward gave None",
    ("not_differentiable", "between"): "return dy * derivative  # from the autograd.Function whose backward gave None",
}
# Route and kind of tensor -> the line by which the route gets the gradient.
LINES = {
    ("retain_grad", "leaf"): "{output}.backward(dy); {name}.grad",
    ("retain_grad", "between"): "{name}.retain_grad(); {output}.backward(dy); {name}.grad",
    ("leaf_grad", "leaf"): "{output}.backward(dy); {name}.grad",
    ("tensor_hooks", "leaf"): "{name}.register_hook(keep); {output}.backward(dy)",
    ("tensor_hooks", "between"): "{name}.register_hook(keep); {output}.backward(dy)",
    ("module_hooks", "leaf"): "{output}.backward(dy); {name}.grad",
    ("module_hooks", "between"): "model.{name}.register_full_backward_hook(keep); {output}.backward(dy)",
    ("autograd_grad", "leaf"): "torch.autograd.grad({output}, [{name}], dy)",
    ("autograd_grad", "between"): "torch.autograd.grad({output}, [{name}], dy)",
    ("func_vjp", "leaf"): "_, pull_back = torch.func.vjp(function, {name}); pull_back(dy)",
    ("compile", "leaf"): "torch.compile(model)(x).backward(dy); {name}.grad",
}


def reasons(lineage, values, without, kept):
    """Why each tensor named in ``without`` has no gradient, by the name of the gradient.

    values: the tensors of the forward.
    kept: the names of the tensors whose gradient the route keeps at all.
    """
    found, kept = without_path(lineage, values, without), set(kept)
    for name in without:
        # If autograd's graph leads here and keeps gradients, a function on the way gave none.
        found.setdefault(name, "not_differentiable" if name in kept else "not_retained")
    return {"grad/" + name: reason for name, reason in found.items()}


def without_path(lineage, values, names):
    """The reason of each of these tensors that can have no gradient, by the problem's graph or by autograd's."""

    def leads(node, read):
        return autograd_leads(values[node], values[read], [values[name] for name in lineage.reads[node]])

    return lineage.explain(names, lambda name: values[name].requires_grad, leads)


def autograd_leads(output, tensor, reads):
    """Whether autograd's graph leads from a node's output to a tensor, without passing another one it read."""
    # The first two of an edge: what else a version of torch puts into it keeps it alive and tells none apart.
    wanted = get_gradient_edge(tensor)[:2]
    others = {get_gradient_edge(read)[:2] for read in reads if read.requires_grad}
    found, waiting = set(), [(output.grad_fn, output.output_nr)]
    while waiting:
        edge = waiting.pop()
        if edge == wanted:
            return True
        if edge[0] is not None and edge not in others and edge not in found:
            found.add(edge)
            waiting.extend(edge[0].next_functions)
    return False
