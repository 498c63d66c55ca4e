"""Why a gradient is missing: looked up in the problem's graph and in NNabla's; and the line that gives one."""

# Reason and kind of tensor -> the line that would give the gradient. `graph_cut` is by what cut the way: a leaf that
# needs no gradient, or a node in between, whose call is {at}.
REMEDIES = {
    ("not_requested", "leaf"): "{name}.need_grad = True  # before what reads it",
    ("not_requested", "between"): "{name}.need_grad = True  # before what reads it",
    ("not_on_path", "leaf"): "{name}.grad.zero()  # before {output}.backward(), which adds nothing to it",
    ("not_on_path", "between"): "{name}.grad.zero()  # before {output}.backward(), which adds nothing to it",
    ("graph_cut", "leaf"): "{leaf}.need_grad = True  # before what reads it",
    ("graph_cut", "between"): "{at}  # of variables, not of .d or get_unlinked_variable(); need_grad stays True",
    ("not_retained", "between"): "{name}.persistent = True  # before forward() and backward()",
    ("buffer_reused", "between"): "{name}.persistent = True  # before forward() and backward()",
}
# Route and kind of tensor -> the line by which the route gets the gradient.
LINES = {
    ("visit_backward", "leaf"): "{name}.grad.zero(); {output}.forward(); {output}.backward(dy); {name}.g",
    ("visit_backward", "between"): "{name}.persistent = True; {output}.forward(); {output}.backward(dy); {name}.g",
    ("visit_own_names", "leaf"): "{name}.grad.zero(); {output}.forward(); {output}.backward(dy); {name}.g",
    ("visit_own_names", "between"): "{output}.visit(name); {output}.backward(dy); function.outputs[0].g",
    ("parent_inputs", "leaf"): "{name}.grad.zero(); {output}.forward(); {output}.backward(dy); {name}.g",
    ("parent_inputs", "between"): "{output}.backward(dy); {output}.parent.inputs[0].g  # and so on upwards",
    ("backward_g", "leaf"): "{name}.grad.zero(); {output}.forward(); {output}.backward(dy); {name}.g",
    ("clear_buffer", "leaf"): "{name}.grad.zero(); {output}.backward(dy, clear_buffer=True); {name}.g",
    ("auto_forward", "leaf"): "with nn.auto_forward(): build(); {output}.backward(dy); {name}.g",
    ("auto_forward", "between"): "with nn.auto_forward(): build(); {output}.backward(dy); {name}.g",
    ("nn_grad", "leaf"): "nn.grad([{output}], [{name}], grad_outputs=[dy])[0].d",
    ("nn_grad", "between"): "nn.grad([{output}], [{name}], grad_outputs=[dy])[0].d",
}


def explain(lineage, variables, names):
    """The reason of each of these names that can have no gradient, by the problem's graph or by NNabla's."""

    def leads(node, read):
        return _leads(variables[node], variables[read], [variables[name] for name in lineage.reads[node]])

    return lineage.explain(names, lambda name: variables[name].need_grad, leads)


def _leads(output, variable, reads):
    """Whether backward gets from a node's output to a variable it read, without passing another of them."""
    # Not by the variable alone: an unlinked one is equal to the one it was taken from, and has no parent.
    wanted, others = (variable, variable.parent), {(read, read.parent) for read in reads}
    seen, waiting = set(), [(output, output.parent)]
    while waiting:
        place = waiting.pop()
        if place == wanted:
            return True
        if place[1] is not None and place not in others and place[1] not in seen:
            seen.add(place[1])
            waiting.extend((each, each.parent) for each in place[1].inputs if each.need_grad)
    return False
