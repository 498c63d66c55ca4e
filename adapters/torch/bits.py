"""Tensors and NumPy arrays that share their memory; NumPy has no bfloat16, whose bits are arrays of uint16 there."""

import torch


def tensor_of(array):
    """A tensor of the numbers of an array, in its memory; one of uint16 holds bits of bfloat16."""
    if array.dtype == "uint16":
        return torch.from_numpy(array.view("int16")).view(torch.bfloat16)
    return torch.from_numpy(array)


def array_of(tensor):
    """The numbers of a tensor as an array, in its memory; of bfloat16 their bits, as uint16."""
    if tensor.dtype == torch.bfloat16:
        return tensor.detach().view(torch.int16).numpy().view("uint16")
    return tensor.detach().numpy()
