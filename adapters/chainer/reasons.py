"""Why a gradient is missing: looked up in the problem's graph and in Chainer's; and the line that gives one."""

import chainer

# Reason and kind of tensor -> the line that would give the gradient. `graph_cut` is by what cut the way: a leaf that
# requires no gradient, or a node in between, whose call is {at}. What was never written is the same question.
_ZEROS = "{name}.grad = np.zeros_like({name}.array)  # {output} does not depend on it"
_UNCUT = "with chainer.force_backprop_mode(): {at}  # of variables, not of .array, with no unchain()"
_BACKWARD = "return dy * derivative,  # from the FunctionNode whose backward gave None"
REMEDIES = {
    ("not_requested", "leaf"): "{name} = chainer.Variable({name}.array, requires_grad=True)  # before forward",
    ("not_requested", "between"): "{name} = chainer.Variable({name}.array)  # before what reads it",
    ("not_on_path", "leaf"): _ZEROS,
    ("not_on_path", "between"): _ZEROS,
    ("graph_cut", "leaf"): "{leaf} = chainer.Variable({leaf}.array, requires_grad=True)  # before forward",
    ("graph_cut", "between"): _UNCUT,
    ("not_retained", "leaf"): "{output}.backward()  # and read {name}.grad: leaves keep theirs",
    ("not_retained", "between"): "{output}.backward(retain_grad=True)",
    ("not_differentiable", "leaf"): _BACKWARD,
    ("not_differentiable", "between"): _BACKWARD,
    ("uninitialised", "leaf"): _ZEROS,
    ("uninitialised", "between"): _UNCUT,
}
# Route and kind of tensor -> the line by which the route gets the gradient.
LINES = {
    ("backward_retain_grad", "leaf"): "{output}.grad = dy; {output}.backward(retain_grad=True); {name}.grad",
    ("backward_retain_grad", "between"): "{output}.grad = dy; {output}.backward(retain_grad=True); {name}.grad",
    ("backward", "leaf"): "{output}.grad = dy; {output}.backward(); {name}.grad",
    ("chainer_grad", "leaf"): "chainer.grad([{output}], [{name}], [dy])",
    ("chainer_grad", "between"): "chainer.grad([{output}], [{name}], [dy])",
    ("chainer_grad_set_grad", "leaf"): "chainer.grad([{output}], [{name}], [dy], set_grad=True); {name}.grad",
    ("chainer_grad_set_grad", "between"): "chainer.grad([{output}], [{name}], [dy], set_grad=True); {name}.grad",
    ("chainer_grad_retain_grad", "between"): "chainer.grad([{output}], leaves, [dy], retain_grad=True); {name}.grad",
    ("function_hook", "leaf"): "{output}.grad = dy; {output}.backward(); {name}.grad",
    ("function_hook", "between"): "with ArrivingGradients() as hook: {output}.backward(); hook.arrived[{name}.node]",
    ("link_hook", "leaf"): "{output}.grad = dy; {output}.backward(retain_grad=True); {name}.grad",
    ("link_hook", "between"): "with LinkOutputs() as hook: model(x); ...; hook.returned['{name}'][0].grad",
}


def explain(lineage, values, gradients, kept):
    """Why each wanted gradient is missing, by name.

    values: variables by name.
    gradients: arrays or None by name; one that backward never came to counts as missing.
    kept: the names that the route can give.
    """
    found = without_path(lineage, values, lineage.wanted)
    for name in lineage.wanted:
        if gradients.get(name) is not None:
            if name in found:
                # Backward never came here: what is stored is what the variable was made with.
                found[name] = ("uninitialised",) + (found[name][1:] if isinstance(found[name], tuple) else ())
        elif name not in found:
            # Chainer's graph leads here. If it keeps gradients too, a function on the way gave none.
            found[name] = "not_differentiable" if name in kept else "not_retained"
    return found


def without_path(lineage, values, names):
    """The reason of each of these variables that can have no gradient, by the problem's graph or by Chainer's."""

    def leads(node, read):
        # Buffers may be plain arrays, which are no part of the graph.
        others = {values[name].node for name in lineage.reads[node] if isinstance(values[name], chainer.Variable)}
        return _leads(values[node].node, values[read].node, others)

    return lineage.explain(names, lambda name: values[name].requires_grad, leads)


def _leads(output, variable, others):
    """Whether Chainer's graph leads from a node's output to a variable it read, without passing another of them."""
    seen, waiting = set(), [output]
    while waiting:
        node = waiting.pop()
        if node is variable:
            return True
        if node not in others and node not in seen:
            seen.add(node)
            waiting += node.creator_node.inputs if node.creator_node is not None else ()
    return False
