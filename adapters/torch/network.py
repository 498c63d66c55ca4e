"""The native network: a torch.nn.Module whose named_parameters() are the problem's."""

import functools

import torch

from . import adapter


def build(problem, tensors, walk):
    """Return the module; its parameters and buffers share their memory with ``tensors``."""
    return Network(problem, tensors, walk)


def inputs(problem, tensors):
    """The problem's inputs as leaves that share their memory with ``tensors``."""
    return {
        e["name"]: torch.from_numpy(tensors[e["name"]]).requires_grad_(e["grad"]) for e in problem["inputs"]
    }


class Network(torch.nn.Module):
    """One submodule for each node that owns parameters or buffers; given the inputs, returns every tensor."""

    def __init__(self, problem, tensors, walk):
        super().__init__()
        self.walk = walk
        for entry in problem["parameters"]:
            owner, slot = self._owner_and_slot(entry["name"])
            array = torch.from_numpy(tensors[entry["name"]])
            owner.register_parameter(slot, torch.nn.Parameter(array, requires_grad=entry["grad"]))
        for entry in problem["buffers"]:
            owner, slot = self._owner_and_slot(entry["name"])
            owner.register_buffer(slot, torch.from_numpy(tensors[entry["name"]]))

    def _owner_and_slot(self, name):
        node, slot = name.split(".")
        # Not add_module: it refuses a node called like a method of Module, `train` for one.
        return self._modules.setdefault(node, torch.nn.Module()), slot

    def forward(self, values):
        """Return the inputs, parameters, buffers and every node output by name."""
        values = {**values, **dict(self.named_parameters()), **dict(self.named_buffers())}
        return self.walk(OPERATORS, values)


def distinct(operator):
    """Give the operator's result an identity of its own.

    Dropout in evaluation mode and some reshapes return the tensor they were given. A gradient kept on it
    would be that of the operator's input, which other nodes may read too.
    """

    @functools.wraps(operator)
    def with_own_result(*tensors, **attributes):
        result = operator(*tensors, **attributes)
        return result.view_as(result) if any(result is tensor for tensor in tensors) else result

    return with_own_result


OPERATORS = {name: distinct(operator) for name, operator in vars(adapter).items() if name.startswith("op_")}
