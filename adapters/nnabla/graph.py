"""What NNabla's graph holds of a problem, which of it can be read, and why the rest cannot."""

import nnabla as nn


def functions_above(output):
    """Every function that an output depends on, in the order of forward."""
    functions = []
    output.visit(functions.append)
    return functions


def aside(network):
    """The variables that functions made and that the output does not depend on, in the order of the spec."""
    above = set(functions_above(network.output))
    return [v for v in network.variables.values() if v.parent is not None and v.parent not in above]


def variables_above(outputs, through=lambda variable: True):
    """Every variable that outputs depend on by way of variables that ``through`` lets pass."""
    variables, functions, left = set(outputs), set(), list(outputs)
    while left:
        # Not by the variable: an unlinked one is equal to the one it was taken from, and has no parent.
        function = left.pop().parent
        if function is not None and function not in functions:
            functions.add(function)
            inputs = [variable for variable in function.inputs if through(variable)]
            variables.update(inputs)
            left.extend(inputs)
    return variables


class Capture:
    """Arrays and reasons of a network that has run, gathered from variables by the spec's names."""

    def __init__(self, network, problem):
        self.values, self.missing = {}, {}
        self.problem = problem
        # Backward goes no further up than variables that need a gradient.
        self.reached = variables_above([network.output], lambda variable: variable.need_grad)
        nodes = [(node["name"], _reads(node)) for node in problem["nodes"]]
        self.on_path = {problem["output"]}
        for name, reads in reversed(nodes):
            if name in self.on_path:
                self.on_path.update(reads)
        self.leaves = [each["name"] for each in problem["inputs"] + problem["parameters"] if each["grad"]]
        self.asked = set(self.leaves)
        for name, reads in nodes:
            if not self.asked.isdisjoint(reads):
                self.asked.add(name)

    def read_outputs(self, variables):
        """Copy the output of every node that is among ``variables``, unless its buffer was given away."""
        for node in self.problem["nodes"]:
            for name in (entry["name"] for entry in node["outputs"]):
                variable = variables.get(name)
                if variable is None:
                    self.missing["output/" + name] = self.reason(name)
                elif variable.data.clear_called:
                    self.missing["output/" + name] = "buffer_reused"
                else:
                    self.values["output/" + name] = variable.d.copy()

    def read_gradients(self, variables, kept=None):
        """Take the gradients that backward wrote to ``variables``; of those not ``kept``, none is read."""
        for name in self.wanted():
            reason = self.why_not(name, variables.get(name), kept)
            if reason is None:
                self.values["grad/" + name] = variables[name].g
            else:
                self.missing["grad/" + name] = reason
        # Without a copy: variables get new buffers, so nothing writes to these any more.
        for variable in {variables[name] for name in self.wanted() if "grad/" + name in self.values}:
            variable.grad = nn.NdArray(variable.shape)

    def wanted(self):
        """The names of which a capture must hold or explain the gradient; the output's is the cotangent."""
        nodes = [node["name"] for node in self.problem["nodes"] if node["name"] != self.problem["output"]]
        return nodes + self.leaves

    def why_not(self, name, variable, kept=None):
        """Why a gradient cannot be read; None where it can."""
        if variable is None or variable not in self.reached:
            return self.reason(name)
        if kept is not None and name not in kept:
            return "not_retained"
        # NNabla's own mark on a buffer that it gave away and that nobody wrote since; reading takes it off.
        return "buffer_reused" if variable.grad.clear_called else None

    def reason(self, name):
        """Why NNabla's graph has no way from the output to a tensor: the spec has none, or it was cut."""
        if name not in self.on_path:
            return "not_on_path"
        return "graph_cut" if name in self.asked else "not_requested"


def _reads(node):
    names = []
    for _, name in node["tensors"]:
        names.extend(name if isinstance(name, list) else [] if name is None else [name])
    return names
