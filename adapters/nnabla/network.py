"""The native network: an NNabla graph, its parameters registered under the spec's names."""

import nnabla as nn

from . import adapter


class Network:
    """A graph that is built and has not run: its output, and its variables by the spec's names."""

    def __init__(self, output, variables):
        self.output = output
        self.variables = variables


def build(problem, tensors, walk):
    """Build the graph of a problem; the process's one parameter store then holds this problem's alone."""
    nn.clear_parameters()
    variables = {}
    for entry in problem["inputs"]:
        variables[entry["name"]] = nn.Variable.from_numpy_array(
            tensors[entry["name"]], need_grad=entry["grad"]
        )
    for entry in problem["parameters"] + problem["buffers"]:
        variables[entry["name"]] = register(entry["name"], tensors[entry["name"]], entry["grad"])
    variables = walk(vars(adapter), variables)
    return Network(variables[problem["output"]], variables)


def register(name, array, need_grad):
    """Copy an array into the parameter store, 'conv1.weight' as 'conv1/weight'; return its variable."""
    scope, slot = name.rsplit(".", 1)
    with nn.parameter_scope(scope):
        return nn.parameter.get_parameter_or_create(slot, array.shape, initializer=array, need_grad=need_grad)
