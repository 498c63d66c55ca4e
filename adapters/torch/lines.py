"""What a program of a few lines needs of PyTorch: how to make a leaf, go back, and read."""

IMPORTS = ("import torch", "from torch.nn import functional as F")
LEAF = "torch.from_numpy({array}).requires_grad_({grad})"
BACKWARD = "{output}.backward(torch.from_numpy({cotangent}))"
ONES = "{output}.backward(torch.ones_like({output}))"
VALUE = "{tensor}.tolist()"
GRADIENT = "{tensor}.grad.tolist()"
