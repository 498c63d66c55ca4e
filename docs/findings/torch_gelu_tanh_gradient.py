"""PyTorch 2.13.0: the gradient of gelu in its tanh form is NaN where the square of x overflows (fault)."""

import torch
from torch.nn import functional as F

x = torch.tensor([1e18, 1e20, -1e20], requires_grad=True)
F.gelu(x, approximate="tanh").sum().backward()
print("got     ", x.grad.tolist())
print("expected", [1.0, 1.0, 0.0])
