"""What a stand-alone script needs of NNabla beside the operators: leaves, the way back, arrays."""

import nnabla as nn


def leaf(array, grad):
    return nn.Variable.from_numpy_array(array, need_grad=grad)


def run(tensors, output, cotangent):
    for tensor in tensors.values():
        # Otherwise its buffer may be used again for another tensor.
        tensor.persistent = True
    tensors[output].forward()
    for tensor in tensors.values():
        if tensor.need_grad:
            tensor.grad.zero()
    tensors[output].backward(cotangent)


def value(tensor):
    return tensor.d


def gradient(tensor):
    return tensor.g
