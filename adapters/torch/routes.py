"""The ways to get gradients out of PyTorch."""

from functools import partial

import torch
from torch.func import functional_call, vjp

from . import network as native
from .bits import array_of, tensor_of
from .reasons import reasons, without_path


def retain_grad(network, problem, tensors):
    """Forward, retain_grad() on every node output, backward(), read .grad."""
    lineage = network.nodes.lineage
    values = network(native.inputs(problem, tensors))
    for name in lineage.between:
        if values[name].requires_grad:
            values[name].retain_grad()
    backward(values[problem["output"]], cotangent(problem, tensors))
    return answer(lineage, values, {name: values[name].grad for name in lineage.wanted})


def leaf_grad(network, problem, tensors):
    """Forward, backward(), read .grad: inputs and parameters have one, what lies between keeps none."""
    lineage = network.nodes.lineage
    values = network(native.inputs(problem, tensors))
    backward(values[problem["output"]], cotangent(problem, tensors))
    gradients = {name: values[name].grad for name in lineage.leaves}
    return answer(lineage, values, gradients, kept=lineage.leaves)


def tensor_hooks(network, problem, tensors):
    """Tensor.register_hook on every tensor: backward() hands each hook the whole gradient of its tensor."""
    lineage = network.nodes.lineage
    values, gradients = network(native.inputs(problem, tensors)), {}
    for name in lineage.wanted:
        if values[name].requires_grad:
            values[name].register_hook(partial(gradients.__setitem__, name))
    backward(values[problem["output"]], cotangent(problem, tensors))
    return answer(lineage, values, gradients)


def module_hooks(network, problem, tensors):
    """A forward hook and a full backward hook on the submodule of every node; .grad of inputs and parameters.

    A module's grad_output is the gradient of what it returned, summed over all that read it. Its grad_input is not
    the gradient of what it was given, only this one reader's part of it: nothing is taken from there.
    """
    lineage = network.nodes.lineage
    results, gradients = {}, {}

    def keep_results(names, module, arguments, result):
        results.update(zip(names, result if isinstance(result, tuple) else (result,)))

    def keep_gradients(names, module, grad_input, grad_output):
        gradients.update(zip(names, grad_output))

    modules = dict(network.named_children())
    for node in problem["nodes"]:
        names = [entry["name"] for entry in node["outputs"]]
        modules[node["name"]].register_forward_hook(partial(keep_results, names))
        modules[node["name"]].register_full_backward_hook(partial(keep_gradients, names))
    values = network(native.inputs(problem, tensors))
    backward(values[problem["output"]], cotangent(problem, tensors))
    gradients.update((name, values[name].grad) for name in lineage.leaves)
    return answer(lineage, values, gradients, results=results)


def autograd_grad(network, problem, tensors):
    """torch.autograd.grad of the output, at once in inputs, parameters and all that lies between."""
    lineage = network.nodes.lineage
    values, gradients = network(native.inputs(problem, tensors)), {}
    output = values[problem["output"]]
    names = [name for name in lineage.wanted if values[name].requires_grad]
    # It refuses a tensor that requires no gradient, be it the output or one it is asked for.
    if output.requires_grad:
        asked = [values[name] for name in names]
        found = torch.autograd.grad(output, asked, cotangent(problem, tensors), allow_unused=True)
        gradients = dict(zip(names, found))
    return answer(lineage, values, gradients)


def func_vjp(network, problem, tensors):
    """torch.func.vjp of the network as a function of its parameters and inputs; all results come along as aux."""
    lineage = network.nodes.lineage
    inputs, why = native.inputs(problem, tensors), {}
    of_parameters = {name: p.detach() for name, p in network.named_parameters() if p.requires_grad}
    of_inputs = {name: x.detach() for name, x in inputs.items() if x.requires_grad}
    refuse_hidden(network, of_parameters)

    def function(of_parameters, of_inputs):
        values = functional_call(network, of_parameters, ({**inputs, **of_inputs},))
        # vjp makes zeros where no gradient came. Only in here is there a graph that tells why none came.
        why.update(without_path(lineage, values, lineage.wanted))
        return values[problem["output"]], {name: values[name] for name in lineage.outputs}

    _, pull_back, results = vjp(function, of_parameters, of_inputs, has_aux=True)
    of_parameters, of_inputs = pull_back(cotangent(problem, tensors))
    gradients = {n: g for n, g in {**of_parameters, **of_inputs}.items() if "graph_cut" not in why.get(n, ())}
    missing = {n: why.get(n, "not_retained") for n in lineage.wanted if n not in gradients}
    return arrays(results, gradients), {"grad/" + name: reason for name, reason in missing.items()}


