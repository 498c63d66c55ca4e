"""Ways to get outputs and gradients out of an NNabla graph."""

import nnabla as nn


def visit_backward(network, problem, tensors):
    """Run forward and backward once, keep every buffer, read ``.d`` and ``.g`` of what ``visit`` finds."""
    graph = Graph(network.output)
    for variable in network.variables.values():
        variable.persistent = True
        if variable.need_grad:
            # Backward adds to what a leaf's gradient holds.
            variable.grad.zero()
    forward(network, graph)
    network.output.backward(tensors["cotangent/" + problem["output"]], clear_buffer=False)
    wanted = wanted_gradients(network, problem)
    missing = graph.missing(wanted)
    values = outputs(network, problem)
    values.update((name, take_gradient(each)) for name, each in wanted.items() if name not in missing)
    return values, missing


def nn_grad(network, problem, tensors):
    """Ask ``nn.grad``, whose graph is of Python definitions and not of the C++ ones ``backward`` runs."""
    graph = Graph(network.output)
    wanted = wanted_gradients(network, problem)
    missing = graph.missing(wanted)
    found = [name for name in wanted if name not in missing]
    seed = nn.Variable.from_numpy_array(tensors["cotangent/" + problem["output"]])
    gradients = (
        nn.grad([network.output], [wanted[name] for name in found], grad_outputs=[seed]) if found else []
    )
    for variable in list(network.variables.values()) + gradients:
        variable.persistent = True
    forward(network, graph, gradients)
    values = outputs(network, problem)
    values.update((name, each.d.copy()) for name, each in zip(found, gradients))
    return values, missing


PRIMARY = "visit_backward"
ROUTES = {"visit_backward": visit_backward, "nn_grad": nn_grad}


class Graph:
    """What ``visit`` finds above an output, and how far a gradient gets in it."""

    def __init__(self, output):
        self.functions = []
        output.visit(self.functions.append)
        # Every variable that the output depends on.
        self.variables = {output}.union(*(f.inputs for f in self.functions))
        # Those that backward writes a gradient of; visit lists functions in the order of forward.
        self.reached = {output}
        # Those that depend on a leaf whose gradient is asked for.
        self.asked = {v for v in self.variables if v.parent is None and v.need_grad}
        for function in self.functions:
            if not self.asked.isdisjoint(function.inputs):
                self.asked.update(function.outputs)
        for function in reversed(self.functions):
            if not self.reached.isdisjoint(function.outputs):
                self.reached.update(v for v in function.inputs if v.need_grad)

    def missing(self, wanted):
        """Why, for each variable that backward does not reach; its ``.g`` would be zeros or anything."""
        return {name: self.reason(each) for name, each in wanted.items() if each not in self.reached}

    def reason(self, variable):
        """Why backward does not reach a variable."""
        if variable not in self.variables:
            return "not_on_path"
        return "graph_cut" if variable in self.asked else "not_requested"


def forward(network, graph, also=()):
    """Run every function once: one that writes in place, such as batch normalisation, must not run again."""
    aside = [
        each for each in network.variables.values() if each.parent is not None and each not in graph.variables
    ]
    if aside or also:
        nn.forward_all([network.output] + aside + list(also), clear_no_need_grad=False)
    else:
        network.output.forward(clear_no_need_grad=False)


def outputs(network, problem):
    """Copies of every node's outputs; ``.d`` is a view of a buffer."""
    names = [entry["name"] for node in problem["nodes"] for entry in node["outputs"]]
    return {"output/" + name: network.variables[name].d.copy() for name in names}


def wanted_gradients(network, problem):
    """The variables whose gradients a capture must hold or explain, by ``grad/<name>``."""
    names = [node["outputs"][0]["name"] for node in problem["nodes"]]
    names += [entry["name"] for entry in problem["inputs"] + problem["parameters"] if entry["grad"]]
    return {"grad/" + name: network.variables[name] for name in names if name != problem["output"]}


def take_gradient(variable):
    """A variable's gradient without a copy: it gets a new buffer, so nothing writes to this one any more."""
    gradient = variable.g
    variable.grad = nn.NdArray(variable.shape)
    return gradient
