"""PyTorch 2.13.0: the gradient of hardsigmoid in float64 is 1/6 as float32 has it (fault)."""

import torch

x = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
torch.nn.functional.hardsigmoid(x).backward()
print("got     ", round(x.grad.item(), 12))
print("expected", round(1.0 / 6.0, 12))