def compiled(network, problem, tensors):
    """torch.compile of the forward, backward(), read .grad; of the rest, fused or not, only the output is seen."""
    lineage = network.nodes.lineage
    # Of every network the same function is compiled, and torch gives up after the eighth.
    torch.compiler.reset()
    inputs, name = native.inputs(problem, tensors), problem["output"]
    # Compiled code is one node of autograd's graph: the operators' own graph tells why a gradient is missing. First,
    # since the compiler would make a failure of its own of an operator that is unsupported.
    values = network(inputs)
    forward = torch.compile(lambda values: network(values)[name], fullgraph=True, dynamic=False)
    try:
        output = forward(inputs)
        backward(output, cotangent(problem, tensors))
    except Exception:
        refuse_without_compiler()
        raise
    gradients = {leaf: values[leaf].grad for leaf in lineage.leaves}
    captured, missing = answer(lineage, values, gradients, kept=lineage.leaves, results={name: output})
    missing.update(("output/" + other, "not_retained") for other in lineage.outputs if other != name)
    return captured, missing


# What the routes share


def cotangent(problem, tensors):
    """The gradient that is handed to the output."""
    return tensor_of(tensors["cotangent/" + problem["output"]])


def backward(output, gradient):
    """backward() from the output; it refuses one that no gradient can flow from."""
    if output.requires_grad:
        output.backward(gradient)


def arrays(results, gradients):
    """A capture's arrays, from tensors by name."""
    found = {"output/" + name: array_of(tensor) for name, tensor in results.items()}
    found.update(("grad/" + name, array_of(tensor)) for name, tensor in gradients.items())
    return found


def answer(lineage, values, gradients, *, kept=None, results=None):
    """What a route returns: results and gradients as arrays, and why the other gradients are missing.

    values: the tensors of the forward. kept: what the route keeps gradients of, if not of all that is wanted.
    results: the node outputs, where they are not those of ``values``.
    """
    found = {name: gradients[name] for name in lineage.wanted if gradients.get(name) is not None}
    without = [name for name in lineage.wanted if name not in found]
    missing = reasons(lineage, values, without, lineage.wanted if kept is None else kept)
    return arrays(results or {name: values[name] for name in lineage.outputs}, found), missing


def refuse_hidden(network, parameters):
    """Raise NotImplementedError where functional_call, which takes a name apart with getattr, finds no submodule."""
    for name in parameters:
        owner = name.split(".")[0]
        if not isinstance(getattr(network, owner), torch.nn.Module):
            raise NotImplementedError(f"torch's functional_call finds Module.{owner} and not the node of that name")


def refuse_without_compiler():
    """Raise NotImplementedError where torch.compile cannot even negate, such as without a C++ compiler."""
    torch.compiler.reset()
    try:
        # A cache would give the answer of a day when there was a compiler.
        with torch.compiler.config.patch(force_disable_caches=True):
            torch.compile(lambda x: -x, fullgraph=True)(torch.ones(3))
    except Exception as error:
        why = str(error).split("\n")[0]
        raise NotImplementedError(f"torch.compile does not work on this machine: {why}") from error


PRIMARY = "retain_grad"
ROUTES = {
    "retain_grad": retain_grad,
    "leaf_grad": leaf_grad,
    "tensor_hooks": tensor_hooks,
    "module_hooks": module_hooks,
    "autograd_grad": autograd_grad,
    "func_vjp": func_vjp,
    "compile": compiled,
}
