"""PyTorch 2.13.0: the gradient of celu in float64 goes through 1 / alpha in float32 (fault)."""

import math

import torch

x = torch.tensor(-1.0, dtype=torch.float64, requires_grad=True)
torch.nn.functional.celu(x, alpha=1.7).backward()
print("got     ", round(x.grad.item(), 12))
print("expected", round(math.exp(-1.0 / 1.7), 12))
