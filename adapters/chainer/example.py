"""What a stand-alone script needs of Chainer beside the operators: leaves, the way back, arrays."""

import chainer


def leaf(array, grad):
    return chainer.Variable(array, requires_grad=grad)


def buffer(array):
    return array


def run(tensors, output, cotangent):
    tensors[output].grad = cotangent
    tensors[output].backward(retain_grad=True)


def value(tensor):
    return chainer.as_variable(tensor).array


def gradient(tensor):
    return tensor.grad
