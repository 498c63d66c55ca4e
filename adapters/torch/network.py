"""The native network: a torch.nn.Module whose named_parameters() are the problem's."""

import torch

from .bits import array_of, tensor_of


def build(problem, tensors, nodes):
    """The problem as a module; its parameters and buffers share their memory with ``tensors``."""
    return Network(problem, tensors, nodes)


def inputs(problem, tensors):
    """The problem's inputs as leaves that share their memory with ``tensors``."""
    return {e["name"]: tensor_of(tensors[e["name"]]).requires_grad_(e["grad"]) for e in problem["inputs"]}


def identity(x):
    """The same numbers in memory of their own, with a gradient of their own."""
    return x.clone()


def evaluate(network, problem, tensors):
    """The network's output at what ``tensors`` hold now; no graph is kept, and no operator writes into a buffer."""
    with torch.no_grad():
        return array_of(network(inputs(problem, tensors))[problem["output"]])


def computed(values):
    """What the nodes of a network that crashed had computed, as arrays by name."""
    return {name: array_of(value) for name, value in values.items()}


class Network(torch.nn.Module):
    """A problem as a module, with one submodule for each node; given the inputs, it returns every tensor."""

    def __init__(self, problem, tensors, nodes):
        super().__init__()
        self.nodes = nodes
        # Not add_module: it refuses a node called like a method of Module, `train` for one.
        for node in problem["nodes"]:
            self._modules[node["name"]] = Node(nodes.operators[node["op"]])
        for entry in problem["parameters"]:
            owner, slot = entry["name"].split(".")
            parameter = torch.nn.Parameter(tensor_of(tensors[entry["name"]]), entry["grad"])
            self._modules[owner].register_parameter(slot, parameter)
        for entry in problem["buffers"]:
            owner, slot = entry["name"].split(".")
            self._modules[owner].register_buffer(slot, tensor_of(tensors[entry["name"]]))

    def forward(self, values):
        """The inputs, parameters, buffers and every node's outputs by name, computed from the inputs by name."""
        values = {**values, **dict(self.named_parameters()), **dict(self.named_buffers())}
        return self.nodes(values, around=self.apply_module)

    def apply_module(self, node, apply, tensors):
        """Apply a node through its submodule, so that hooks see it."""
        return self._modules[node["name"]](*tensors, **node["attributes"])


class Node(torch.nn.Module):
    """One node: its operator, and the parameters and buffers that it owns, which it is handed with the rest."""

    def __init__(self, operator):
        super().__init__()
        self.operator = operator

    def forward(self, *tensors, **attributes):
        """Apply the operator and give its result an identity of its own."""
        result = self.operator(*tensors, **attributes)
        # Dropout in evaluation mode and some reshapes return the tensor they were given. A gradient kept on it
        # would be that of the operator's input, which other nodes may read too.
        return result.view_as(result) if any(result is tensor for tensor in tensors) else result
