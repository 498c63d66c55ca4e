"""What NNabla's graph holds of a problem, which of it can be read, and why the rest cannot."""

import functools

import nnabla as nn

from .reasons import explain


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
        self.problem, self.variables, self.lineage = problem, network.variables, network.lineage
        # Backward goes no further up than variables that need a gradient.
        self.reached = variables_above([network.output], lambda variable: variable.need_grad)

    @functools.cached_property
    def explained(self):
        """Tensor -> why there is no way from the output to it, by the problem's graph or by NNabla's."""
        return explain(self.lineage, self.variables, self.lineage.wanted + self.lineage.outputs)

    def read_outputs(self, variables):
        """Copy the output of every node that is among ``variables``, unless its buffer was given away."""
        for name in self.lineage.outputs:
            variable = variables.get(name)
            if variable is None:
                self.missing["output/" + name] = self.explained.get(name, "not_retained")
            elif variable.data.clear_called:
                self.missing["output/" + name] = "buffer_reused"
            else:
                self.values["output/" + name] = variable.d.copy()

    def read_gradients(self, variables, kept=None):
        """Take the gradients that backward wrote to ``variables``.

        kept: the names that the route can give; None for all.
        """
        for name in self.lineage.wanted:
            reason = self.why_not(name, variables.get(name), kept)
            if reason is None:
                self.values["grad/" + name] = variables[name].g
            else:
                self.missing["grad/" + name] = reason
        # Without a copy: variables get new buffers, so nothing writes to these any more.
        for variable in {variables[name] for name in self.lineage.wanted if "grad/" + name in self.values}:
            variable.grad = nn.NdArray(variable.shape)

    def why_not(self, name, variable, kept=None):
        """Why the gradient of a variable cannot be read; None where it can."""
        if variable is None or variable not in self.reached:
            return self.explained[name]
        if kept is not None and name not in kept:
            return "not_retained"
        # NNabla's own mark on a buffer that it gave away and that nobody wrote since; reading takes it off.
        return "buffer_reused" if variable.grad.clear_called else None
