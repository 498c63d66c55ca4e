"""What a stand-alone script needs of PyTorch beside the operators: leaves, the way back, arrays."""

from .bits import array_of, tensor_of


def leaf(array, grad):
    return tensor_of(array).requires_grad_(grad)


def own(result, *tensors):
    # With nothing to do an operator may hand back its very input, whose gradient is another.
    return result.view_as(result) if any(result is tensor for tensor in tensors) else result


def run(tensors, output, cotangent):
    for tensor in tensors.values():
        if tensor.requires_grad:
            tensor.retain_grad()
    tensors[output].backward(tensor_of(cotangent))


def value(tensor):
    return array_of(tensor)


def gradient(tensor):
    return array_of(tensor.grad)
