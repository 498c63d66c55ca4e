"""Ways to get outputs and gradients out of an NNabla graph."""

import contextlib
import sys
from collections import Counter

import nnabla as nn

from .graph import Capture, aside, variables_above


def visit_backward(network, problem, tensors):
    """Run forward and backward once, keep every buffer, read ``.d`` and ``.g`` of the spec's variables."""
    for variable in network.variables.values():
        variable.persistent = True
    forward(network)
    backward(network, problem, tensors)
    return everything(network, problem, network.variables)


def visit_own_names(network, problem, tensors):
    """Read functions by NNabla's own names, and find the spec's nodes among them."""
    names = own_names([network.output] + aside(network))
    own = {(name, i): variable for function, name in names.items() for i, variable in enumerate(function.outputs)}
    for variable in own.values():
        variable.persistent = True
    forward(network)
    backward(network, problem, tensors)
    # A node may be several functions; the last of them made its outputs.
    made = {name: v for name, v in network.variables.items() if v.parent in names}
    found = {name: own[names[v.parent], v.parent.outputs.index(v)] for name, v in made.items()}
    parameters = nn.get_parameters(grad_only=False)
    for entry in problem["parameters"] + problem["buffers"]:
        found[entry["name"]] = parameters[entry["name"].replace(".", "/")]
    # An input is the user's own variable; NNabla has no name for it.
    found.update((entry["name"], network.variables[entry["name"]]) for entry in problem["inputs"])
    return everything(network, problem, found)


def own_names(outputs):
    """Functions with their names, ``AddScalar_1``: counted for each kind in the order that ``visit`` takes."""
    names, counts = {}, Counter()

    def name(function):
        if function not in names:
            counts[function.name] += 1
            names[function] = "%s_%d" % (function.name, counts[function.name])

    for output in outputs:
        output.visit(name)
    return names


def parent_inputs(network, problem, tensors):
    """Walk from the outputs up through ``y.parent.inputs``, where ``visit`` would come down."""
    above = variables_above([network.output] + aside(network))
    for variable in above:
        variable.persistent = True
    forward(network)
    backward(network, problem, tensors)
    # Batch normalisation writes its running statistics beside the graph, through variables of its own.
    found = {name: v for name, v in network.variables.items() if v.parent is None or v in above}
    return everything(network, problem, found)


def backward_g(network, problem, tensors):
    """Call ``forward`` and ``backward`` with their defaults; read ``.g`` of parameters and inputs alone."""
    forward(network)
    backward(network, problem, tensors)
    return everything(network, problem, network.variables, kept=network.leaves)


def clear_buffer(network, problem, tensors):
    """Train as the manual advises, in little memory: intermediates lose their buffers on the way."""
    forward(network, clear_no_need_grad=True)
    backward(network, problem, tensors, clear_buffer=True)
    return everything(network, problem, network.variables)


def auto_forward(network, problem, tensors):
    """Build the graph again with each function run as soon as it is called; only ``backward`` is left."""
    with nn.auto_forward():
        network.link()
    backward(network, problem, tensors)
    return everything(network, problem, network.variables)


def nn_grad(network, problem, tensors):
    """Ask ``nn.grad``, whose graph is of Python definitions and not of the C++ ones ``backward`` runs."""
    capture = Capture(network, problem)
    why_not = {name: capture.why_not(name, network.variables[name]) for name in capture.lineage.wanted}
    found = [name for name in why_not if why_not[name] is None]
    seed = nn.Variable.from_numpy_array(tensors["cotangent/" + problem["output"]])
    asked = [network.variables[name] for name in found]
    with recursion(problem):
        gradients = nn.grad([network.output], asked, grad_outputs=[seed]) if found else []
    for variable in list(network.variables.values()) + gradients:
        variable.persistent = True
    forward(network, gradients)
    capture.read_outputs(network.variables)
    capture.values.update(("grad/" + name, each.d.copy()) for name, each in zip(found, gradients))
    capture.missing.update(("grad/" + name, reason) for name, reason in why_not.items() if reason)
    return capture.values, capture.missing


@contextlib.contextmanager
def recursion(problem):
    """Room on Python's stack for ``nn.grad``, which calls itself from function to function.

    A node is a few functions, and a call of the walk one level. Above 10,000 levels the stack of a thread ends first.
    """
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, min(10000, before + 4 * len(problem["nodes"]))))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


PRIMARY = "visit_backward"
ROUTES = {
    "visit_backward": visit_backward,
    "visit_own_names": visit_own_names,
    "parent_inputs": parent_inputs,
    "backward_g": backward_g,
    "clear_buffer": clear_buffer,
    "auto_forward": auto_forward,
    "nn_grad": nn_grad,
}


def forward(network, also=(), clear_no_need_grad=False):
    """Run every function once: one that writes in place, such as batch normalisation, must not run again."""
    entered, others = [], aside(network)
    options = {"clear_no_need_grad": clear_no_need_grad, "function_pre_hook": entered.append}
    try:
        if others or also:
            # What lies aside comes first: the output may read it through an unlinked variable.
            nn.forward_all(others + [network.output] + list(also), **options)
        else:
            network.output.forward(**options)
    except Exception:
        # The graph runs as a whole, so nobody but its functions knows where.
        if entered and not also:
            network.name_failing(entered)
        raise


def backward(network, problem, tensors, clear_buffer=False):
    """Run backward once from the cotangent."""
    for variable in network.variables.values():
        if variable.need_grad:
            # Backward adds to what a leaf's gradient holds.
            variable.grad.zero()
    network.output.backward(tensors["cotangent/" + problem["output"]], clear_buffer=clear_buffer)


def everything(network, problem, variables, kept=None):
    """All that can be read of variables by the spec's names, and the reason for the rest."""
    capture = Capture(network, problem)
    capture.read_outputs(variables)
    capture.read_gradients(variables, kept)
    return capture.values, capture.missing
